// @ts-check
// What a page says to people.

import { ActionError } from "kipo";

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
  if (error.status >= 500) return "The server cannot do this now. Try again.";
  return sentence(error.message);
}

/** @param {string} text */
function sentence(text) {
  const first = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(first) ? first : `${first}.`;
}
