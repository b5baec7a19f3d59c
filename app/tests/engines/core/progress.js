// The progress tracker: events of a running action, its result, and its cancellation.

import { part, reads, shows } from "../stage.js";

// These run in the page: a run lasts a second, so a busy machine could miss what lies between its start and its end.

/** Records each text that an element shows from now on. @param {string} selector */
function record(selector) {
  const element = document.querySelector(selector);
  const texts = (globalThis.recorded = []);
  new MutationObserver(() => texts.push(element.textContent)).observe(element, { childList: true, characterData: true, subtree: true });
}

/** Clicks the cancel button as soon as a step of the next run is done. @param {string} list @param {string} button */
function cancelAtFirstStep(list, button) {
  const steps = document.querySelector(list);
  const observer = new MutationObserver(() => {
    if (document.querySelector("#start-btn").getAttribute("aria-disabled") !== "true" || steps.querySelector("[data-state='done']") === null) return;
    observer.disconnect();
    document.querySelector(button).click();
  });
  observer.observe(steps, { attributes: true, childList: true, subtree: true });
}

/** @param {import("../stage.js").Scene} scene */
export function progress(scene) {
  scene("a run shows each step and its result; the next one is cancelled", async (stage) => {
    const { url } = await stage.server();
    const tab = await stage.tab(`${url}/progress`);
    await tab.evaluate(record, part("progress_text"));
    await tab.click("#start-btn");
    await reads(tab, part("status"), "complete");
    await reads(tab, part("result"), "All done.");
    await shows(tab, ["0%", "20%", "40%", "60%", "80%", "100%"], () => /** @type {any} */ (globalThis).recorded);
    const done = () => document.querySelectorAll(".step[data-state='done']").length;
    await shows(tab, 5, done);

    await tab.evaluate(cancelAtFirstStep, part("step_list"), part("cancel_btn"));
    await tab.click("#start-btn");
    await reads(tab, part("status"), "cancelled");
    await shows(tab, 1, done);
  });
}
