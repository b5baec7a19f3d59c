// @ts-check
// Moves cards by keys and by dragging. Their buttons are forms, which need no script.

import { action, refs } from "kipo";
import { idOf } from "./_cards.js";
import { inColumn } from "./_columns.js";

/** Makes a change. @typedef {(change: { call(): Promise<unknown> }) => Promise<void>} Make */

/** What the arrow keys do together with Shift: the value of a button. @type {Record<string, string>} */
const KEYS = { ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down" };

/** @param {Make} make */
export function offerMoving(make) {
  refs.board.addEventListener("keydown", (event) => {
    const direction = KEYS[event.key];
    const card = element(event)?.closest(".card");
    if (!event.shiftKey || direction === undefined || !card) return;
    event.preventDefault();
    /** @type {HTMLButtonElement | null} */
    const button = card.querySelector(`.card-moves [value="${direction}"]`);
    // A step that is not possible has a button that is not visible.
    if (button?.checkVisibility({ visibilityProperty: true })) button.form?.requestSubmit(button);
  });

  offerDragging(make);
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
