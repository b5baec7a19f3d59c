/** @import { Gap, StreamState } from "../types.d.ts" */
/** @import { End, Message, SseEvent, StreamOptions } from "../internal.d.ts" */

import { ActionError, badResponseError, errorFromProblem, isTransient, noResponseError } from "../error.js";
import { delay, sleep } from "../platform.js";
import { Connection } from "./connection.js";
import { Position } from "./cursor.js";

/** Longer than a slow phone needs to connect, and shorter than a user waits at a dead page. */
const CONNECT_MS = 20_000;

/** The number of ping intervals without a byte after which the connection counts as dead. */
const PINGS_OF_SILENCE = 2.5;

/** One stream of messages over one or more connections. types.d.ts describes it for pages. */
export class Stream {
  #options;
  #retry;
  #position = new Position();
  /** The connection in use, or the last one. @type {Connection | undefined} */
  #connection;
  /** When the first event of the connection arrived. @type {number | null} */
  #openedAt = null;
  /** The number of reconnects since the last healthy connection. */
  #attempt = 0;
  /** The next reconnect has no delay, because this client closed the connection itself. */
  #isImmediate = false;
  /** The page is frozen, or in the back/forward cache. */
  #isHidden = false;
  /** @type {StreamState | undefined} */
  #state;
  /** Aborted to end the pause before a reconnect. */
  #pause = new AbortController();

  /** @param {StreamOptions} options */
  constructor(options) {
    this.#options = options;
    this.#position.id = options.from ?? "";
    const { retryStream = {} } = options;
    const { maxReconnects = Infinity, baseDelay = 3000, maxDelay = 30_000, backoff = "linear", healthyAfter = 5000 } = retryStream;
    this.#retry = { ...retryStream, maxReconnects, baseDelay, maxDelay, backoff, healthyAfter };
  }

