import assert from "node:assert/strict";
import { test } from "node:test";

import { browser, delay, sleep, unlessAborted } from "../platform.js";
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

const most = () => 1;

function check(backoff, expected) {
  const delays = expected.map((_, index) => delay(index + 1, { backoff, baseDelay: 1000, maxDelay: 6000 }, most));
  assert.deepEqual(delays, expected);
}

test("linear_delays_grow_by_the_base", () => check("linear", [1000, 2000, 3000, 4000, 5000, 6000, 6000]));

test("exponential_delays_double", () => check("exponential", [1000, 2000, 4000, 6000, 6000]));

test("the_delay_is_random_between_zero_and_the_ceiling", () => {
  const options = { backoff: /** @type {const} */ ("exponential"), baseDelay: 1000, maxDelay: 30_000 };
  assert.equal(delay(3, options, () => 0), 0);
  assert.equal(delay(3, options, () => 0.25), 1000);
  const drawn = Array.from({ length: 100 }, () => delay(3, options));
  assert.ok(drawn.every((ms) => ms >= 0 && ms <= 4000));
  assert.ok(new Set(drawn).size > 50);
});

test("the_millionth_attempt_has_a_finite_delay", () => {
  for (const baseDelay of [0, 3000]) {
    const ms = delay(1_000_000, { backoff: "exponential", baseDelay, maxDelay: 30_000 }, most);
    assert.equal(ms, baseDelay === 0 ? 0 : 30_000);
  }
});
