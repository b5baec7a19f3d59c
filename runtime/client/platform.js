/** @import { Platform } from "./internal.d.ts" */
/** @import { Backoff } from "./types.d.ts" */

/** The longest timer. Browsers fire a longer one at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** Enough doublings to exceed every sensible maximum, and few enough for a finite number. */
const DOUBLINGS_MAX = 30;

/** @returns {Platform} */
export function browser() {
  return {
    fetch: (url, init) => fetch(url, init),
    now: Date.now,
    setTimer: (run, ms) => setTimeout(run, Math.min(ms, TIMER_MS_MAX)),
    clearTimer: (timer) => clearTimeout(timer),
    random: Math.random,
    // Called as a function: browsers refuse it as a method of another object.
    report: (error) => (globalThis.reportError ?? console.error)(error),
    window: globalThis.window,
    document: globalThis.document,
    // Missing on pages that are neither on https nor on localhost. Browsers that have locks have channels too.
    locks: globalThis.navigator?.locks,
    openChannel: (name) => new BroadcastChannel(name),
  };
}

/**
 * Waits for a promise. An abort ends the wait at once and throws the reason of the signal.
 *
 * @template T
 * @param {Promise<T>} promise
 * @param {AbortSignal} signal
 * @returns {Promise<T>}
 */
export function unlessAborted(promise, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop);
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}

/**
 * Waits for `ms` milliseconds. An abort ends the wait at once and throws the reason of the signal.
 *
 * @param {number} ms
 * @param {AbortSignal} signal
 * @param {Platform} platform
 * @returns {Promise<void>}
 */
export function sleep(ms, signal, platform) {
  let timer = 0;
  /** @type {Promise<void>} */
  const passed = new Promise((resolve) => (timer = platform.setTimer(resolve, ms)));
  return unlessAborted(passed, signal).finally(() => platform.clearTimer(timer));
}

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
