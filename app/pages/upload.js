// @ts-check
// The page of the upload: one file, its progress, and what the server found out about it. A file of more than 1 MB goes on
// after a lost connection.

import { action, refs, ActionError } from "kipo";
import { fieldInWords, inWords } from "./_words.js";

refs.file_input.addEventListener("change", () => {
  refs.upload_btn.disabled = refs.file_input.files?.length !== 1;
  show("", "");
});
// The browser may still have the file of an earlier visit.
refs.upload_btn.disabled = refs.file_input.files?.length !== 1;

async function send() {
  const file = refs.file_input.files?.[0];
  if (!file) return;
  refs.upload_btn.disabled = true;
  refs.upload_progress.value = 0;
  refs.upload_progress.hidden = false;
  show(`Sending ${file.name} …`, "sending");
  try {
    const call = action.upload.Store({ file }).withUpload({ resumable: 1 << 20 }).withOnUpload((sent, total) => (refs.upload_progress.value = sent / total));
    const { name, content_type, size, sha256 } = await call.call();
    show(`${name} arrived: ${size} bytes, ${content_type}, SHA-256 ${sha256.slice(0, 16)}…`, "arrived");
  } catch (error) {
    const messages = error instanceof ActionError && error.fields.file;
    show(messages ? fieldInWords("The file", messages) : inWords(error), "refused");
  }
  refs.upload_progress.hidden = true;
  refs.upload_btn.disabled = false;
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
