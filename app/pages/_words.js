// @ts-check
// Errors as sentences for people.

import { ActionError } from "kipo";

/**
 * Describes an error.
 *
 * @param {unknown} error
 */
export function inWords(error) {
  if (!(error instanceof ActionError)) return "Something broke in this page. Load it again to go on.";
  switch (error.code) {
    case "timeout":
      return "The server did not answer in time.";
    case "too_many_requests": {
      const seconds = Math.ceil((error.retryAfter ?? 0) / 1000);
      return seconds > 0 ? `That was too fast. Try again in ${seconds} s.` : "That was too fast. Wait a moment, then try again.";
    }
    case "cross_site":
      return "The server takes this only from its own pages.";
  }
  if (error.isNetworkError) return "The server cannot be reached.";
  if ([502, 503, 504].includes(error.status)) return "The server is not available right now.";
  if (error.status >= 500) {
    return `The server had a problem of its own${error.requestId === null ? "" : ` (request ${error.requestId})`}.`;
  }
  return sentence(error.message);
}

/**
 * Joins the messages of a field into one sentence: "Your name" and `["must have 1 to 20 characters"]`.
 *
 * @param {string} label
 * @param {string[]} messages
 */
export function fieldInWords(label, messages) {
  return sentence(`${label} ${messages.join(" and ")}`);
}

/** @param {string} text */
function sentence(text) {
  const first = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(first) ? first : `${first}.`;
}
