// Fetches parts of the page that is shown, the elements with `p-part="name"`, and brings them up to date.

import { ActionError, errorFromResponse, networkError } from "../error.js";
import { morph } from "./morph.js";
import { address, parse } from "./document.js";

/**
 * @typedef {Pick<Document, "querySelectorAll">} Tree
 *
 * @typedef {object} Tab what parts need of the page that is shown; tests hand in another
 * @property {Tree} document
 * @property {(signal: AbortSignal) => Promise<Tree>} fetchPage
 * @property {(live: Element, next: Element) => void} show
 * @property {() => Promise<void>} turn waits for what else the page does at this moment
 *
 * @typedef {object} Round one request for the page
 * @property {Promise<Tree>} page
 * @property {number} waiting how many callers want it
 * @property {AbortController} nobody aborted when none of them does any more
 */

/** Calls that come close together share one request for the page. */
export class Parts {
  #tab;
  /** A request that has not been sent yet, so that its answer is as new as whoever joins may ask. @type {Round | undefined} */
  #next;
  /** Settles with the last request. @type {Promise<unknown>} */
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
    // What is not there is told before anything is sent.
    this.#find(this.#tab.document, name);
    const round = (this.#next ??= this.#begin());
    const next = this.#find(await this.#page(round, signal), name);
    const live = this.#find(this.#tab.document, name);
    if (next.length !== live.length) throw missing(`${live.length} elements are p-part="${name}", and now ${next.length}`);
    live.forEach((element, index) => this.#tab.show(element, /** @type {Element} */ (next[index])));
  }

  /** @returns {Round} */
  #begin() {
    const nobody = new AbortController();
    const page = this.#last.then(this.#tab.turn).then(() => {
      if (this.#next === round) this.#next = undefined;
      nobody.signal.throwIfAborted();
      return this.#tab.fetchPage(nobody.signal);
    });
    this.#last = page.catch(() => {});
    const round = { page, waiting: 0, nobody };
    return round;
  }

  /**
   * Waits with the others, until the page is there or this caller wants it no more.
   *
   * @param {Round} round
   * @param {AbortSignal} signal
   * @returns {Promise<Tree>}
   */
  #page(round, signal) {
    round.waiting += 1;
    return new Promise((resolve, reject) => {
      const leave = () => {
        reject(signal.reason);
        round.waiting -= 1;
        if (round.waiting > 0) return;
        if (this.#next === round) this.#next = undefined;
        round.nobody.abort(signal.reason);
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
    if (found.length === 0) throw missing(`${tree === this.#tab.document ? "this page" : "the answer"} has no element with p-part="${name}"`);
    return found;
  }
}

/** @param {string} detail */
function missing(detail) {
  return new ActionError({ status: 404, code: "missing_part", detail });
}

/**
 * @param {AbortSignal} signal
 * @returns {Promise<Document>} the page that is shown, as the server has it now
 */
async function fetchPage(signal) {
  const shown = address(location);
  try {
    const response = await fetch(shown, { headers: { accept: "text/html" }, cache: "no-cache", signal });
    if (!response.ok) throw await errorFromResponse(response, Date.now());
    const page = parse(await response.text());
    if (address(location) !== shown) throw new DOMException("the page was left", "AbortError");
    return page;
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw error instanceof TypeError ? networkError(error) : error;
  }
}

/**
 * Shows a part, and tells those who keep an eye on what the server has sent.
 *
 * @param {Element} live
 * @param {Element} next
 */
function show(live, next) {
  const shown = morph(live, next);
  shown.dispatchEvent(new CustomEvent("kipo:sent", { bubbles: true, detail: { previous: live } }));
}

/** @returns {Promise<void>} */
function turn() {
  return new Promise((resolve) => setTimeout(resolve));
}

/** The queue of this tab. It stands here, and not in main.js, since most pages never load it. @type {Parts | undefined} */
let parts;

/**
 * @param {string} name
 * @param {{ signal?: AbortSignal }} [options]
 */
export function reloadPart(name, { signal } = {}) {
  parts ??= new Parts({ document, fetchPage, show, turn });
  return parts.reload(name, signal);
}
