import assert from "node:assert/strict";
import { test } from "node:test";

import { browser, sleep, unlessAborted } from "../platform.js";
import { fakePlatform } from "../testing/fakes.js";

test("errors_are_reported_by_a_function_without_this", () => {
  const before = globalThis.reportError;
  /** @type {unknown[]} */
  const reported = [];
  // As in browsers: called as a method of another object it throws, and the error is lost.
  globalThis.reportError = function (/** @type {unknown} */ error) {
    if (/** @type {unknown} */ (this) !== undefined) throw new TypeError("Illegal invocation");
    reported.push(error);
  };
  try {
    const error = new Error("in a page");
    browser().report(error);
    assert.deepEqual(reported, [error]);
  } finally {
    globalThis.reportError = before;
  }
});

test("an_abort_ends_the_wait_for_a_promise", async () => {
  const controller = new AbortController();
  const { signal } = controller;
  assert.equal(await unlessAborted(Promise.resolve(1), signal), 1);
  await assert.rejects(unlessAborted(Promise.reject(new Error("no")), signal), /no/);
  const waiting = unlessAborted(new Promise(() => {}), signal);
  controller.abort(new Error("left"));
  await assert.rejects(waiting, /left/);
  await assert.rejects(unlessAborted(Promise.resolve(1), signal), /left/);
});

test("an_aborted_wait_leaves_no_timer", async () => {
  const { platform, clock } = fakePlatform(async () => new Response());
  const controller = new AbortController();
  const waiting = sleep(1000, controller.signal, platform);
  assert.equal(clock.pending, 1);
  controller.abort(new Error("left"));
  await assert.rejects(waiting, /left/);
  assert.equal(clock.pending, 0);
});
