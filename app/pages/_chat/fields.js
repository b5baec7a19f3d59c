// @ts-check
// Texts beside fields, and the form for the name of a reader.

import { refs } from "kipo";

/**
 * Shows an error beside a field. An empty text removes it.
 *
 * @param {HTMLInputElement | HTMLTextAreaElement} field
 * @param {HTMLElement} output
 * @param {string} text
 */
export function complain(field, output, text) {
  say(output, text);
  if (text === "") field.removeAttribute("aria-invalid");
  else field.setAttribute("aria-invalid", "true");
}

/**
 * Shows a text, with a button for another try if there is one.
 *
 * @param {HTMLElement} output
 * @param {string} text
 * @param {() => void} [again]
 */
export function say(output, text, again) {
  output.textContent = text;
  if (again === undefined) return;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "link";
  button.textContent = "Try again";
  button.addEventListener("click", again);
  output.append(" ", button);
}

/**
 * Calls back with each name that a reader enters.
 *
 * @param {(name: string) => void} then
 */
export function onName(then) {
  const field = refs.username_input;
  refs.join_form.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = field.value.trim();
    const wrong = text === "" ? "Say who you are first." : text.length > field.maxLength ? `A name has at most ${field.maxLength} characters.` : "";
    complain(field, refs.username_error, wrong);
    if (wrong === "") then(text);
    else field.focus();
  });
  field.addEventListener("input", () => complain(field, refs.username_error, ""));
}
