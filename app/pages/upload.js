// @ts-check
// The page of the upload: one file, its progress, and what the server found out about it. A file of more than 1 MB goes on
// after a lost connection.

import { action, refs, ActionError } from "kipo";
import { fieldInWords, inWords } from "./_words.js";

refs.file_input.addEventListener("change", () => {
  refs.upload_btn.disabled = refs.file_input.files?.length !== 1;
  refs.file_input.removeAttribute("aria-invalid");
  show("", "");
});
// The browser may still have the file of an earlier visit.
refs.upload_btn.disabled = refs.file_input.files?.length !== 1;

async function send() {
  const file = refs.file_input.files?.[0];
  if (!file || refs.upload_btn.getAttribute("aria-disabled") === "true") return;
  // A disabled button would lose the focus.
  refs.upload_btn.setAttribute("aria-disabled", "true");
  refs.file_input.removeAttribute("aria-invalid");
  refs.upload_progress.value = 0;
  refs.upload_progress.hidden = false;
  show(`Sending ${file.name} …`, "sending");
  try {
    const call = action.upload.Store({ file }).withUpload({ resumable: 1 << 20 }).withOnUpload(onUpload(file.name));
    const { name, content_type, size, sha256 } = await call.call();
    show(`${name} arrived: ${size} bytes, ${content_type}, SHA-256 ${sha256.slice(0, 16)}…`, "arrived");
  } catch (error) {
    const messages = error instanceof ActionError && error.fields.file;
    if (messages) refs.file_input.setAttribute("aria-invalid", "true");
    show(messages ? fieldInWords("The file", messages) : inWords(error), "refused");
  }
  refs.upload_progress.hidden = true;
  refs.upload_btn.removeAttribute("aria-disabled");
}

/**
 * Returns a function that shows the progress. Screen readers announce each text, so there is one for each quarter.
 *
 * @param {string} name
 */
function onUpload(name) {
  let quarters = 0;
  /** @param {number} sent @param {number} total */
  return (sent, total) => {
    refs.upload_progress.value = sent / total;
    const now = Math.floor((4 * sent) / total);
    if (now > quarters && now < 4) show(`Sending ${name}: ${25 * now} %`, "sending");
    quarters = now;
  };
}

/**
 * @param {string} text
 * @param {"" | "sending" | "arrived" | "refused"} state
 */
function show(text, state) {
  refs.status.textContent = text;
  refs.status.dataset.state = state;
}

refs.upload_btn.addEventListener("click", () => void send());
