// Development only: fetches the current page again, and morphs the tab to it.

import { unhashedUrl } from "../page/match_nodes.js";
import { Served, follow } from "../page/morph.js";

/** @import { Report } from "./overlay.js" */

/** Types of scripts that run, so that a change needs a reload. Other scripts are data. */
const SCRIPT_TYPES = ["", "module", "text/javascript", "application/javascript"];

/** The page of this tab, and the version of it that the server has sent. */
export class Page {
  #document;
  #load;
  /** Captured before the script of the page changes anything. */
  #served;
  /** @type {Promise<Report | undefined> | undefined} */
  #updating;
  #again = false;

  /**
   * @param {Document} document
   * @param {() => void} load reloads the page
   */
  constructor(document, load) {
    this.#document = document;
    this.#load = load;
    this.#served = new Served(document.documentElement);
    // Parts and navigation put HTML of the server into the page too, and dispatch these events.
    document.addEventListener("kipo:sent", (event) => {
      const { target, detail } = /** @type {CustomEvent<{ previous?: Element } | null>} */ (event);
      const shown = target instanceof Element ? target : document.documentElement;
      if (detail?.previous) this.#served.replace(detail.previous, shown);
      this.#served.renew(shown);
    });
    document.addEventListener("kipo:visit", () => this.#served.renew(document.documentElement));
  }

  /** The template of the page, if it has one. */
  get template() {
    return templateOf(this.#document);
  }

  /** The generation of the server that sent the page. */
  get generation() {
    return this.#document.querySelector("script[data-kipo-life]")?.getAttribute("data-kipo-life") || undefined;
  }

  /** The edition of the page; not a number if the page has none. Each edit makes a later one. */
  get edition() {
    return Number(this.#document.querySelector("script[data-kipo-life]")?.getAttribute("data-kipo-edition") ?? NaN);
  }

  /** The failure that the page reports, if the server sent it in place of a page that failed. */
  get failure() {
    return failureOf(this.#document);
  }

  /** Notes that a node was replaced by another one. @param {Node} node @param {Node} other */
  replaced(node, other) {
    this.#served.replace(node, other);
  }

  /**
   * Fetches the page and morphs the tab to it. Calls during a fetch cause one more fetch, however many they are.
   *
   * @returns {Promise<Report | undefined>} the failure that the server reports
   */
  update() {
    this.#again = true;
    this.#updating ??= this.#update().finally(() => (this.#updating = undefined));
    return this.#updating;
  }

  async #update() {
    let report;
    while (this.#again) {
      this.#again = false;
      // The server may be down for a moment. It sends an event when it is back.
      report = await this.#fetch().catch(() => undefined);
    }
    return report;
  }

  async #fetch() {
    const url = this.#document.location.href;
    const response = await fetch(url, { cache: "no-store", headers: { accept: "text/html" } });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    // The user has navigated in the meantime.
    if (this.#document.location.href !== url) return undefined;
    const isHtml = response.headers.get("content-type")?.startsWith("text/html");
    const isSame = isHtml && !response.redirected && templateOf(page) === this.template;
    const isFailure = response.status >= 500;
    if (isSame && runningScripts(page.documentElement) === runningScripts(this.#served.tree)) {
      follow(this.#served, page.documentElement);
    } else if (isSame || !isFailure) {
      this.#load();
      return undefined;
    }
    // The last good version stays below the overlay.
    if (!isFailure) return undefined;
    const message = page.querySelector("h1")?.textContent?.trim() || `the server responds to this page with ${response.status}`;
    return failureOf(page) ?? { kind: "data", message };
  }
}

/**
 * Returns the scripts of a page that run, as text to compare. The same file may have another hash in its URL.
 *
 * @param {Element} tree
 */
function runningScripts(tree) {
  const scripts = [...tree.querySelectorAll("script")].filter(({ type }) => SCRIPT_TYPES.includes(type.toLowerCase()));
  return JSON.stringify(scripts.map((script) => unhashedUrl(script.getAttribute("src")) ?? script.text));
}

/** @param {Document} page */
function templateOf(page) {
  return page.querySelector("script[data-kipo-page]")?.getAttribute("data-kipo-page") || undefined;
}

/**
 * Reads the failure from a page that the server sent in place of one that failed.
 *
 * @param {Document} page
 * @returns {Report | undefined}
 */
function failureOf(page) {
  const text = page.querySelector("#kipo-failure")?.textContent;
  return text ? JSON.parse(text) : undefined;
}
