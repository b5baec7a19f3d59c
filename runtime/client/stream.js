/** @import { Gap, StreamState } from "./types.d.ts" */
/** @import { End, Message, SseEvent, StreamOptions } from "./internal.d.ts" */

import { delay } from "./backoff.js";
import { Connection } from "./connection.js";
import { Place } from "./cursor.js";
import { ActionError, badResponse, errorFromProblem, isTransient, noAnswer } from "./error.js";
import { sleep } from "./platform.js";

/** Longer than a slow phone needs to connect, shorter than anyone would look at a dead page. */
const CONNECT_MS = 20_000;

/** Two pings may be late; a third is not coming. */
const PINGS_OF_SILENCE = 2.5;

/** One stream of messages over as many connections as it takes. Its docs for pages are in types.d.ts. */
export class Stream {
  #options;
  #retry;
  #place = new Place();
  /** The connection in use, or the last one. @type {Connection | undefined} */
  #connection;
  /** When the connection gave its first event. @type {number | null} */
  #openedAt = null;
  /** Reconnects since the stream was last healthy. */
  #attempt = 0;
  /** The next connection is wanted at once: this one was closed on purpose. */
  #isHurried = false;
  /** The page is gone, or asleep in the back/forward cache. */
  #isHidden = false;
  /** Aborted to end the wait between two connections. */
  #nap = new AbortController();

  /** @param {StreamOptions} options */
  constructor(options) {
    this.#options = options;
    const { retryStream = {} } = options;
    const { maxReconnects = Infinity, baseDelay = 3000, maxDelay = 30_000, backoff = "linear" } = retryStream;
    const { healthyAfter = 5000 } = retryStream;
    this.#retry = { ...retryStream, maxReconnects, baseDelay, maxDelay, backoff, healthyAfter };
  }

