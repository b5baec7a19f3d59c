// @ts-check
// A form that calls an action: busy while it waits, with the errors beside the fields.

import { ActionError } from "kipo";

/** A field that the action may refuse. @typedef {{ label: string, input: HTMLInputElement, error: HTMLElement }} Field */

/**
 * Calls `submit` when the form is submitted, once at a time. An error of the action is shown beside its field, and otherwise in
 * `error`.
 *
 * @param {HTMLFormElement} form
 * @param {() => Promise<unknown>} submit
 * @param {{ error: HTMLElement, fields?: Record<string, Field> }} shown
 */
export function onSubmit(form, submit, { error: output, fields = {} }) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (form.ariaBusy === "true") return;
    form.ariaBusy = "true";
    output.textContent = "";
    for (const field of Object.values(fields)) complain(field, "");
    try {
      await submit();
    } catch (error) {
      if (!showFields(error, fields)) output.textContent = inWords(error);
    } finally {
      form.ariaBusy = null;
    }
  });
}

/**
 * Shows the errors of fields, and focuses the first. Returns whether there was one.
 *
 * @param {unknown} error
 * @param {Record<string, Field>} fields
 */
function showFields(error, fields) {
  if (!(error instanceof ActionError) || !error.isValidationError) return false;
  /** @type {Partial<Record<string, string[]>>} */
  const messages = error.fields;
  const wrong = Object.keys(fields).filter((name) => messages[name] !== undefined);
  for (const name of wrong) {
    const field = /** @type {Field} */ (fields[name]);
    complain(field, sentence(`${field.label} ${messages[name]?.join(" and ")}`));
  }
  const [first] = wrong;
  if (first === undefined) return false;
  fields[first]?.input.focus();
  return true;
}

/**
 * Shows an error beside a field. An empty text removes it.
 *
 * @param {Field} field
 * @param {string} text
 */
export function complain({ input, error }, text) {
  say(error, text);
  if (text === "") input.removeAttribute("aria-invalid");
  else input.setAttribute("aria-invalid", "true");
}

/**
 * @param {HTMLElement} output
 * @param {string} text
 */
export function say(output, text) {
  output.textContent = text;
}

/**
 * Describes an error to people.
 *
 * @param {unknown} error
 */
export function inWords(error) {
  if (!(error instanceof ActionError)) return "Something broke in this page. Load it again to go on.";
  if (error.isNetworkError) return "The server cannot be reached.";
  if (error.status === 429) {
    const seconds = Math.ceil((error.retryAfter ?? 0) / 1000);
    return seconds > 0 ? `That was too often. Try again in ${seconds} s.` : "That was too often. Wait a moment, then try again.";
  }
  if (error.status >= 500) return "The server cannot do this now. Try again.";
  return sentence(error.message);
}

/** @param {string} text */
export function sentence(text) {
  const first = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(first) ? first : `${first}.`;
}
