// @ts-check
// The page of the progress tracker: one run of a streaming action, from its first event to its output.

import { action, refs, ActionError } from "kipo";
import { fieldInWords, inWords } from "./_words.js";

/** @import { progress } from "kipo" */

const STEPS = 5;

/** @type {AbortController | null} Ends the current run. */
let run = null;

async function start() {
  if (run !== null) return;
  run = new AbortController();
  reset();
  try {
    const output = await action.progress
      .Run({ steps: STEPS })
      .withSignal(run.signal)
      .withOnProgress((data, event) => {
        if (event === "progress") advance(data);
      })
      .call();
    refs.result.textContent = output.message;
    refs.result.hidden = false;
    show("complete");
  } catch (error) {
    if (run.signal.aborted) show("cancelled");
    else fail(error);
  }
  rest();
}

/** @param {unknown} error */
function fail(error) {
  const wrong = error instanceof ActionError ? error.fields.steps : undefined;
  refs.run_error.textContent = wrong === undefined ? inWords(error) : fieldInWords("The number of steps", wrong);
  show("failed");
}

function reset() {
  refs.result.hidden = true;
  refs.run_error.textContent = "";
  refs.step_list.replaceChildren(...Array.from({ length: STEPS }, (_, index) => step(index + 1)));
  measure(0);
  point(1);
  show("running");
  refs.start_btn.setAttribute("aria-disabled", "true");
  refs.cancel_btn.hidden = false;
}

/** Enables the buttons. If the cancel button has the focus, it moves on before that button is hidden. */
function rest() {
  run = null;
  refs.start_btn.removeAttribute("aria-disabled");
  refs.start_btn.textContent = "Run again";
  if (document.activeElement === refs.cancel_btn) refs.start_btn.focus();
  refs.cancel_btn.hidden = true;
  for (const item of refs.step_list.querySelectorAll("[data-state='running']")) item.setAttribute("data-state", "waiting");
}

/** @param {progress.Progress} data */
function advance(data) {
  const item = refs.step_list.children[data.step - 1];
  if (item instanceof HTMLElement) {
    item.textContent = data.label;
    item.dataset.state = "done";
  }
  point(data.step + 1);
  measure(data.percent);
}

/** @param {number} number */
function step(number) {
  const item = document.createElement("li");
  item.className = "step";
  item.dataset.state = "waiting";
  item.textContent = `Step ${number}`;
  return item;
}

/**
 * Marks the current step.
 *
 * @param {number} number
 */
function point(number) {
  const item = refs.step_list.children[number - 1];
  if (item instanceof HTMLElement) item.dataset.state = "running";
}

/** @param {number} percent */
function measure(percent) {
  refs.progress_bar.value = percent;
  refs.progress_text.textContent = `${Math.round(percent)}%`;
}

/** @param {"running" | "complete" | "failed" | "cancelled"} state */
function show(state) {
  refs.status.textContent = state;
  refs.status.dataset.state = state;
}

refs.step_list.replaceChildren(...Array.from({ length: STEPS }, (_, index) => step(index + 1)));
refs.start_btn.addEventListener("click", () => void start());
refs.cancel_btn.addEventListener("click", () => run?.abort());
