// A closed lid or a tunnel: a page cannot listen for a while, and meanwhile the server is killed. When the page is
// live again, it shows all messages within a second, each once.

import assert from "node:assert/strict";
import { setTimeout as pass } from "node:timers/promises";
import { AWAY, holds, part, scene, state, texts } from "./stage.js";

/** The promise of the project. */
const CATCH_UP_MS = 1000;

/** So long that the page's pauses between attempts are longer than a second. */
const AWAY_MS = 5000;

/**
 * @param {string} name
 * @param {(page: import("playwright-core").Page) => Promise<() => Promise<void>>} leave what happens to the
 *   page; the answer makes it live again
 */
function catchesUp(name, leave) {
  scene(name, async (stage) => {
    stage.expect(...AWAY, /net::ERR_INTERNET_DISCONNECTED/);
    const data = await stage.data();
    const first = await stage.server({ data });
    const page = await stage.chat(first.url, "Grace", await stage.steadyProfile());
    const said = ["before"];
    await first.say("Ada", "before");
    await holds(page, said);

    const comeBack = await leave(page);
    said.push("as it left");
    await first.say("Ada", said.at(-1));
    await first.kill();
    // The claim is about time: a page that only waits for its next attempt needs more than a second.
    await pass(AWAY_MS);
    const second = await stage.server({ data, port: Number(new URL(first.url).port) });
    for (let n = 1; n <= 20; n += 1) {
      said.push(`meanwhile ${n}`);
      await second.say("Ada", said.at(-1));
    }
    const started = performance.now();
    await comeBack();
    await page.waitForFunction((count) => document.querySelectorAll(".msg-text").length >= count, said.length, { polling: 10 });
    const took = performance.now() - started;
    assert.deepEqual(await texts(page), said);
    assert.ok(took < CATCH_UP_MS, `it took ${Math.round(took)} ms`);

    await state(page, "connected");
    await second.say("Ada", "after");
    await holds(page, [...said, "after"]);
    assert.equal(await page.locator(".mark[data-kind='gap']").count(), 0, "nothing is missing");
    assert.equal(await page.locator(part("own_name")).textContent(), "Grace", "it is the same page");
  });
}

// Headless Chromium does not freeze pages: `Page.setWebLifecycleState` has no effect. So the test sends the events of
// the Page Lifecycle alone. The page still runs in between, which makes the test harder.
catchesUp("a frozen page", async (page) => {
  const happens = (name) => page.evaluate((name) => document.dispatchEvent(new Event(name)), name);
  await happens("freeze");
  return () => happens("resume");
});

catchesUp("a hidden page", async (page) => {
  const show = (visibilityState) =>
    page.evaluate((visibilityState) => {
      Object.defineProperties(document, {
        visibilityState: { value: visibilityState, configurable: true },
        hidden: { value: visibilityState === "hidden", configurable: true },
      });
      document.dispatchEvent(new Event("visibilitychange"));
    }, visibilityState);
  await show("hidden");
  return () => show("visible");
});

catchesUp("a page without a network", async (page) => {
  await page.context().setOffline(true);
  return () => page.context().setOffline(false);
});

catchesUp("a page in the back/forward cache", async (page) => {
  await page.evaluate(() => {
    globalThis.isTheSame = true;
    addEventListener("pageshow", (event) => (globalThis.wasCached = event.persisted));
  });
  await page.goto(new URL("/progress", page.url()).href);
  return async () => {
    await page.evaluate(() => history.back());
    await page.waitForFunction(() => globalThis.isTheSame);
    assert.ok(await page.evaluate(() => globalThis.wasCached), "the page was in the cache, not loaded again");
  };
});
