/** @import { State } from "./types.d.ts" */

import { el } from "./dom.js";

/** The size of the panel, in percent of the window. */
const MIN = 20;
const MAX = 90;
const STEP = 5;

/**
 * Returns the edge of the panel. The user drags it, or moves it by the arrow keys.
 *
 * @param {() => State} state
 * @param {(size: number) => void} set
 */
export function edge(state, set) {
  const element = el("div", { class: "edge", role: "separator", tabindex: 0, "aria-label": "Size of the panel", "aria-valuemin": MIN, "aria-valuemax": MAX });
  const draw = () => {
    const { dock, size } = state();
    element.setAttribute("aria-orientation", dock === "bottom" ? "horizontal" : "vertical");
    element.setAttribute("aria-valuenow", String(Math.round(size)));
  };
  const move = (/** @type {number} */ size) => {
    set(Math.min(MAX, Math.max(MIN, size)));
    draw();
  };
  element.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    element.focus();
    element.setPointerCapture(event.pointerId);
  });
  element.addEventListener("pointermove", ({ pointerId, clientX, clientY }) => {
    if (!element.hasPointerCapture(pointerId)) return;
    const { clientWidth, clientHeight } = document.documentElement;
    const height = globalThis.innerHeight || clientHeight;
    move(state().dock === "bottom" ? (1 - clientY / height) * 100 : (1 - clientX / clientWidth) * 100);
  });
  element.addEventListener("keydown", (event) => {
    const step = { ArrowUp: STEP, ArrowLeft: STEP, ArrowDown: -STEP, ArrowRight: -STEP }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    move(state().size + step);
  });
  draw();
  return { element, draw };
}