  /**
   * Yields each message once, in order, and returns the output. Leaving the loop closes the stream.
   *
   * @returns {AsyncGenerator<Message, unknown, undefined>}
   */
  async *messages() {
    const { retryStream, signal, platform, notify } = this.#options;
    const unwatch = retryStream ? this.#watchPage() : () => {};
    try {
      for (;;) {
        const end = yield* this.#oneConnection();
        if (end.isComplete) return end.output;
        const error = end.error ?? noResponseError("disconnected", "the stream ended before it was complete");
        if (!retryStream) throw error;

        const wasHealthy = this.#openedAt !== null && platform.now() - this.#openedAt >= this.#retry.healthyAfter;
        const attempt = (this.#attempt = wasHealthy ? 1 : this.#attempt + 1);
        if (attempt > this.#retry.maxReconnects) throw error;
        const delayMs = this.#delayMs(end.error);
        notify(() => this.#retry.onDisconnect?.(end.error, attempt, delayMs));
        this.#setState("waiting");
        await this.#wait(delayMs);
        signal.throwIfAborted();
      }
    } finally {
      this.#connection?.close();
      unwatch();
      this.#setState("closed");
    }
  }

  /** @returns {AsyncGenerator<Message, End, undefined>} */
  async *#oneConnection() {
    const { connect, timeout: connectMs = CONNECT_MS, signal, platform, notify } = this.#options;
    const connection = new Connection((signal) => connect(this.#position.id, signal), { connectMs, signal, platform });
    this.#connection = connection;
    this.#openedAt = null;
    this.#isImmediate = false;
    this.#setState("connecting");
    try {
      for (;;) {
        /** @type {SseEvent | undefined} */
        let frame;
        try {
          frame = await connection.next();
        } catch (error) {
          if (isTransient(error)) return { isComplete: false, error };
          throw error;
        }
        if (!frame) return { isComplete: false, error: null };
        // A control frame of a newer server is of no use to this page.
        if (/^kipo:(?!(ready|gap|engine)$)/.test(frame.event)) continue;
        // Any frame but this one shows that the server reaches its messages.
        this.#setState(frame.event === "kipo:engine" && !Object(parse(frame)).reachable ? "stale" : "open");
        if (this.#openedAt === null) this.#opened(connection);
        switch (frame.event) {
          case "complete":
            return { isComplete: true, output: parse(frame) };
          case "error":
            throw errorFromProblem(Object(parse(frame)));
          case "kipo:ready": {
            const { ping_ms } = Object(parse(frame));
            this.#position.moveTo(frame.id);
            if (ping_ms > 0) connection.setIdleTimeout(ping_ms * PINGS_OF_SILENCE);
            break;
          }
          case "kipo:engine":
            break;
          case "kipo:gap":
            this.#position.moveTo(frame.id, true);
            notify(() => this.#retry.onGap?.(/** @type {Gap} */ (parse(frame))));
            break;
          default:
            if (this.#position.advance(frame.id)) {
              yield { event: frame.event, data: parse(frame), id: frame.id };
            }
        }
      }
    } finally {
      connection.close();
      // A frame without data has only an id: the position after messages that the action has not sent to this client.
      this.#position.advance(connection.parser.lastEventId || null);
    }
  }

  /** @param {Connection} connection */
  #opened(connection) {
    this.#openedAt = this.#options.platform.now();
    connection.setIdleTimeout(Infinity);
    const attempt = this.#attempt;
    if (attempt > 0) this.#options.notify(() => this.#retry.onReconnect?.(attempt));
  }

  /** @param {ActionError | null} error */
  #delayMs(error) {
    if (this.#isImmediate) return 0;
    const { backoff, baseDelay, maxDelay } = this.#retry;
    // The server's `retry:` counts even if it is longer than the maximum delay of the page.
    const retryMs = this.#connection?.parser.retry ?? null;
    const options = { backoff, baseDelay: retryMs ?? baseDelay, maxDelay: Math.max(retryMs ?? 0, maxDelay) };
    return delay(this.#attempt, options, this.#options.platform.random) + (error?.retryAfter ?? 0);
  }

  /**
   * Waits for the delay, and for as long as the page is hidden. The delay ends early when the page wakes up.
   *
   * @param {number} ms
   */
  async #wait(ms) {
    const { signal, platform } = this.#options;
    do {
      this.#pause = new AbortController();
      const ended = AbortSignal.any([signal, this.#pause.signal]);
      await sleep(this.#isHidden ? Infinity : ms, ended, platform).catch(() => {});
    } while (this.#isHidden && !signal.aborted);
  }

  /** Watches the lifecycle of the page. Returns a function that ends this. */
  #watchPage() {
    const { window, document } = this.#options.platform;
    const controller = new AbortController();
    /** @type {(target: EventTarget | undefined, name: string, run: () => void) => void} */
    const on = (target, name, run) => target?.addEventListener(name, run, { signal: controller.signal });
    // The network may be a new one. A connection over the old network may stay open without ever failing.
    on(window, "online", () => this.#reconnectNow());
    // An open connection keeps the page out of the back/forward cache.
    on(window, "pagehide", () => this.#hide());
    on(window, "pageshow", () => this.#isHidden && this.#show());
    // A frozen page reads nothing. A new connection brings the missed messages sooner than one with full buffers.
    on(document, "freeze", () => this.#hide());
    on(document, "resume", () => this.#show());
    on(document, "visibilitychange", () => {
      if (document?.visibilityState !== "visible") return;
      this.#connection?.checkDeadline();
      this.#pause.abort();
    });
    return () => controller.abort();
  }

  #hide() {
    this.#isHidden = true;
    this.#reconnectNow();
  }

  #show() {
    this.#isHidden = false;
    this.#pause.abort();
  }

  #reconnectNow() {
    this.#isImmediate = true;
    this.#connection?.close();
    this.#pause.abort();
  }

  /** @param {StreamState} state */
  #setState(state) {
    if (state === this.#state) return;
    this.#state = state;
    this.#options.notify(() => this.#options.onState?.(state));
  }
}

/** @param {SseEvent} frame */
function parse({ event, data }) {
  try {
    return JSON.parse(data);
  } catch (cause) {
    throw badResponseError(`the data of event "${event}" is not JSON`, cause);
  }
}
