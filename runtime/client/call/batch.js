// Several calls in one request. Pages load this module with their first batch.

/** @import { Platform, Settings } from "../internal.d.ts" */
/** @import { Plan, Runnable } from "../types.d.ts" */

import { errorFromResponse, truncatedError } from "../error.js";
import { browser } from "../platform.js";
import { Client } from "./action.js";
import { hasFile } from "./form_data.js";
import { isForm } from "./request.js";

/** The server refuses more. */
const PARTS_MAX = 100;

/** Settings that only a stream has. */
const OF_STREAMS = /** @type {const} */ (["onProgress", "retryStream", "onState", "from"]);

/**
 * Sends the first attempt of several calls in one request. Each call runs as it does alone, with its callbacks, its time
 * limit and its further attempts; only its request and its response are parts of those of the batch.
 *
 * @param {Runnable[]} parts builders or plans
 * @param {Client} pageClient
 * @param {Platform} [platform]
 * @returns {Promise<PromiseSettledResult<unknown>[]>}
 */
export async function batch(parts, pageClient, platform = browser()) {
  if (parts.length > PARTS_MAX) throw new TypeError(`a batch has at most ${PARTS_MAX} calls, not ${parts.length}`);
  const plans = parts.map(planOf);
  const { base, page, loading } = pageClient;
  const request = new BatchRequest(plans.length, base, platform);
  /** Settles when the parts before have ended and their effects have run: effects run in the order of the parts. */
  let before = Promise.resolve();
  const calls = plans.map((plan, index) => {
    const turn = before;
    /** @type {unknown} */
    let effects;
    const client = new Client(
      base,
      (field, report) => (effects = turn.then(() => pageClient.performEffects(field, report))),
      { ...platform, fetch: request.fetchOfPart(index, plan) },
    );
    Object.assign(client, { page, loading });
    const call = client.call(plan).finally(() => request.leave(index));
    before = Promise.allSettled([turn, call]).then(() => Promise.allSettled([effects])).then(() => {});
    return call;
  });
  return Promise.allSettled(calls);
}

/**
 * Returns the settings of a part.
 *
 * @param {Runnable} part
 * @returns {Settings}
 */
function planOf(part) {
  const builder = /** @type {{ build?(): Plan }} */ (/** @type {unknown} */ (part));
  const { call, ...settings } = /** @type {Settings & Plan} */ (builder.build?.() ?? part);
  if (!settings.name) throw new TypeError("a part of a batch is a call that is not sent: `action.chat.Send({ … })`");
  if (OF_STREAMS.some((name) => settings[name] !== undefined)) throw new TypeError(`${settings.name}: a part of a batch cannot stream`);
  const { input } = settings;
  if (isForm(input) || input instanceof FormData) throw new TypeError(`${settings.name}: a part of a batch cannot carry a form`);
  if (hasFile(input)) throw new TypeError(`${settings.name}: a part of a batch cannot carry a file`);
  return settings;
}

/** The one request of a batch: it is sent when the request of each part is known, or the part has ended without one. */
class BatchRequest {
  /** The parts that have neither a request nor an end. @type {Set<number>} */
  #awaited = new Set();
  /** @type {Map<number, { call: object, resolve: (response: Response) => void, reject: (error: unknown) => void }>} */
  #open = new Map();
  #base;
  #platform;
  #abort = new AbortController();
  #isSent = false;

  /**
   * @param {number} length
   * @param {URL} base
   * @param {Platform} platform
   */
  constructor(length, base, platform) {
    for (let index = 0; index < length; index += 1) this.#awaited.add(index);
    this.#base = base;
    this.#platform = platform;
  }

  /**
   * Returns the `fetch` of one part. Its first request is a part of the batch, and further attempts go alone.
   *
   * @param {number} index
   * @param {Settings} plan
   * @returns {Platform["fetch"]}
   */
  fetchOfPart(index, { name, input }) {
    return (url, init) => {
      if (!this.#awaited.has(index)) return this.#platform.fetch(url, init);
      const key = new Headers(init.headers).get("idempotency-key");
      // The server makes the query of a GET.
      const sent = init.body === undefined ? input : JSON.parse(String(init.body));
      const call = { action: name, input: sent, ...(key && { idempotency_key: key }) };
      return new Promise((resolve, reject) => {
        this.#open.set(index, { call, resolve, reject });
        // A part that is aborted waits no longer; the others go on.
        init.signal?.addEventListener("abort", () => reject(init.signal?.reason));
        this.#arrived(index);
      });
    };
  }

  /**
   * Ends a part. When all have ended, nobody waits for the response.
   *
   * @param {number} index
   */
  leave(index) {
    this.#open.delete(index);
    if (this.#open.size === 0 && this.#isSent) this.#abort.abort();
    this.#arrived(index);
  }

  /** @param {number} index */
  #arrived(index) {
    if (!this.#awaited.delete(index) || this.#awaited.size > 0 || this.#open.size === 0) return;
    this.#isSent = true;
    const sent = [...this.#open.keys()].sort((a, b) => a - b);
    this.#send(sent).catch((error) => this.#open.forEach(({ reject }) => reject(error)));
  }

  /** @param {number[]} sent the parts in the order of the request */
  async #send(sent) {
    const response = await this.#platform.fetch(new URL("batch", this.#base), {
      method: "POST",
      body: JSON.stringify(sent.map((index) => this.#open.get(index)?.call)),
      headers: { accept: "application/x-ndjson", "content-type": "application/json" },
      signal: this.#abort.signal,
    });
    if (!response.ok) throw await errorFromResponse(response, this.#platform.now());
    let text = "";
    const decoder = new TextDecoder();
    const reader = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      text += decoder.decode(value, { stream: !done });
      const lines = text.split("\n");
      text = lines.pop() ?? "";
      for (const line of lines) await this.#deliver(line, sent);
      if (done) break;
    }
    throw truncatedError();
  }

  /**
   * @param {string} line
   * @param {number[]} sent
   */
  async #deliver(line, sent) {
    const { part, status, headers, cookies, body } = JSON.parse(line);
    const index = sent[part] ?? -1;
    const waiting = this.#open.get(index);
    if (cookies) {
      // The head of the response had gone: a response of their own sets these.
      const response = await this.#platform.fetch(new URL("batch/cookies", this.#base), { method: "POST", body: cookies });
      if (!response.ok) return waiting?.reject(await errorFromResponse(response, this.#platform.now()));
    }
    this.#open.delete(index);
    waiting?.resolve(new Response(body === undefined ? null : JSON.stringify(body), { status, headers }));
  }
}
