import assert from "node:assert/strict";
import { test } from "node:test";

import { browser, sleep, unlessAborted } from "../platform.js";
import { fakePlatform } from "../testing/fakes.js";

test("mistakes_are_reported_by_a_function_that_wants_no_this", () => {
  const before = globalThis.reportError;
  /** @type {unknown[]} */
  const told = [];
  // As browsers do: called as a method of anything else it throws, and the mistake is lost.
  globalThis.reportError = function (/** @type {unknown} */ error) {
    if (/** @type {unknown} */ (this) !== undefined) throw new TypeError("Illegal invocation");
    told.push(error);
  };
  try {
    const mistake = new Error("mistake");
    browser().report(mistake);
    assert.deepEqual(told, [mistake]);
  } finally {
    globalThis.reportError = before;
  }
});

test("a_promise_is_waited_for_until_an_abort", async () => {
  const controller = new AbortController();
  const { signal } = controller;
  assert.equal(await unlessAborted(Promise.resolve(1), signal), 1);
  await assert.rejects(unlessAborted(Promise.reject(new Error("no")), signal), /no/);
  const waiting = unlessAborted(new Promise(() => {}), signal);
  controller.abort(new Error("left"));
  await assert.rejects(waiting, /left/);
  await assert.rejects(unlessAborted(Promise.resolve(1), signal), /left/);
});

test("a_wait_that_is_aborted_leaves_no_timer", async () => {
  const { platform, clock } = fakePlatform(async () => new Response());
  const controller = new AbortController();
  const waiting = sleep(1000, controller.signal, platform);
  assert.equal(clock.pending, 1);
  controller.abort(new Error("left"));
  await assert.rejects(waiting, /left/);
  assert.equal(clock.pending, 0);
});
