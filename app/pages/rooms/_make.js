// @ts-check
// Makes a room and enters it.

import { action, refs, ActionError } from "kipo";
import { fieldInWords, inWords } from "../_words.js";

/** How long one attempt may take, in milliseconds. */
const MAKE_MS = 10_000;

const MAKE_ATTEMPTS = 3;

/** The pause before the second attempt, in milliseconds. */
const PAUSE_MS = 500;

/**
 * Makes a room, unless there is one of this name, and goes to its page.
 *
 * @param {string} room
 * @returns {Promise<string>} why that is not possible, or an empty text
 */
export async function make(room) {
  const call = action.rooms.Create({ room }).withTimeout(MAKE_MS).withLoading(refs.make_form);
  try {
    const { address } = await call.withRetry(MAKE_ATTEMPTS, { baseDelay: PAUSE_MS }).call();
    location.assign(address);
    return "";
  } catch (error) {
    const fields = error instanceof ActionError ? error.fields : {};
    return fields.room === undefined ? inWords(error) : fieldInWords("The name", fields.room);
  }
}
