/** @import { Runnable } from "./types.d.ts" */
/** @import { AnyCall, Bound, Message, Open, PerformEffects, Platform, Send, Settings, Setters, Turn } from "./internal.d.ts" */

import { answer } from "./call.js";
import { ActionError } from "./error.js";
import { Loading } from "./loading.js";
import { browser, sleep } from "./platform.js";
import { actionRequest, resumeHeader } from "./request.js";
import { Stream } from "./stream.js";

/**
 * `action.chat.Send(input)` for every name there may be: a lower-case part is a namespace, an upper-case
 * one an action. Which names exist is known to the types and to the server.
 *
 * @param {Client} client
 * @param {string} [namespace]
 * @returns {unknown} typed in the generated client.d.ts
 */
export function actions(client, namespace = "") {
  return new Proxy(Object.freeze({}), {
    get(_, part) {
      // Whoever awaits a namespace, or prints it, asks for these.
      if (typeof part === "symbol" || part === "then") return undefined;
      const name = namespace + part;
      if (!/^\p{Lu}/u.test(part)) return actions(client, `${name}.`);
      /** @param {object} [input] */
      return (input) => builder(client, name, input);
    },
  });
}

/**
 * Collects what types.d.ts describes, and runs nothing.
 *
 * @param {Client} client
 * @param {string} name
 * @param {object} [input]
 * @returns {AnyCall}
 */
export function builder(client, name, input = {}) {
  /** @type {Settings} */
  const settings = { name, input, method: "POST" };
  /** @param {Partial<Settings>} change */
  const set = (change) => {
    Object.assign(settings, change);
    return self;
  };
  /** @type {Setters} */
  const setters = {
    withMethod: (method) => set({ method }),
    withOptimistic: (optimistic) => set({ optimistic }),
    withOnSuccess: (onSuccess) => set({ onSuccess }),
    withOnError: (onError) => set({ onError }),
    withOnComplete: (onComplete) => set({ onComplete }),
    withLoading: (loading) => set({ loading }),
    withDebounce: (debounce) => set({ debounce }),
    withRetry: (attempts, options) => set({ retry: { ...options, attempts } }),
    withTimeout: (timeout) => set({ timeout }),
    withSignal: (signal) => set({ signal }),
    withOnProgress: (onProgress) => set({ onProgress }),
    withRetryStream: (retryStream = {}) => set({ retryStream }),
    withOnState: (onState) => set({ onState }),
    withSuppressHelpers: () => set({ isWithoutEffects: true }),
  };
  const self = /** @type {AnyCall} */ (setters);
  for (const [name, setter] of Object.entries(setters)) {
    Object.assign(self, { [name.replace("with", "set")]: setter });
  }
  self.suppressHelpers = self.withSuppressHelpers;
  self.build = () => {
    const frozen = { ...settings };
    return Object.freeze({ ...frozen, call: () => client.call(frozen) });
  };
  self.call = () => client.call({ ...settings });
  self.events = () => client.events({ ...settings });
  return self;
}

/** Runs what builders describe: the one engine behind calls, streams and loops. */
export class Client {
  /** Ends what the page has begun. Navigation puts another one in its place. */
  page = new AbortController();
  #base;
  #performEffects;
  #platform;
  #loading;
  /** @type {Set<Turn>} */
  #debounced = new Set();

  /**
   * @param {URL} base ends in a slash
   * @param {PerformEffects} performEffects
   * @param {Platform} [platform]
   */
  constructor(base, performEffects, platform = browser()) {
    this.#base = base;
    this.#performEffects = performEffects;
    this.#platform = platform;
    this.#loading = new Loading(platform.document);
  }

  /**
   * @param {Settings} given
   * @returns {Promise<unknown>} the output
   */
  call(given) {
    const settings = this.#ofPage(given);
    const outcome = settings.debounce ? this.#debounce(settings, settings.debounce) : this.#runToEnd(settings);
    // The page has said what to do about errors; a promise that it drops is no mistake then.
    if (settings.onError) outcome.catch(() => {});
    return outcome;
  }

  /** @param {Settings} settings */
  events(settings) {
    return this.run(this.#ofPage(settings), true);
  }

  /**
   * Binds a run to the page that begins it.
   *
   * @param {Settings} settings
   * @returns {Bound}
   */
  #ofPage(settings) {
    const { signal } = this.page;
    return { ...settings, signal: settings.signal ? AbortSignal.any([settings.signal, signal]) : signal };
  }

