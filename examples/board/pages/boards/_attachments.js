// @ts-check
// The files of the card that is open: dropped or chosen, checked before they are sent, and sent with their progress.

import { action, refs } from "kipo";
import { inWords, say } from "../_words.js";

/** The limits of `attachments.Add`. The server checks them too, and a browser that sends too much would read no answer. */
const FILES_MAX = 5;
const BYTES_MAX = 20 * 1024 * 1024;

/** A screen reader announces the progress in steps of this many hundredths. */
const STEP = 25;

export function offerFiles() {
  refs.editor.addEventListener("change", (event) => {
    if (event.target === input()) check();
  });
  refs.editor.addEventListener("submit", (event) => {
    const form = /** @type {HTMLFormElement} */ (event.target);
    if (!form.matches(".attach")) return;
    event.preventDefault();
    void send(form);
  });
  offerDropping();
}

/** Returns the control for files, if a card is open. @returns {HTMLInputElement | null} */
function input() {
  return refs.card_view.querySelector(".attach [type='file']");
}

/** Checks what was chosen: the browser then refuses to send it, and says why. */
function check() {
  const control = input();
  if (control === null) return;
  const files = [...(control.files ?? [])];
  const large = files.find(({ size }) => size > BYTES_MAX);
  const tooMany = files.length > FILES_MAX ? `These are more than ${FILES_MAX} files.` : "";
  control.setCustomValidity(large === undefined ? tooMany : `“${large.name}” is larger than 20 MB.`);
}

/**
 * Sends the files of a form. The form shows what is wrong with them.
 *
 * @param {HTMLFormElement} form
 */
async function send(form) {
  if (form.ariaBusy === "true") return;
  let announced = 0;
  show(0);
  refs.sending.hidden = false;
  const call = action.attachments.Add(form).withOnUpload((sent, total) => {
    const hundredths = Math.floor((100 * sent) / total);
    show(hundredths);
    // The board says when they are there, perhaps before the browser says that all are sent.
    if (hundredths < announced + STEP || hundredths === 100) return;
    announced = hundredths - (hundredths % STEP);
    say(refs.news, `${announced} % of the files are sent.`);
  });
  try {
    await call.call();
  } catch (error) {
    // The dialog was closed in the meantime, and its form with it.
    if (!form.isConnected) say(refs.board_error, inWords(error));
  } finally {
    refs.sending.hidden = true;
  }
}

/** @param {number} hundredths */
function show(hundredths) {
  refs.sent.value = hundredths / 100;
  say(refs.sent_text, hundredths < 100 ? `${hundredths} % sent` : "The server stores it");
}

function offerDropping() {
  /** @param {DragEvent} event */
  const hasFiles = ({ dataTransfer }) => dataTransfer?.types.includes("Files") === true;
  /** @param {boolean} isOver */
  const mark = (isOver) => refs.editor.classList.toggle("over", isOver);

  refs.editor.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    mark(true);
  });
  refs.editor.addEventListener("dragleave", (event) => {
    if (!(event.relatedTarget instanceof Node && refs.editor.contains(event.relatedTarget))) mark(false);
  });
  refs.editor.addEventListener("drop", (event) => {
    mark(false);
    const control = input();
    if (!hasFiles(event) || control === null || !event.dataTransfer) return;
    event.preventDefault();
    control.files = event.dataTransfer.files;
    check();
    control.form?.requestSubmit();
  });
}
