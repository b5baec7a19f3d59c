// A fake browser: the test advances the clock and prepares the responses of `fetch`.

/** @import { Platform } from "../internal.d.ts" */

/** Lets all pending microtasks and immediate callbacks run. */
export async function settle() {
  for (let turn = 0; turn < 6; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** A clock that stands still until a test advances it. */
export class FakeClock {
  now = 1_000_000;
  /** @type {Map<number, { at: number, run: () => void }>} */
  #timers = new Map();
  #next = 1;

  /**
   * @param {() => void} run
   * @param {number} ms
   */
  setTimer(run, ms) {
    this.#timers.set(this.#next, { at: this.now + ms, run });
    return this.#next++;
  }

  /** @param {number} timer */
  clearTimer(timer) {
    this.#timers.delete(timer);
  }

  /** The number of timers that may still fire. */
  get pending() {
    return [...this.#timers.values()].filter(({ at }) => at < Infinity).length;
  }

  /** @param {number} ms */
  async advance(ms) {
    const end = this.now + ms;
    await settle();
    for (;;) {
      const due = [...this.#timers].filter(([, { at }]) => at <= end).sort(([, a], [, b]) => a.at - b.at)[0];
      if (!due) break;
      this.#timers.delete(due[0]);
      this.now = due[1].at;
      due[1].run();
      await settle();
    }
    this.now = end;
  }

  /**
   * Lets time pass without firing timers, as in a frozen page.
   *
   * @param {number} ms
   */
  freeze(ms) {
    this.now += ms;
  }
}

/** What the tabs of one browser share: channels and locks by name. */
export class FakeBrowser {
  /** @type {Map<string, Set<{ onmessage: ((event: MessageEvent) => void) | null }>>} */
  #channels = new Map();
  /** @type {Map<string, (() => void)[]>} */
  #queues = new Map();
  /** Channels of frozen tabs, which receive nothing. */
  frozen = new Set();

  /** @param {string} name */
  openChannel = (name) => {
    const others = this.#channels.get(name) ?? new Set();
    this.#channels.set(name, others);
    const channel = {
      /** @type {((event: MessageEvent) => void) | null} */
      onmessage: null,
      postMessage: (/** @type {unknown} */ data) => {
        if (!others.has(channel)) throw new DOMException("closed", "InvalidStateError");
        for (const other of others) {
          if (other === channel || this.frozen.has(other)) continue;
          const copy = structuredClone(data);
          queueMicrotask(() => others.has(other) && other.onmessage?.(/** @type {MessageEvent} */ ({ data: copy })));
        }
      },
      close: () => others.delete(channel),
    };
    others.add(channel);
    return channel;
  };

  /** The channels of this name, in the order of their opening. */
  channels(/** @type {string} */ name) {
    return [...(this.#channels.get(name) ?? [])];
  }

  locks = /** @type {LockManager} */ (
    /** @type {unknown} */ ({
      query: async () => ({ held: [...this.#queues].filter(([, queue]) => queue.length > 0).map(([name]) => ({ name })) }),
      request: (/** @type {string} */ name, /** @type {{ signal: AbortSignal }} */ { signal }, /** @type {() => Promise<unknown>} */ hold) =>
        new Promise((resolve, reject) => {
          const queue = this.#queues.get(name) ?? [];
          this.#queues.set(name, queue);
          const leave = () => {
            const index = queue.indexOf(turn);
            if (index >= 0) queue.splice(index, 1);
            if (index === 0) queue[0]?.();
          };
          let isHeld = false;
          const turn = () => {
            isHeld = true;
            hold().then(() => (leave(), resolve(undefined)));
          };
          signal.addEventListener("abort", () => {
            if (isHeld) return;
            leave();
            reject(signal.reason);
          });
          queue.push(turn);
          if (queue.length === 1) queueMicrotask(() => queue[0] === turn && !isHeld && turn());
        }),
    })
  );
}

/**
 * @param {(url: URL, init: RequestInit) => Promise<Response>} fetch
 * @param {{ clock?: FakeClock, random?: () => number, browser?: FakeBrowser }} [options]
 */
export function fakePlatform(fetch, { clock = new FakeClock(), random = () => 0.5, browser } = {}) {
  /** @type {unknown[]} */
  const reported = [];
  const window = new EventTarget();
  const document = Object.assign(new EventTarget(), {
    visibilityState: "visible",
    /** The position in the head of the page. @type {string | null} */
    position: null,
    /** The methods in the head of the page, by the name of the action. @type {Record<string, string>} */
    methods: {},
    /** @param {string} selector */
    querySelector(selector) {
      const [, action] = /^meta\[name="kipo-method:(.+)"\]$/.exec(selector) ?? [];
      if (action) return this.methods[action] ? { getAttribute: () => this.methods[action] } : null;
      const isPosition = selector === "meta[name=kipo-position]" && this.position !== null;
      return isPosition ? { getAttribute: () => this.position } : null;
    },
  });
  /** @type {Platform} */
  const platform = {
    fetch,
    now: () => clock.now,
    setTimer: (run, ms) => clock.setTimer(run, ms),
    clearTimer: (timer) => clock.clearTimer(timer),
    random,
    report: (error) => reported.push(error),
    window,
    document: /** @type {Document} */ (/** @type {unknown} */ (document)),
    locks: browser?.locks,
    openChannel: (browser ?? new FakeBrowser()).openChannel,
  };
  return { platform, clock, reported, window, document };
}

/**
 * Answers the n-th request with the n-th responder, and further requests with the last one. Records the requests.
 *
 * @typedef {{ url: URL, init: RequestInit, headers: Headers, signal: AbortSignal }} FakeRequest
 * @param {...((request: FakeRequest) => Response | Promise<Response>)} responders
 */
export function fakeServer(...responders) {
  /** @type {FakeRequest[]} */
  const requests = [];
  /** @type {(url: URL, init: RequestInit) => Promise<Response>} */
  const fetch = async (url, init) => {
    const signal = init.signal ?? new AbortController().signal;
    const request = { url, init, headers: new Headers(init.headers), signal };
    const respond = responders[Math.min(requests.length, responders.length - 1)];
    requests.push(request);
    signal.throwIfAborted();
    const aborted = new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    aborted.catch(() => {});
    if (!respond) throw new Error("the test prepared no response");
    return await Promise.race([Promise.resolve(respond(request)), /** @type {Promise<never>} */ (aborted)]);
  };
  return { fetch, requests };
}

/** A stream whose bytes the test sends. */
export class FakeStream {
  isClosed = false;
  /** @type {ReadableStreamDefaultController<Uint8Array> | undefined} */
  #controller;

  /** Give this to `fakeServer`. */
  respond = (/** @type {{ signal: AbortSignal }} */ { signal }) => {
    const body = new ReadableStream({
      start: (controller) => {
        this.#controller = controller;
      },
      cancel: () => {
        this.isClosed = true;
      },
    });
    signal.addEventListener("abort", () => this.#fail(signal.reason));
    return new Response(body, { headers: { "content-type": "text/event-stream; charset=utf-8" } });
  };

  /** @param {string} text */
  async send(text) {
    this.#controller?.enqueue(new TextEncoder().encode(text));
    await settle();
  }

  async end() {
    this.#controller?.close();
    await settle();
  }

  async tear() {
    this.#fail(new TypeError("network error"));
    await settle();
  }

  /** @param {unknown} reason */
  #fail(reason) {
    this.isClosed = true;
    try {
      this.#controller?.error(reason);
    } catch {
      // It has ended before.
    }
  }
}

/**
 * @param {number} status
 * @param {unknown} [body] written as JSON; without one the body is empty
 * @param {Record<string, string>} [headers]
 */
export function answerWith(status, body, headers = {}) {
  return answerText(status, body === undefined ? null : JSON.stringify(body), {
    "content-type": "application/json",
    ...headers,
  });
}

/**
 * @param {number} status
 * @param {string | null} text
 * @param {Record<string, string>} [headers]
 */
export function answerText(status, text, headers = {}) {
  return () => new Response(text, { status, headers });
}

/** @returns {never} */
export function refuse() {
  throw new TypeError("fetch failed");
}

/** A server that accepts the request and never responds. */
export function hang() {
  return /** @type {Promise<Response>} */ (new Promise(() => {}));
}

export const GENERATION = "5f3a09c2e1b47d60";

/**
 * @param {number} sequence
 * @param {string} [generation]
 */
export function cursor(sequence, generation = GENERATION) {
  return `${generation}-${sequence}-0000${(sequence % 65536).toString(16).padStart(4, "0")}`;
}

/**
 * @param {string} event
 * @param {unknown} data
 * @param {string} [id]
 */
export function frame(event, data, id) {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n${id === undefined ? "" : `id: ${id}\n`}\n`;
}

/**
 * @param {string} [id]
 * @param {"fresh" | "resumed" | "gap"} [resume]
 */
export function ready(id, resume = "fresh") {
  return frame("kipo:ready", { resume, ping_ms: 15_000 }, id);
}

/** @param {number} sequence */
export function chat(sequence) {
  return frame("chat", { n: sequence }, cursor(sequence));
}

/**
 * A frame with only a position, after messages that the action has not sent to this client.
 *
 * @param {number} sequence
 */
export function skippedTo(sequence) {
  return `id: ${cursor(sequence)}\n\n`;
}

/** @param {boolean} reachable */
export function engine(reachable) {
  return frame("kipo:engine", { reachable });
}
