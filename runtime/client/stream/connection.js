/** @import { Platform, Send, SseEvent } from "../internal.d.ts" */

import { ActionError, badResponseError, errorFromResponse, networkError, noResponseError, timeoutError, truncatedError } from "../error.js";
import { unlessAborted } from "../platform.js";
import { SseParser } from "./sse.js";

const TYPE = "text/event-stream";

/**
 * One request for a stream, from its start to its end. A deadline bounds the time to the first event, and later, if
 * an idle timeout is set, the time to the next byte.
 */
export class Connection {
  #connect;
  #platform;
  /** Aborted to end the request. */
  #controller = new AbortController();
  #signal;
  /** @type {ReadableStreamDefaultReader<Uint8Array> | undefined} */
  #reader;
  /** Has the `retry:` of the server, and the last id that arrived. */
  parser = new SseParser();
  /** @type {Iterator<SseEvent>} */
  #events = [].values();
  #isClosed = false;

  #deadline;
  /** Wall clock; Infinity while no read is pending. */
  #expiresAt = Infinity;
  #timer = 0;

  /**
   * @param {Send} connect
   * @param {{ connectMs: number, signal: AbortSignal, platform: Platform }} options
   */
  constructor(connect, { connectMs, signal, platform }) {
    this.#connect = connect;
    this.#platform = platform;
    this.#signal = AbortSignal.any([signal, this.#controller.signal]);
    this.#deadline = { ms: connectMs, error: timeoutError(connectMs), isIdleTimeout: false };
  }

  /**
   * Returns the next event, or undefined once the connection has ended without an error.
   *
   * @returns {Promise<SseEvent | undefined>}
   * @throws {ActionError} if the server refused it, it broke, or its deadline passed
   * @throws the reason of the signal, if the signal was aborted
   */
  async next() {
    this.#startDeadline();
    try {
      for (;;) {
        const { value: event, done } = this.#events.next();
        if (!done) return event;
        const bytes = await this.#read();
        if (!bytes) return undefined;
        if (this.#deadline.isIdleTimeout) this.#startDeadline();
        this.#events = this.#parse(bytes);
      }
    } catch (error) {
      if (this.#isClosed) return undefined;
      throw error;
    } finally {
      // A slow reader does not count as a silent server.
      this.#stopDeadline();
    }
  }

  /**
   * From now on, the connection ends after so many milliseconds without a byte.
   *
   * @param {number} ms
   */
  setIdleTimeout(ms) {
    const error = noResponseError("silence", `the stream was silent for ${ms} ms`);
    this.#deadline = { ms, error, isIdleTimeout: true };
  }

  /** Ends the connection if its deadline has passed. Timers do not run while a page is frozen. */
  checkDeadline() {
    if (this.#platform.now() > this.#expiresAt) this.#controller.abort(this.#deadline.error);
  }

  /** Ends the connection; a pending `next()` returns undefined. */
  close() {
    this.#isClosed = true;
    // Aborts the fetch, which closes the socket.
    this.#controller.abort();
  }

  /**
   * Reads the next bytes. An abort rejects at once, even if `connect` or the browser notices it later: streams of a
   * page end before the next page shows.
   *
   * @returns {Promise<Uint8Array | undefined>}
   */
  async #read() {
    const bytes = async () => {
      this.#reader ??= await this.#open();
      return (await this.#reader.read()).value;
    };
    try {
      return await unlessAborted(bytes(), this.#signal);
    } catch (cause) {
      if (this.#signal.aborted) throw this.#signal.reason;
      throw cause instanceof ActionError ? cause : networkError(cause);
    }
  }

  async #open() {
    const response = await this.#connect(this.#signal);
    if (!response.ok) throw await errorFromResponse(response, this.#platform.now());
    const type = response.headers.get("content-type") ?? "";
    if (type.length < TYPE.length && TYPE.startsWith(type)) throw truncatedError();
    if (!/^text\/event-stream\b/i.test(type) || !response.body) {
      throw badResponseError(`expected an event stream, got ${type || "nothing"}`);
    }
    return response.body.getReader();
  }

  /** @param {Uint8Array} bytes */
  #parse(bytes) {
    try {
      return this.parser.push(bytes).values();
    } catch (cause) {
      throw badResponseError("the stream contains an event that is too long", cause);
    }
  }

  #startDeadline() {
    this.#stopDeadline();
    const { ms, error } = this.#deadline;
    if (ms === Infinity) return;
    this.#expiresAt = this.#platform.now() + ms;
    this.#timer = this.#platform.setTimer(() => this.#controller.abort(error), ms);
  }

  #stopDeadline() {
    this.#expiresAt = Infinity;
    this.#platform.clearTimer(this.#timer);
  }
}
