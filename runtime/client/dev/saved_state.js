// Development only: saves the user state of a page before a reload, and restores it afterwards.

/** @import { UserState } from "../page/user_state.js" */

import { captureUserState, restoreUserState } from "../page/user_state.js";

const NAME = "kipo:saved-state";

/**
 * @typedef {object} Saved
 * @property {string} url of the page
 * @property {string | undefined} template of the page: an error page may show in between
 */

/**
 * Saves the user state of the page.
 *
 * @param {Document} document
 * @param {Storage} storage
 * @param {string} [template] of the page
 */
export function save(document, storage, template) {
  /** @type {Saved & UserState} */
  const saved = { url: document.location.href, template, ...captureUserState(document.documentElement) };
  try {
    storage.setItem(NAME, JSON.stringify(saved));
  } catch {
    // The storage may be forbidden or full.
  }
}

/**
 * Restores the state that was saved before the reload.
 *
 * @param {Document} document
 * @param {Storage} storage
 * @param {string} [template] of the page; a state of another template stays saved
 */
export function restore(document, storage, template) {
  const saved = take(document, storage, template);
  if (!saved) return;
  const ready = new Promise((resolve) => {
    if (document.readyState === "complete") resolve(undefined);
    // The script of the page runs after this one and before `DOMContentLoaded`.
    else document.addEventListener("DOMContentLoaded", resolve, { once: true });
  });
  void restoreUserState(document, saved, ready);
}

/**
 * Reads the saved state and removes it.
 *
 * @param {Document} document
 * @param {Storage} storage
 * @param {string} [template]
 * @returns {(Saved & UserState) | undefined}
 */
function take(document, storage, template) {
  try {
    const saved = JSON.parse(storage.getItem(NAME) ?? "{}");
    const isSameUrl = saved.url === document.location.href;
    if (isSameUrl && saved.template !== template) return undefined;
    storage.removeItem(NAME);
    return isSameUrl ? saved : undefined;
  } catch {
    return undefined;
  }
}
