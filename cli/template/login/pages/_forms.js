// @ts-check
// A form that calls an action, and its errors in words.

import { ActionError } from "kipo";

/**
 * Calls `submit` when the form is submitted, once at a time. `note` shows its error.
 *
 * @param {HTMLFormElement} form
 * @param {HTMLElement} note
 * @param {() => Promise<unknown>} submit
 */
export function onSubmit(form, note, submit) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (form.ariaBusy === "true") return;
    form.ariaBusy = "true";
    note.textContent = "";
    try {
      await submit();
    } catch (error) {
      note.textContent = inWords(error);
    } finally {
      form.ariaBusy = null;
    }
  });
}

/** @param {unknown} error */
export function inWords(error) {
  if (!(error instanceof ActionError)) return "Something broke in this page.";
  if (error.status === 429) return `That was too often. Try again in ${Math.ceil((error.retryAfter ?? 1000) / 1000)} s.`;
  if (!error.isValidationError) return sentence(error.message);
  return Object.entries(error.fields).map(([field, messages = []]) => sentence(`${field} ${messages.join(" and ")}`)).join(" ");
}

/** @param {string} text */
function sentence(text) {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
