/** @import { Method, Plan, Runnable } from "../types.d.ts" */
/** @import { AnyCall, BindCall, DebouncedCall, Message, Open, PerformEffects, Platform, RunSettings, Send, Settings } from "../internal.d.ts" */

import { ActionError } from "../error.js";
import { browser, sleep } from "../platform.js";
import { Stream } from "../stream/stream.js";
import { fetchOutput } from "./call.js";
import { Loading } from "./loading.js";
import { actionRequest, isForm, resumeHeader } from "./request.js";

/** What a builder sets: `withTimeout` and `setTimeout` set `timeout`. */
const SETTINGS =
  "method optimistic onSuccess onError onComplete loading debounce retry timeout signal upload onUpload onProgress retryStream onState from suppressHelpers";

/**
 * Returns the object behind `action.chat.Send(input)`. Any name works: a lower-case part is a namespace, an
 * upper-case part an action. The types and the server know which names exist.
 *
 * @param {Client} client
 * @param {string} [namespace]
 * @returns {unknown} typed in the generated client.d.ts
 */
export function actions(client, namespace = "") {
  return new Proxy(Object.freeze({}), {
    get(_, part) {
      // `await` and `console.log` read these properties of a namespace.
      if (typeof part === "symbol" || part === "then") return undefined;
      const name = namespace + part;
      if (!/^\p{Lu}/u.test(part)) return actions(client, `${name}.`);
      /** @param {unknown} [input] */
      return (input) => builder(client, name, input);
    },
  });
}

/**
 * Returns a builder, as types.d.ts describes it. It collects settings and sends nothing.
 *
 * @param {Client} client
 * @param {string} name
 * @param {unknown} [input]
 * @returns {AnyCall}
 */
export function builder(client, name, input = {}) {
  /** @type {Settings} */
  const settings = { name, input, method: client.methodOf(name) };
  const self = /** @type {AnyCall} */ ({});
  for (const name of SETTINGS.split(" ")) {
    const title = name.replace(/^./, (letter) => letter.toUpperCase());
    /** @param {any} [value] @param {object} [options] of `withRetry` */
    const setter = (value = name === "retryStream" ? {} : name === "suppressHelpers" || undefined, options) => {
      Object.assign(settings, { [name]: name === "retry" ? { ...options, attempts: value } : value });
      return self;
    };
    Object.assign(self, { [`with${title}`]: setter, [`set${title}`]: setter });
  }
  self.suppressHelpers = self.withSuppressHelpers;
  self.from = self.withFrom;
  self.build = () => {
    /** @type {Settings & Plan} */
    const plan = Object.freeze({ ...settings, call: () => client.call(plan) });
    return plan;
  };
  self.call = () => self.build().call();
  self.events = () => client.events({ ...settings });
  return self;
}

/** Runs what builders describe: calls, streams and loops over events. */
export class Client {
  /** Aborted when the user leaves the page. Navigation then sets a new one for the next page. */
  page = new AbortController();
  #platform;
  /** Calls whose debounce delay has not passed. @type {Set<DebouncedCall>} */
  #debounced = new Set();

  /**
   * @param {URL} base ends in a slash
   * @param {PerformEffects} performEffects
   * @param {Platform} [platform]
   * @param {BindCall} [bindCall] runs calls whose input is a form
   */
  constructor(base, performEffects, platform = browser(), bindCall) {
    this.base = base;
    this.performEffects = performEffects;
    this.bindCall = bindCall;
    this.#platform = platform;
    this.loading = new Loading(platform.document);
  }

  /**
   * Returns the method of an action. The head of the page names those that are not POST.
   *
   * @param {string} name
   */
  methodOf(name) {
    const meta = this.#platform.document?.querySelector(`meta[name="kipo-method:${name}"]`);
    return /** @type {Method} */ (meta?.getAttribute("content") ?? "POST");
  }

  /**
   * @param {Settings} given
   * @returns {Promise<unknown>} the output
   */
  call(given) {
    const settings = this.#bindToPage(given);
    const outcome = settings.debounce ? this.#debounce(settings, settings.debounce) : this.#start(settings);
    // The page handles errors in `onError`, and a form shows them, so it may ignore the promise.
    if (settings.onError || settings.element) outcome.catch(() => {});
    return outcome;
  }

  /** @param {Settings} settings */
  events(settings) {
    return this.run(this.#bindToPage(settings), true);
  }

  /**
   * Binds a run to the current page: it ends when the user leaves the page.
   *
   * @param {Settings} settings
   * @returns {RunSettings}
   */
  #bindToPage(settings) {
    const { signal } = this.page;
    return { element: isForm(settings.input), ...settings, signal: settings.signal ? AbortSignal.any([settings.signal, signal]) : signal };
  }

