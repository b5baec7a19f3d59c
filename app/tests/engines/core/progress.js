// The progress tracker: events of a running action, its result, and its cancellation.

import { part, reads, shows } from "../stage.js";

/** @param {import("../stage.js").Scene} scene */
export function progress(scene) {
  scene("a run shows each step and its result; the next one is cancelled", async (stage) => {
    const { url } = await stage.server();
    const tab = await stage.tab(`${url}/progress`);
    await tab.click("#start-btn");
    await reads(tab, part("status"), "running");
    await reads(tab, part("status"), "complete");
    await reads(tab, part("progress_text"), "100%");
    await reads(tab, part("result"), "All done.");
    const done = () => document.querySelectorAll(".step[data-state='done']").length;
    await shows(tab, 5, done);

    await tab.click("#start-btn");
    await shows(tab, 1, done);
    await tab.click(part("cancel_btn"));
    await reads(tab, part("status"), "cancelled");
  });
}
