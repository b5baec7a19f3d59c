// @ts-check
// The cards as elements. Their markup is the component of the templates, so there is one of it.

import { refs } from "kipo";

/** A card. @typedef {import("kipo").Card} Card */

/**
 * Returns the element of a card, if it is on the page.
 *
 * @param {number} id
 */
export function find(id) {
  return document.getElementById(`card-${id}`);
}

/**
 * Returns the id of the card whose element this is, or null.
 *
 * @param {Element | null | undefined} element
 */
export function idOf(element) {
  return element instanceof HTMLElement && element.dataset.card !== undefined ? Number(element.dataset.card) : null;
}

/** @param {number} id */
export function titleOf(id) {
  return find(id)?.querySelector(".card-title")?.textContent ?? "a card";
}

/**
 * Shows a card in its column, before another card or as the last one.
 *
 * @param {Card} card
 * @param {number | null | undefined} before
 */
export function place({ card: id, column, title, text, files }, before) {
  const item = find(id) ?? make(id);
  part(item, ".card-title").textContent = title;
  const shown = part(item, ".card-text");
  shown.textContent = text;
  shown.hidden = text === "";
  part(item, ".card-count").textContent = String(files);
  part(item, ".card-files").hidden = files === 0;
  const focused = item.contains(document.activeElement) ? /** @type {HTMLElement} */ (document.activeElement) : null;
  const cards = part(refs.board, `[data-column="${column}"] .cards`);
  const next = before === null || before === undefined ? null : find(before);
  cards.insertBefore(item, next?.parentElement === cards ? next : null);
  // An element that is moved loses the focus, and a button for a move that is not possible now is hidden.
  if (focused === null) return;
  focused.focus();
  if (document.activeElement !== focused) part(item, ".card-open").focus();
}

/**
 * Removes a card. The focus goes from it to the card below it, or to another one of its column, or to the field for a new one.
 *
 * @param {number} id
 */
export function remove(id) {
  const item = find(id);
  if (item === null) return;
  const neighbour = item.nextElementSibling ?? item.previousElementSibling;
  const next = neighbour?.querySelector(".card-open") ?? item.closest(".lane")?.querySelector(".add input[id]");
  const hasFocus = item.contains(document.activeElement);
  item.remove();
  if (hasFocus && next instanceof HTMLElement) next.focus();
}

/** @param {number} id */
function make(id) {
  const copy = /** @type {DocumentFragment} */ (refs.card_template.content.cloneNode(true));
  const item = /** @type {HTMLElement} */ (copy.querySelector(".card"));
  item.id = `card-${id}`;
  item.dataset.card = String(id);
  part(item, ".card-open").setAttribute("href", `?card=${id}`);
  const form = part(item, ".card-moves");
  form.setAttribute("p-action-key", String(id));
  /** @type {HTMLInputElement} */ (part(form, "[name='card']")).value = String(id);
  return item;
}

/**
 * @param {Element} element
 * @param {string} selector
 */
function part(element, selector) {
  return /** @type {HTMLElement} */ (element.querySelector(selector));
}
