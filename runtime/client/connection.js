/** @import { Platform, Send, SseEvent } from "./internal.d.ts" */

import { ActionError, badResponse, cutOff, errorFromResponse, networkError, noAnswer, timeoutError } from "./error.js";
import { unlessAborted } from "./platform.js";
import { SseParser } from "./sse.js";

const TYPE = "text/event-stream";

/**
 * One request for a stream, from its start to its end, under a deadline: first for its first event, then,
 * if asked, for each sign of life.
 */
export class Connection {
  #connect;
  #platform;
  /** Ends the request, for the reason it is aborted with. */
  #controller = new AbortController();
  #signal;
  /** @type {ReadableStreamDefaultReader<Uint8Array> | undefined} */
  #reader;
  #parser = new SseParser();
  /** @type {Iterator<SseEvent>} */
  #events = [].values();
  #isClosed = false;

  #deadline;
  /** Wall clock; Infinity while nobody waits for the server. */
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
    this.#deadline = { ms: connectMs, error: timeoutError(connectMs), isForEachRead: false };
  }

  /** What the server's `retry:` asked for, in milliseconds. */
  get retryMs() {
    return this.#parser.retry;
  }

  /**
   * The next event, or undefined once the connection has ended without an error.
   *
   * @returns {Promise<SseEvent | undefined>}
   * @throws {ActionError} if it was refused, broke, or passed its deadline
   * @throws the reason of the signal, if that was aborted
   */
  async next() {
    this.#startDeadline();
    try {
      for (;;) {
        const { value: event, done } = this.#events.next();
        if (!done) return event;
        const bytes = await this.#read();
        if (!bytes) return undefined;
        if (this.#deadline.isForEachRead) this.#startDeadline();
        this.#events = this.#parse(bytes);
      }
    } catch (error) {
      if (this.#isClosed) return undefined;
      throw error;
    } finally {
      // A reader who takes its time is no silence of the server.
      this.#stopDeadline();
    }
  }

  /**
   * From now on, so many milliseconds without a byte end the connection.
   *
   * @param {number} ms
   */
  watchSilence(ms) {
    const error = noAnswer("silence", `the stream was silent for ${ms} ms`);
    this.#deadline = { ms, error, isForEachRead: true };
  }

  /** Ends the connection if its deadline has passed: timers stand still while a page is frozen. */
  checkDeadline() {
    if (this.#platform.now() > this.#expiresAt) this.#controller.abort(this.#deadline.error);
  }

  /** Ends the connection; a pending `next()` gives undefined. */
  close() {
    this.#isClosed = true;
    // Aborts the fetch, which closes the socket.
    this.#controller.abort();
  }

  /**
   * Ends with an abort, however long `connect` or the browser takes to notice it: a page that is left
   * is told before the next one stands.
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
    if (type.length < TYPE.length && TYPE.startsWith(type)) throw cutOff();
    if (!/^text\/event-stream\b/i.test(type) || !response.body) {
      throw badResponse(`expected an event stream, got ${type || "nothing"}`);
    }
    return response.body.getReader();
  }

  /** @param {Uint8Array} bytes */
  #parse(bytes) {
    try {
      return this.#parser.push(bytes).values();
    } catch (cause) {
      throw badResponse("the stream holds an event that is too long", cause);
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
