// Sends one file in parts, by the protocol tus 1.0, until the server has all of it.

/** @import { Platform } from "../internal.d.ts" */

import { ActionError, badResponseError, errorFromResponse, isTransient, networkError } from "../error.js";
import { delay, sleep, unlessAborted } from "../platform.js";
import { recall, remember } from "./remembered.js";

/** The bytes of the first part, of the smallest and of the largest one. */
const [FIRST, SMALLEST, LARGEST] = [256 << 10, 16 << 10, 8 << 20];

/** A part that takes longer than the first is too large, and one that takes less than the second too small. */
const [SLOW_MS, FAST_MS] = [4_000, 1_000];

/** A part that takes this long is lost. */
const LOST_MS = 30_000;

/** The pauses between attempts: of a part, and of the call. */
export const BACKOFF = { backoff: /** @type {const} */ ("exponential"), baseDelay: 1_000, maxDelay: 30_000 };

/** The statuses after which the file begins anew, or asks where it goes on. */
const [NOT_FOUND, CONFLICT, GONE, WRONG_CHECKSUM] = [404, 409, 410, 460];

/** An error of the server itself may stay: after so many in a row the call fails. */
const [BROKEN, BROKEN_MAX] = [500, 5];

/** The pauses of all files of a call. */
export class Gate {
  isPaused = false;
  /** Aborted at each pause: it ends the requests in flight. */
  #running = new AbortController();
  /** @type {() => void} */
  #open = () => {};
  #opened = Promise.resolve();

  pause() {
    if (this.isPaused) return;
    this.isPaused = true;
    this.#opened = new Promise((resolve) => (this.#open = resolve));
    this.#running.abort();
  }

  resume() {
    this.isPaused = false;
    this.#running = new AbortController();
    this.#open();
  }

  get signal() {
    return this.#running.signal;
  }

  get opened() {
    return this.#opened;
  }
}

/** One file on its way. */
export class Transfer {
  /** The address of the upload, once it has begun. @type {URL | undefined} */
  url;
  /** What the server has acknowledged. */
  offset = 0;
  #part = FIRST;
  #failures = 0;
  /** Whether `offset` is what the server has. */
  #isSure = false;

  /**
   * @param {object} options
   * @param {URL} options.base
   * @param {string} options.action
   * @param {string} options.field
   * @param {Blob} options.file
   * @param {string | undefined} options.key by which the file is recognised
   * @param {Gate} options.gate
   * @param {AbortSignal} options.signal
   * @param {Platform} options.platform
   * @param {() => void} options.onProgress
   */
  constructor({ base, action, field, file, key, gate, signal, platform, onProgress }) {
    this.base = base;
    this.action = action;
    this.field = field;
    this.file = file;
    this.key = key;
    this.gate = gate;
    this.signal = signal;
    this.platform = platform;
    this.onProgress = onProgress;
    const known = recall(key);
    if (known) this.url = new URL(known, base);
  }

  /** The id of the upload. */
  get id() {
    return this.url?.pathname.split("/").pop() ?? "";
  }

  /** Sends what the server does not have. It ends when the server has all, or refuses the file. */
  async run() {
    for (;;) {
      this.signal.throwIfAborted();
      await unlessAborted(this.gate.opened, this.signal);
      try {
        if (!this.url) await this.#begin();
        else if (!this.#isSure) await this.#ask();
        else if (this.offset < this.file.size) await this.#append();
        else return;
      } catch (error) {
        this.signal.throwIfAborted();
        this.#isSure = false;
        if (this.gate.isPaused) continue;
        await this.#recover(error);
      }
    }
  }

  /** Removes the upload from the server and forgets it. */
  async remove() {
    remember(this.key);
    if (!this.url) return;
    const headers = { "tus-resumable": "1.0.0" };
    // What stays there expires.
    await this.platform.fetch(this.url, { method: "DELETE", headers, keepalive: true }).catch(() => {});
  }

  /** Forgets the upload: the same file begins anew. */
  forget() {
    remember(this.key);
  }

  /** @param {unknown} error */
  async #recover(error) {
    if (!(error instanceof ActionError)) throw error;
    const { status } = error;
    if (status === CONFLICT) return;
    if (status === NOT_FOUND && this.url) {
      // It has expired, or it was that of another session.
      this.forget();
      this.url = undefined;
      this.offset = 0;
      return;
    }
    const pause = error.retryAfter ?? 0;
    if ((!isTransient(error) && status !== WRONG_CHECKSUM) || pause > BACKOFF.maxDelay) throw error;
    this.#failures += 1;
    if (status === BROKEN && this.#failures > BROKEN_MAX) throw error;
    this.#part = Math.max(SMALLEST, this.#part / 2);
    await this.#sleep(pause + delay(this.#failures, BACKOFF, this.platform.random));
  }

  /**
   * Waits, at most until the browser is online again.
   *
   * @param {number} ms
   */
  async #sleep(ms) {
    const woken = new AbortController();
    const wake = () => woken.abort();
    this.platform.window?.addEventListener("online", wake);
    await sleep(ms, AbortSignal.any([this.signal, this.gate.signal, woken.signal]), this.platform).catch(() => {});
    this.platform.window?.removeEventListener("online", wake);
  }

