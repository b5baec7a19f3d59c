// Calls whose files go ahead of them. Pages load this module with their first `withUpload`.

/** @import { Platform, RunSettings } from "../internal.d.ts" */
/** @import { UploadOptions } from "../types.d.ts" */

import { ActionError } from "../error.js";
import { delay, sleep } from "../platform.js";
import { fingerprint } from "./remembered.js";
import { BACKOFF, Gate, Transfer } from "./transfer.js";

/** The statuses after which the call is sent again: it has not begun, or its response was lost. */
const AGAIN = [0, 423, 502, 503];

/**
 * Sends the files of a call ahead, and then the call with their references in place of them. The call has a key of its
 * files, so that the server runs it once.
 *
 * @param {RunSettings} settings
 * @param {URL} base
 * @param {Platform} platform
 * @param {(settings: RunSettings) => Promise<unknown>} call
 * @returns {Promise<unknown>} the output
 */
export async function run(settings, base, platform, call) {
  const { name: action, onUpload, input } = settings;
  const upload = /** @type {UploadOptions} */ (settings.upload);
  const cancelled = new AbortController();
  const signal = AbortSignal.any([settings.signal, cancelled.signal]);
  const gate = new Gate();
  /** @type {Transfer[]} */
  const transfers = [];
  const notify = (/** @type {() => unknown} */ callback) => {
    try {
      callback();
    } catch (error) {
      platform.report(error);
    }
  };
  const total = () => transfers.reduce((sum, { file }) => sum + file.size, 0);
  const sent = () => transfers.reduce((sum, { offset }) => sum + offset, 0);
  const onProgress = () => notify(() => onUpload?.(sent(), total()));
  const isAhead = (/** @type {unknown} */ value) =>
    value instanceof Blob && (upload.resumable === "always" ? value.size > 0 || value instanceof File && value.name !== "" : value.size > upload.resumable);
  const ahead = (/** @type {string} */ field, /** @type {unknown} */ value) => {
    if (!isAhead(value)) return value;
    const file = /** @type {Blob} */ (value);
    const key = fingerprint(action, field, file);
    const transfer = new Transfer({ base, action, field, file, key, gate, signal, platform, onProgress });
    transfers.push(transfer);
    return transfer;
  };
  const planned = fieldsOf(input, ahead);
  const rest = { ...settings, upload: undefined, signal };
  if (transfers.length === 0) return call(rest);
  notify(() =>
    upload.onStart?.({
      pause: () => gate.pause(),
      resume: () => gate.resume(),
      cancel: () => {
        cancelled.abort(new DOMException("the upload was cancelled", "AbortError"));
        for (const transfer of transfers) void transfer.remove();
      },
      get isPaused() {
        return gate.isPaused;
      },
    }),
  );
  for (const transfer of transfers) await transfer.run();
  const key = `"upload-${transfers[0]?.id}"`;
  try {
    const output = await callAgain({ ...rest, onUpload: undefined, input: planned(), key }, platform, call);
    for (const transfer of transfers) transfer.forget();
    return output;
  } catch (error) {
    for (const transfer of transfers) {
      if (error instanceof ActionError && error.fields[transfer.field]) void transfer.remove();
      if (error instanceof ActionError && error.code === "upload_used") transfer.forget();
    }
    throw error;
  }
}

/**
 * Plans an input in which some values are replaced by transfers. Returns a function that returns the input with their
 * references.
 *
 * @param {unknown} input
 * @param {(field: string, value: unknown) => unknown} ahead
 * @returns {() => unknown}
 */
function fieldsOf(input, ahead) {
  const text = (/** @type {unknown} */ value) => (value instanceof Transfer ? `upload:${value.id}` : value);
  if (input instanceof FormData) {
    const pairs = [...input].map(([field, value]) => ({ field, value: ahead(field, value) }));
    return () => {
      const form = new FormData();
      for (const { field, value } of pairs) form.append(field, /** @type {string} */ (text(value)));
      return form;
    };
  }
  if (typeof input !== "object" || input === null || Array.isArray(input) || input instanceof Blob) return () => input;
  const pairs = Object.entries(input).map(([field, value]) => ({
    field,
    value: Array.isArray(value) ? value.map((item) => ahead(field, item)) : ahead(field, value),
  }));
  return () => Object.fromEntries(pairs.map(({ field, value }) => [field, Array.isArray(value) ? value.map(text) : text(value)]));
}

/**
 * Sends a call until a response arrives. With `withRetry` the call does that itself.
 *
 * @param {RunSettings} settings
 * @param {Platform} platform
 * @param {(settings: RunSettings) => Promise<unknown>} call
 */
async function callAgain(settings, platform, call) {
  for (let failures = 1; ; failures += 1) {
    try {
      return await call(settings);
    } catch (error) {
      const isLost = error instanceof ActionError && AGAIN.includes(error.status) && error.code !== "timeout";
      if (settings.retry || !isLost) throw error;
      await sleep((error.retryAfter ?? 0) + delay(failures, BACKOFF, platform.random), settings.signal, platform);
    }
  }
}