  /**
   * Yields each message once, in order, and returns the output. Leaving it closes the stream.
   *
   * @returns {AsyncGenerator<Message, unknown, undefined>}
   */
  async *messages() {
    const { retryStream, signal, platform, notify } = this.#options;
    const unfollow = retryStream ? this.#followPage() : () => {};
    try {
      for (;;) {
        const end = yield* this.#oneConnection();
        if (end.isOver) return end.output;
        if (!retryStream) throw end.error ?? disconnected();

        const wasHealthy = this.#openedAt !== null && platform.now() - this.#openedAt >= this.#retry.healthyAfter;
        const attempt = (this.#attempt = wasHealthy ? 1 : this.#attempt + 1);
        if (attempt > this.#retry.maxReconnects) throw end.error ?? disconnected();
        const delayMs = this.#delayMs(end.error);
        notify(() => this.#retry.onDisconnect?.(end.error, attempt, delayMs));
        this.#tell("waiting");
        await this.#wait(delayMs);
        signal.throwIfAborted();
      }
    } finally {
      this.#connection?.close();
      unfollow();
      this.#tell("closed");
    }
  }

  /** @returns {AsyncGenerator<Message, End, undefined>} */
  async *#oneConnection() {
    const { connect, timeout: connectMs = CONNECT_MS, signal, platform, notify } = this.#options;
    const connection = new Connection((signal) => connect(this.#place.id, signal), { connectMs, signal, platform });
    this.#connection = connection;
    this.#openedAt = null;
    this.#isHurried = false;
    this.#tell("connecting");
    try {
      for (;;) {
        const { frame, error } = await this.#nextFrame(connection);
        if (!frame) return { isOver: false, error };
        if (this.#openedAt === null) this.#opened(connection);
        switch (frame.event) {
          case "complete":
            return { isOver: true, output: parse(frame) };
          case "error":
            throw errorFromProblem(Object(parse(frame)));
          case "kipo:ready":
            this.#ready(connection, frame);
            break;
          case "kipo:gap":
            this.#place.goOn(frame.id, true);
            notify(() => this.#retry.onGap?.(/** @type {Gap} */ (parse(frame))));
            break;
          default:
            // Control frames of a newer server say nothing that the page could use.
            if (!frame.event.startsWith("kipo:") && this.#place.accept(frame.id)) {
              yield { event: frame.event, data: parse(frame), id: frame.id };
            }
        }
      }
    } finally {
      connection.close();
    }
  }

  /**
   * The next frame, or why there is none: `error` is null after an end without one.
   *
   * @param {Connection} connection
   * @returns {Promise<{ frame?: SseEvent, error: ActionError | null }>}
   */
  async #nextFrame(connection) {
    try {
      return { frame: await connection.next(), error: null };
    } catch (error) {
      if (isTransient(error)) return { error };
      throw error;
    }
  }

  /** @param {Connection} connection */
  #opened(connection) {
    this.#openedAt = this.#options.platform.now();
    connection.watchSilence(Infinity);
    this.#tell("open");
    const attempt = this.#attempt;
    if (attempt > 0) this.#options.notify(() => this.#retry.onReconnect?.(attempt));
  }

  /**
   * @param {Connection} connection
   * @param {SseEvent} frame
   */
  #ready(connection, frame) {
    const { ping_ms } = Object(parse(frame));
    this.#place.goOn(frame.id);
    if (ping_ms > 0) connection.watchSilence(ping_ms * PINGS_OF_SILENCE);
  }

  /** @param {ActionError | null} error */
  #delayMs(error) {
    if (this.#isHurried) return 0;
    const { backoff, baseDelay, maxDelay } = this.#retry;
    // The server knows best when it will be back, even if that is later than the page would wait.
    const asked = this.#connection?.retryMs ?? null;
    const options = { backoff, baseDelay: asked ?? baseDelay, maxDelay: Math.max(asked ?? 0, maxDelay) };
    return delay(this.#attempt, options, this.#options.platform.random) + (error?.retryAfter ?? 0);
  }

  /**
   * Waits, but never into a hidden page, and not on when the page wakes up.
   *
   * @param {number} ms
   */
  async #wait(ms) {
    const { signal, platform } = this.#options;
    do {
      this.#nap = new AbortController();
      const isOver = AbortSignal.any([signal, this.#nap.signal]);
      await sleep(this.#isHidden ? Infinity : ms, isOver, platform).catch(() => {});
    } while (this.#isHidden && !signal.aborted);
  }

  /** Follows what happens to the page. Returns what ends that. */
  #followPage() {
    const { window, document } = this.#options.platform;
    const controller = new AbortController();
    /** @type {(target: EventTarget | undefined, name: string, run: () => void) => void} */
    const on = (target, name, run) => target?.addEventListener(name, run, { signal: controller.signal });
    // The network is another one now; what was open over the old one may never tell that it is dead.
    on(window, "online", () => this.#reconnectNow());
    // An open connection would keep the page out of the back/forward cache.
    on(window, "pagehide", () => this.#hide());
    on(window, "pageshow", () => this.#isHidden && this.#show());
    // A frozen page reads nothing: what it missed comes faster from a new connection than from a full one.
    on(document, "freeze", () => this.#hide());
    on(document, "resume", () => this.#show());
    on(document, "visibilitychange", () => {
      if (document?.visibilityState !== "visible") return;
      this.#connection?.checkDeadline();
      this.#nap.abort();
    });
    return () => controller.abort();
  }

  #hide() {
    this.#isHidden = true;
    this.#reconnectNow();
  }

  #show() {
    this.#isHidden = false;
    this.#nap.abort();
  }

  #reconnectNow() {
    this.#isHurried = true;
    this.#connection?.close();
    this.#nap.abort();
  }

  /** @param {StreamState} state */
  #tell(state) {
    this.#options.notify(() => this.#options.onState?.(state));
  }
}

function disconnected() {
  return noAnswer("disconnected", "the stream ended before it was complete");
}

/** @param {SseEvent} frame */
function parse({ event, data }) {
  try {
    return JSON.parse(data);
  } catch (cause) {
    throw badResponse(`the event "${event}" holds no JSON`, cause);
  }
}
