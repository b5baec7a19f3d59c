// @ts-check
// Moves cards: by buttons, by keys and by dragging.

import { action, refs } from "kipo";
import { idOf } from "./_cards.js";
import { COLUMNS, inColumn } from "./_columns.js";

/** Makes a change. @typedef {(change: { call(): Promise<unknown> }) => Promise<void>} Make */

/** @typedef {"left" | "right" | "up" | "down"} Direction */

/** What the arrow keys do together with Shift. @type {Record<string, Direction>} */
const KEYS = { ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down" };

/** @param {Make} make */
export function offerMoving(make) {
  refs.board.addEventListener("click", (event) => {
    const button = element(event)?.closest("[data-do]");
    if (!(button instanceof HTMLElement)) return;
    const { do: what = "" } = button.dataset;
    if (Object.values(KEYS).includes(/** @type {Direction} */ (what))) move(button, /** @type {Direction} */ (what), make);
  });

  refs.board.addEventListener("keydown", (event) => {
    const direction = KEYS[event.key];
    const card = element(event)?.closest(".card");
    if (!event.shiftKey || direction === undefined || !card) return;
    event.preventDefault();
    move(card, direction, make);
  });

  offerDragging(make);
}

/**
 * Moves the card of an element by one step, if there is space in that direction.
 *
 * @param {Element} start
 * @param {Direction} direction
 * @param {Make} make
 */
function move(start, direction, make) {
  const item = start.closest(".card");
  const card = idOf(item);
  if (item === null || card === null) return;
  const column = inColumn(item);
  if (direction === "left" || direction === "right") {
    const next = COLUMNS[COLUMNS.indexOf(column) + (direction === "left" ? -1 : 1)];
    if (next !== undefined) void make(action.cards.Move({ card, column: next }));
    return;
  }
  const neighbour = direction === "up" ? item.previousElementSibling : item.nextElementSibling;
  if (neighbour === null) return;
  const before = idOf(direction === "up" ? neighbour : neighbour.nextElementSibling);
  void make(action.cards.Move({ card, column, before }));
}

/** @param {Make} make */
function offerDragging(make) {
  /** The card that is dragged. @type {number | null} */
  let dragged = null;

  refs.board.addEventListener("dragstart", (event) => {
    const item = element(event)?.closest(".card");
    dragged = idOf(item);
    if (item) event.dataTransfer?.setData("text/plain", item.querySelector(".card-title")?.textContent ?? "");
  });
  refs.board.addEventListener("dragend", () => {
    dragged = null;
    mark(null);
  });
  refs.board.addEventListener("dragover", (event) => {
    const lane = element(event)?.closest(".lane");
    if (dragged === null || !lane) return;
    event.preventDefault();
    mark(lane);
  });
  refs.board.addEventListener("drop", (event) => {
    const lane = element(event)?.closest(".lane");
    if (dragged === null || !lane) return;
    event.preventDefault();
    const below = [...lane.querySelectorAll(".card")].find((item) => {
      const { top, height } = item.getBoundingClientRect();
      return idOf(item) !== dragged && event.clientY < top + height / 2;
    });
    void make(action.cards.Move({ card: dragged, column: inColumn(lane), before: idOf(below) }));
  });
}

/**
 * Marks the column above which the dragged card is.
 *
 * @param {Element | null} lane
 */
function mark(lane) {
  for (const other of refs.board.querySelectorAll(".lane")) other.classList.toggle("over", other === lane);
}

/** @param {Event} event */
function element(event) {
  return event.target instanceof Element ? event.target : null;
}