  /**
   * Runs the last of several calls that come close together; the earlier ones take its outcome.
   *
   * @param {Bound} settings
   * @param {number} ms
   */
  #debounce(settings, ms) {
    const { name, loading, signal } = settings;
    /** @type {Turn} */
    const turn = { settings, nap: new AbortController() };
    const outcome = sleep(ms, AbortSignal.any([signal, turn.nap.signal]), this.#platform)
      // Somebody else's turn, or aborted: which one is seen below.
      .catch(() => {})
      .then(() => {
        this.#debounced.delete(turn);
        return turn.later ?? this.#runToEnd(settings);
      });
    for (const earlier of this.#debounced) {
      if (earlier.settings.name !== name || earlier.settings.loading !== loading) continue;
      earlier.later ??= outcome;
      earlier.nap.abort();
    }
    this.#debounced.add(turn);
    return outcome;
  }

  /** @param {Bound} settings */
  async #runToEnd(settings) {
    const { onProgress, retryStream, onState } = settings;
    const run = this.run(settings, Boolean(onProgress ?? retryStream ?? onState));
    for (;;) {
      const { done, value } = await run.next();
      if (done) return value;
      this.#notify(() => onProgress?.(value.data, value.event));
    }
  }

  /**
   * One run of an action with all that surrounds it. Yields the messages of a stream, and returns the output.
   *
   * @param {Bound} settings
   * @param {boolean} isStream
   * @returns {AsyncGenerator<Message, unknown, undefined>}
   */
  async *run(settings, isStream) {
    const { optimistic, onSuccess, onError, onComplete, signal } = settings;
    const endLoading = this.#loading.start(settings.loading);
    /** @type {unknown} */
    let takeBack;
    try {
      signal.throwIfAborted();
      takeBack = this.#notify(() => optimistic?.());
      const output = isStream ? yield* this.#stream(settings) : await this.#answer(settings);
      // The next action answers to its own callbacks: nobody here waits for it.
      this.#notify(async () => runnable(await onSuccess?.(output))?.call());
      return output;
    } catch (error) {
      this.#notify(() => typeof takeBack === "function" && takeBack());
      if (error instanceof ActionError) this.#notify(() => onError?.(error));
      // Not a failure but a mistake in the page, which nobody else would tell once there is an `onError`.
      else if (onError && !signal.aborted) this.#platform.report(error);
      throw error;
    } finally {
      endLoading();
      this.#notify(() => onComplete?.());
    }
  }

  /** @param {Bound} settings */
  async #answer(settings) {
    const { retry, signal, isWithoutEffects } = settings;
    const platform = this.#platform;
    const { url, init } = actionRequest(this.#base, settings, "application/json");
    // The same for all attempts, so that the server can tell them from several calls.
    if (retry) init.headers["idempotency-key"] = `"${crypto.getRandomValues(new Uint32Array(4)).join("-")}"`;
    /** The effects that the last answer asks for. */
    let asked = "";
    /** @type {Send} */
    const send = async (signal) => {
      asked = "";
      const response = await platform.fetch(url, { ...init, signal });
      asked = response.headers.get("kipo-effects") ?? "";
      return response;
    };
    try {
      return await answer(send, { ...settings, platform });
    } finally {
      if (asked && !isWithoutEffects && !signal.aborted) this.#notify(() => this.#performEffects(asked, platform.report));
    }
  }

  /** @param {Bound} settings */
  #stream(settings) {
    const { retryStream } = settings;
    const platform = this.#platform;
    const { url, init } = actionRequest(this.#base, settings, "text/event-stream");
    /** @type {Open} */
    const open = (id, signal) => {
      const headers = { ...init.headers, ...resumeHeader(id) };
      return platform.fetch(url, { ...init, headers, signal, cache: "no-store" });
    };
    // Tabs that have another version of this client keep to themselves.
    const key = [import.meta.url, init.method, url, init.body].join(" ");
    const isShared = retryStream && retryStream.share !== false && platform.locks;
    // Only pages that have use for it load it.
    /** @type {Open} */
    const shared = async (id, signal) => {
      const { share } = await import("./share.js");
      return share(key, open, id, signal, platform);
    };
    const stream = new Stream({
      ...settings,
      connect: isShared ? shared : open,
      platform,
      notify: (callback) => this.#notify(callback),
    });
    return stream.messages();
  }

  /**
   * Runs a callback of the page. What it throws is reported and harms nothing.
   *
   * @param {() => unknown} callback
   */
  #notify(callback) {
    try {
      const result = callback();
      if (result instanceof Promise) result.catch(this.#platform.report);
      return result;
    } catch (error) {
      this.#platform.report(error);
    }
  }
}

/** @param {unknown} value */
function runnable(value) {
  return typeof value === "object" && value !== null && "call" in value ? /** @type {Runnable} */ (value) : undefined;
}
