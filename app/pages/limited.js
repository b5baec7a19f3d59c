// @ts-check
// The page of the rate limit: five calls one after the other, and what the server answers to each.

import { action, refs, ActionError } from "kipo";
import { inWords } from "./_words.js";

const TRIES = 5;

async function run() {
  if (refs.test_btn.getAttribute("aria-disabled") === "true") return;
  refs.test_btn.setAttribute("aria-disabled", "true");
  refs.try_list.replaceChildren();
  let result = "not_limited";
  for (let n = 0; n < TRIES; n++) {
    try {
      await action.limited.Call({}).call();
      show("Answered.", "answered");
    } catch (error) {
      if (error instanceof ActionError && error.code === "too_many_requests") result = "rate_limited";
      show(inWords(error), "refused");
    }
  }
  refs.result.textContent = result;
  refs.test_btn.removeAttribute("aria-disabled");
}

/**
 * Adds what one call came to.
 *
 * @param {string} text
 * @param {"answered" | "refused"} state
 */
function show(text, state) {
  const item = document.createElement("li");
  item.dataset.state = state;
  item.textContent = text;
  refs.try_list.append(item);
}

refs.test_btn.addEventListener("click", () => void run());
