/** @import { Platform } from "./internal.d.ts" */

/** Browsers fire a timer that is set further ahead than this at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** @returns {Platform} */
export function browser() {
  return {
    fetch: (url, init) => fetch(url, init),
    now: Date.now,
    setTimer: (run, ms) => setTimeout(run, Math.min(ms, TIMER_MS_MAX)),
    clearTimer: (timer) => clearTimeout(timer),
    random: Math.random,
    report: globalThis.reportError ?? console.error,
    window: globalThis.window,
    document: globalThis.document,
    // Missing where the page is neither on https nor on localhost; browsers that have it have channels.
    locks: globalThis.navigator?.locks,
    openChannel: (name) => new BroadcastChannel(name),
  };
}

/**
 * Waits. An abort ends the wait at once and throws the reason of the signal.
 *
 * @param {number} ms
 * @param {AbortSignal} signal
 * @param {Platform} platform
 * @returns {Promise<void>}
 */
export function sleep(ms, signal, platform) {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const stop = () => {
      platform.clearTimer(timer);
      reject(signal.reason);
    };
    const timer = platform.setTimer(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal.addEventListener("abort", stop);
  });
}