  /**
   * Runs only the last of several calls within the delay; the earlier ones settle with its outcome.
   *
   * @param {RunSettings} settings
   * @param {number} ms
   */
  #debounce(settings, ms) {
    const { name, element, loading, signal } = settings;
    /** @type {DebouncedCall} */
    const call = { settings, delay: new AbortController() };
    const outcome = sleep(ms, AbortSignal.any([signal, call.delay.signal]), this.#platform)
      // A later call replaced this one, or the page aborted it: `run` checks the signal.
      .catch(() => {})
      .then(() => {
        this.#debounced.delete(call);
        return call.replacement ?? this.#start(settings);
      });
    for (const earlier of this.#debounced) {
      const { settings } = earlier;
      if (settings.name !== name || settings.element !== element || settings.loading !== loading) continue;
      earlier.replacement ??= outcome;
      earlier.delay.abort();
    }
    this.#debounced.add(call);
    return outcome;
  }

  /** @param {RunSettings} settings */
  #start(settings) {
    const run = (/** @type {RunSettings} */ settings) => this.#runToEnd(settings);
    return settings.element && this.bindCall ? this.bindCall(settings, run) : run(settings);
  }

  /** @param {RunSettings} settings */
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
   * Runs an action once, with its callbacks and loading marks. Yields the messages of a stream and returns the output.
   *
   * @param {RunSettings} settings
   * @param {boolean} isStream
   * @returns {AsyncGenerator<Message, unknown, undefined>}
   */
  async *run(settings, isStream) {
    const { optimistic, onSuccess, onError, onComplete, signal } = settings;
    const endLoading = this.loading.start(settings.loading);
    /** @type {unknown} */
    let undo;
    try {
      signal.throwIfAborted();
      undo = this.#notify(() => optimistic?.());
      const output = isStream ? yield* await this.#stream(settings) : await this.#output(settings);
      // The next action has callbacks of its own; this run does not wait for it.
      this.#notify(async () => {
        const next = /** @type {Runnable | null} */ (await onSuccess?.(output));
        return typeof next === "object" ? next?.call?.() : undefined;
      });
      return output;
    } catch (error) {
      this.#notify(() => typeof undo === "function" && undo());
      if (error instanceof ActionError) this.#notify(() => onError?.(error));
      // An error in the page itself. With an `onError` the promise may be ignored, so it is reported here.
      else if (onError && !signal.aborted && /** @type {any} */ (error)?.name !== "AbortError") this.#platform.report(error);
      throw error;
    } finally {
      endLoading();
      this.#notify(() => onComplete?.());
    }
  }

  /**
   * @param {RunSettings} settings
   * @returns {Promise<unknown>}
   */
  async #output(settings) {
    const { element, key, onEffects, retry, signal, suppressHelpers } = settings;
    const platform = this.#platform;
    // Loaded only by pages whose files go ahead.
    if (settings.upload) return (await import("../upload/resumable.js")).run(settings, this.base, platform, (rest) => this.#output(rest));
    const { url, init } = await actionRequest(this.base, settings, "application/json");
    // All attempts carry the same key, so that the server can recognise a repeated attempt.
    if (key ?? retry) init.headers["idempotency-key"] = key ?? `"${crypto.getRandomValues(new Uint32Array(4)).join("-")}"`;
    // Loaded only by pages that show the progress of an upload.
    const { fetch } = settings.onUpload ? (await import("./upload.js")).uploading(settings, platform) : platform;
    /** The `kipo-effects` field of the last response. */
    let effects = "";
    /** @type {Send} */
    const send = async (signal) => {
      effects = "";
      const response = await fetch(url, { ...init, signal });
      effects = response.headers.get("kipo-effects") ?? "";
      return response;
    };
    try {
      return await fetchOutput(send, { ...settings, platform });
    } finally {
      if (effects && !suppressHelpers && !signal.aborted) {
        this.#notify(() => onEffects?.(effects));
        this.#notify(() => this.performEffects(effects, platform.report, element));
      }
    }
  }

  /** @param {RunSettings} settings */
  async #stream(settings) {
    const { retryStream } = settings;
    const platform = this.#platform;
    // Read at the call: the page may have another position by the time of a reconnect. The server ignores that of another topic.
    const position = platform.document?.querySelector("meta[name=kipo-position]")?.getAttribute("content");
    const start = position && { "kipo-position": position };
    const { url, init } = await actionRequest(this.base, settings, "text/event-stream");
    /** @type {Open} */
    const open = (id, signal) => {
      const headers = { ...init.headers, ...(resumeHeader(id) || start) };
      return platform.fetch(url, { ...init, headers, signal, cache: "no-store" });
    };
    // The URL of this module is part of the key: tabs with another version of the client do not share.
    const key = [import.meta.url, init.method, url, init.body].join(" ");
    const isShared = retryStream && retryStream.share !== false && typeof init.body !== "object" && platform.locks;
    // Loaded only by pages that share streams.
    /** @type {Open} */
    const shared = async (id, signal) => {
      const { share } = await import("../stream/share.js");
      return share(key, open, id, signal, platform);
    };
    return new Stream({
      ...settings,
      connect: isShared ? shared : open,
      platform,
      notify: (callback) => this.#notify(callback),
    }).messages();
  }

  /**
   * Runs a callback of the page. An error that it throws is reported and does not end the run.
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
