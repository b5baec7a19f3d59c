// @ts-check
// The columns of a board.

/** A column. @typedef {import("kipo").Column} Column */

/** What is written above each. @type {Record<Column, string>} */
export const HEADINGS = { todo: "To do", doing: "Doing", done: "Done" };

/**
 * Returns the column in which an element is.
 *
 * @param {Element} element
 */
export function inColumn(element) {
  const lane = /** @type {HTMLElement} */ (element.closest("[data-column]"));
  return /** @type {Column} */ (lane.dataset.column);
}
