// Development only: what somebody typed, opened and scrolled to goes along when the page is loaded anew.

/** @import { Done } from "../page/user_state.js" */

import { giveBack, note } from "../page/user_state.js";

const NAME = "kipo:keep";

/**
 * @typedef {object} Kept
 * @property {string} address of the page
 * @property {string | undefined} template that it showed: a page of an error may come in between
 */

/**
 * Notes what the page would lose.
 *
 * @param {Document} document
 * @param {Storage} storage
 * @param {string} [template] that the page shows
 */
export function save(document, storage, template) {
  /** @type {Kept & Done} */
  const kept = { address: document.location.href, template, ...note(document.documentElement) };
  try {
    storage.setItem(NAME, JSON.stringify(kept));
  } catch {
    // A storage that is full, or forbidden, keeps nothing.
  }
}

/**
 * Gives back what the page before this one noted.
 *
 * @param {Document} document
 * @param {Storage} storage
 * @param {string} [template] that the page shows; for another one it is kept on
 */
export function restore(document, storage, template) {
  const kept = take(document, storage, template);
  if (!kept) return;
  const ready = new Promise((resolve) => {
    if (document.readyState === "complete") resolve(undefined);
    // The page's own script runs after this one, and before that.
    else document.addEventListener("DOMContentLoaded", resolve, { once: true });
  });
  void giveBack(document, kept, ready);
}

/**
 * @param {Document} document
 * @param {Storage} storage
 * @param {string} [template]
 * @returns {(Kept & Done) | undefined}
 */
function take(document, storage, template) {
  try {
    const kept = JSON.parse(storage.getItem(NAME) ?? "{}");
    const isHere = kept.address === document.location.href;
    if (isHere && kept.template !== template) return undefined;
    storage.removeItem(NAME);
    return isHere ? kept : undefined;
  } catch {
    return undefined;
  }
}
