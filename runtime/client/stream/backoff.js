/** @import { Backoff } from "../types.d.ts" */

/** Enough doublings to exceed every sensible maximum, and few enough for a finite number. */
const DOUBLINGS_MAX = 30;

/**
 * Returns the delay before attempt `n` (1 is the first retry), in milliseconds.
 *
 * Full jitter: a thousand clients that lost one server do not reconnect at the same moment.
 *
 * @param {number} n
 * @param {{ backoff: Backoff, baseDelay: number, maxDelay: number }} options
 * @param {() => number} [random] in [0, 1)
 */
export function delay(n, { backoff, baseDelay, maxDelay }, random = Math.random) {
  const growth = backoff === "exponential" ? 2 ** Math.min(n - 1, DOUBLINGS_MAX) : n;
  return Math.round(Math.min(maxDelay, baseDelay * growth) * random());
}
