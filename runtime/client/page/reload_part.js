// Updates parts of the current page, the elements with `p-part="name"`, with what the server sends now.

import { ActionError, errorFromResponse, networkError } from "../error.js";
import { pageUrl, parsePage } from "./document.js";
import { morph } from "./morph.js";

/**
 * @typedef {Pick<Document, "querySelectorAll">} Tree
 *
 * @typedef {object} Tab what parts need of the current page; tests pass a fake
 * @property {Tree} document
 * @property {(signal: AbortSignal) => Promise<Tree>} fetchPage
 * @property {(live: Element, next: Element) => void} show
 * @property {() => Promise<void>} nextTask waits until the current task of the page has ended
 *
 * @typedef {object} Round one request for the page
 * @property {Promise<Tree>} page
 * @property {number} waiting the number of callers that wait for it
 * @property {AbortController} unwanted aborted when no caller waits any more
 */

/** Reloads parts. Calls of one task share one request for the page. */
export class Parts {
  #tab;
  /** A request that is not sent yet. A call may join it, since the response will be newer than the call. @type {Round | undefined} */
  #next;
  /** Settles when the last request has ended. @type {Promise<unknown>} */
  #last = Promise.resolve();

  /** @param {Tab} tab */
  constructor(tab) {
    this.#tab = tab;
  }

  /**
   * @param {string} name
   * @param {AbortSignal} [signal]
   */
  async reload(name, signal = new AbortController().signal) {
    signal.throwIfAborted();
    // A missing part is an error before anything is sent.
    this.#find(this.#tab.document, name);
    const round = (this.#next ??= this.#begin());
    const next = this.#find(await this.#join(round, signal), name);
    const live = this.#find(this.#tab.document, name);
    if (next.length !== live.length) throw missing(`expected ${live.length} of p-part="${name}" in the response, got ${next.length}`);
    live.forEach((element, index) => this.#tab.show(element, /** @type {Element} */ (next[index])));
  }

  /** @returns {Round} */
  #begin() {
    const unwanted = new AbortController();
    const page = this.#last.then(this.#tab.nextTask).then(() => {
      if (this.#next === round) this.#next = undefined;
      unwanted.signal.throwIfAborted();
      return this.#tab.fetchPage(unwanted.signal);
    });
    this.#last = page.catch(() => {});
    const round = { page, waiting: 0, unwanted };
    return round;
  }

  /**
   * Waits for the page with the other callers. An abort ends the wait of this caller.
   *
   * @param {Round} round
   * @param {AbortSignal} signal
   * @returns {Promise<Tree>}
   */
  #join(round, signal) {
    round.waiting += 1;
    return new Promise((resolve, reject) => {
      const leave = () => {
        reject(signal.reason);
        round.waiting -= 1;
        if (round.waiting > 0) return;
        if (this.#next === round) this.#next = undefined;
        round.unwanted.abort(signal.reason);
      };
      signal.addEventListener("abort", leave);
      round.page.then(resolve, reject).finally(() => signal.removeEventListener("abort", leave));
    });
  }

  /**
   * @param {Tree} tree
   * @param {string} name
   */
  #find(tree, name) {
    const found = [...tree.querySelectorAll(`[p-part="${CSS.escape(name)}"]`)];
    if (found.length === 0) throw missing(`${tree === this.#tab.document ? "this page" : "the response"} has no element with p-part="${name}"`);
    return found;
  }
}

/** @param {string} detail */
function missing(detail) {
  return new ActionError({ status: 404, code: "missing_part", detail });
}

/**
 * @param {AbortSignal} signal
 * @returns {Promise<Document>} the current page, as the server sends it now
 */
async function fetchPage(signal) {
  const url = pageUrl(location);
  try {
    const response = await fetch(url, { headers: { accept: "text/html" }, cache: "no-cache", signal });
    if (!response.ok) throw await errorFromResponse(response, Date.now());
    const page = parsePage(await response.text());
    if (pageUrl(location) !== url) throw new DOMException("the user has left the page", "AbortError");
    return page;
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw error instanceof TypeError ? networkError(error) : error;
  }
}

/**
 * Shows a part, and dispatches `kipo:sent` on it.
 *
 * @param {Element} live
 * @param {Element} next
 */
function show(live, next) {
  const shown = morph(live, next);
  shown.dispatchEvent(new CustomEvent("kipo:sent", { bubbles: true, detail: { previous: live } }));
}

/** @returns {Promise<void>} */
function nextTask() {
  return new Promise((resolve) => setTimeout(resolve));
}

/** The parts of this tab. They are here and not in main.js, because most pages never load them. @type {Parts | undefined} */
let parts;

/**
 * @param {string} name
 * @param {{ signal?: AbortSignal }} [options]
 */
export function reloadPart(name, { signal } = {}) {
  parts ??= new Parts({ document, fetchPage, show, nextTask });
  return parts.reload(name, signal);
}