  async #begin() {
    const { name = "", type, size } = /** @type {File} */ (this.file);
    const metadata = Object.entries({ action: this.action, field: this.field, filename: name, filetype: type });
    const response = await this.#send(new URL("uploads", this.base), "POST", {
      "upload-length": String(size),
      "upload-metadata": metadata.map(([key, value]) => `${key} ${base64(value)}`).join(","),
    });
    const location = response.headers.get("location");
    if (!location) throw badResponseError("the server has begun an upload without an address");
    this.url = new URL(location, this.base);
    remember(this.key, this.url.pathname);
    this.#acknowledged(0);
  }

  async #ask() {
    try {
      const { headers } = await this.#send(/** @type {URL} */ (this.url), "HEAD", {});
      this.#acknowledged(numberOf(headers, "upload-offset"));
    } catch (error) {
      if (!(error instanceof ActionError) || error.status !== GONE) throw error;
      // The call has run, and its response was lost: the same call again gets the same output.
      this.#acknowledged(this.file.size);
    }
  }

  async #append() {
    const start = this.platform.now();
    // Fails if the file has changed since it was chosen. Waiting would not help.
    const body = await this.file.slice(this.offset, this.offset + this.#part).arrayBuffer();
    const fields = { "upload-offset": String(this.offset), "content-type": "application/offset+octet-stream" };
    const { headers } = await this.#send(/** @type {URL} */ (this.url), "PATCH", fields, body);
    const ms = this.platform.now() - start;
    if (ms < FAST_MS) this.#part = Math.min(LARGEST, this.#part * 2);
    if (ms > SLOW_MS) this.#part = Math.max(SMALLEST, this.#part / 2);
    this.#failures = 0;
    this.#acknowledged(numberOf(headers, "upload-offset"));
  }

  /** @param {number} offset */
  #acknowledged(offset) {
    this.#isSure = true;
    this.offset = offset;
    this.onProgress();
  }

  /**
   * @param {URL} url
   * @param {string} method
   * @param {Record<string, string>} headers
   * @param {ArrayBuffer} [body]
   * @returns {Promise<Response>} a success
   */
  async #send(url, method, headers, body) {
    const lost = new AbortController();
    const timer = this.platform.setTimer(() => lost.abort(), LOST_MS);
    const signal = AbortSignal.any([this.signal, this.gate.signal, lost.signal]);
    try {
      const response = await this.platform.fetch(url, {
        method,
        headers: { ...headers, "tus-resumable": "1.0.0" },
        signal,
        cache: "no-store",
        ...(body && { body }),
      });
      if (!response.ok) throw await errorFromResponse(response, this.platform.now());
      return response;
    } catch (cause) {
      throw cause instanceof ActionError ? cause : networkError(cause);
    } finally {
      this.platform.clearTimer(timer);
    }
  }
}

/**
 * @param {Headers} headers
 * @param {string} name
 */
function numberOf(headers, name) {
  const text = headers.get(name);
  if (!text || !/^\d+$/.test(text)) throw networkError(`the response has no ${name}`);
  return Number(text);
}

/** @param {string} text */
function base64(text) {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}
