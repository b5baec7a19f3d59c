/** @import { CallOptions, Send } from "../internal.d.ts" */

import { ActionError, badResponseError, errorFromResponse, isTransient, networkError, timeoutError, truncatedError } from "../error.js";
import { delay, sleep } from "../platform.js";

/**
 * Sends a request until an attempt succeeds or no attempt is left.
 *
 * @param {Send} send
 * @param {CallOptions} options
 * @returns {Promise<unknown>} the output
 */
export async function fetchOutput(send, options) {
  const { retry = { attempts: 1 }, signal, platform } = options;
  const { attempts, backoff = "exponential", baseDelay = 1000, maxDelay = 30_000 } = retry;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await oneAttempt(send, options);
    } catch (error) {
      const pause = error instanceof ActionError ? (error.retryAfter ?? 0) : 0;
      if (attempt >= attempts || !isTransient(error) || pause > maxDelay) throw error;
      await sleep(pause + delay(attempt, { backoff, baseDelay, maxDelay }, platform.random), signal, platform);
    }
  }
}

/**
 * @param {Send} send
 * @param {CallOptions} options
 */
async function oneAttempt(send, { timeout = Infinity, signal, platform }) {
  const deadline = new AbortController();
  const timer = platform.setTimer(() => deadline.abort(timeoutError(timeout)), timeout);
  const either = AbortSignal.any([signal, deadline.signal]);
  try {
    const response = await send(either);
    if (!response.ok) throw await errorFromResponse(response, platform.now());
    return await output(response);
  } catch (cause) {
    if (either.aborted) throw either.reason;
    throw cause instanceof ActionError ? cause : networkError(cause);
  } finally {
    platform.clearTimer(timer);
  }
}

/**
 * @param {Response} response
 * @returns {Promise<unknown>} null for an action without output
 */
async function output(response) {
  if (response.status === 204) return null;
  // Only a `Download` has it.
  if (response.headers.has("content-disposition")) return response.blob();
  const text = await response.text();
  if (text === "") throw truncatedError();
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw badResponseError("the response is not JSON", cause);
  }
}
