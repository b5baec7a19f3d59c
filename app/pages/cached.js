// @ts-check
// The page of the cached call: two calls, 100 ms apart, and how long each took.

import { action, refs, ActionError } from "kipo";
import { inWords } from "./_words.js";

const PAUSE_MS = 100;

/** Calls the action, and returns which computation the output is from, and how long the call took. */
async function timed() {
  const start = performance.now();
  const { computation } = await action.cached.Report().call();
  return { computation, ms: Math.round(performance.now() - start) };
}

async function test() {
  refs.cached_error.textContent = "";
  refs.result.textContent = "running";
  refs.test_btn.setAttribute("aria-busy", "true");
  try {
    const first = await timed();
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    const second = await timed();
    refs.result.textContent = first.computation === second.computation ? "cache_hit" : "cache_miss";
    refs.times.textContent = `${first.ms} ms, then ${second.ms} ms`;
  } catch (error) {
    if (!(error instanceof ActionError)) throw error;
    refs.result.textContent = "failed";
    refs.cached_error.textContent = inWords(error);
  } finally {
    refs.test_btn.removeAttribute("aria-busy");
  }
}

refs.test_btn.addEventListener("click", test);
