import assert from "node:assert/strict";
import { test } from "node:test";

import { delay } from "../../stream/backoff.js";

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
