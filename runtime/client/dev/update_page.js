// Development only: fetches the page that a tab shows again, and lets the tab follow it.

import { plainAddress } from "../page/match_nodes.js";
import { Served, follow } from "../page/morph.js";

/** @import { Report } from "./overlay.js" */

/** What runs, and therefore cannot follow: the other scripts are data. */
const RUNS = ["", "module", "text/javascript", "application/javascript"];

/** The page of this tab, and what the server has sent of it. */
export class Page {
  #document;
  #load;
  /** Before the page's own script has changed anything. */
  #served;
  /** @type {Promise<Report | undefined> | undefined} */
  #refreshing;
  #again = false;

  /**
   * @param {Document} document
   * @param {() => void} load loads the page anew
   */
  constructor(document, load) {
    this.#document = document;
    this.#load = load;
    this.#served = new Served(document.documentElement);
    // Whoever else puts something from the server into the page says so.
    document.addEventListener("kipo:sent", (event) => {
      const { target, detail } = /** @type {CustomEvent<{ previous?: Element } | null>} */ (event);
      const shown = target instanceof Element ? target : document.documentElement;
      if (detail?.previous) this.#served.replace(detail.previous, shown);
      this.#served.renew(shown);
    });
    document.addEventListener("kipo:visit", () => this.#served.renew(document.documentElement));
  }

  /** Returns the template that the page shows; `undefined` if it shows none. */
  get template() {
    return templateOf(this.#document);
  }

  /** Returns the life of the server that the page is from. */
  get life() {
    return this.#document.querySelector("script[data-kipo-life]")?.getAttribute("data-kipo-life") || undefined;
  }

  /** Returns what the page says that failed, if it is shown in place of one. */
  get failure() {
    return failureOf(this.#document);
  }

  /** Says that another node has taken the place of one. @param {Node} node @param {Node} other */
  replaced(node, other) {
    this.#served.replace(node, other);
  }

  /**
   * Fetches the page and lets the tab follow it. What comes meanwhile is one more fetch, however much it is.
   *
   * @returns {Promise<Report | undefined>} what the server says where it fails
   */
  refresh() {
    this.#again = true;
    this.#refreshing ??= this.#refresh().finally(() => (this.#refreshing = undefined));
    return this.#refreshing;
  }

  async #refresh() {
    let report;
    while (this.#again) {
      this.#again = false;
      // The server may be gone for a moment; it tells of itself when it is back.
      report = await this.#fetch().catch(() => undefined);
    }
    return report;
  }

  async #fetch() {
    const address = this.#document.location.href;
    const response = await fetch(address, { cache: "no-store", headers: { accept: "text/html" } });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    // The tab has gone elsewhere meanwhile.
    if (this.#document.location.href !== address) return undefined;
    const isHtml = response.headers.get("content-type")?.startsWith("text/html");
    const isSame = isHtml && !response.redirected && templateOf(page) === this.template;
    const isFailure = response.status >= 500;
    if (isSame && scripts(page.documentElement) === scripts(this.#served.tree)) {
      follow(this.#served, page.documentElement);
    } else if (isSame || !isFailure) {
      this.#load();
      return undefined;
    }
    // The last good one stays below.
    if (!isFailure) return undefined;
    const message = page.querySelector("h1")?.textContent?.trim() || `this page is answered with ${response.status}`;
    return failureOf(page) ?? { kind: "data", message };
  }
}

/**
 * The scripts of a page, as far as they run. The same file may have another hash in its address.
 *
 * @param {Element} tree
 */
function scripts(tree) {
  const run = [...tree.querySelectorAll("script")].filter(({ type }) => RUNS.includes(type.toLowerCase()));
  return JSON.stringify(run.map((script) => plainAddress(script.getAttribute("src")) ?? script.text));
}

/** @param {Document} page */
function templateOf(page) {
  return page.querySelector("script[data-kipo-page]")?.getAttribute("data-kipo-page") || undefined;
}

/**
 * Reads what is wrong from the page that the server shows in place of one that failed.
 *
 * @param {Document} page
 * @returns {Report | undefined}
 */
function failureOf(page) {
  const text = page.querySelector("#kipo-failure")?.textContent;
  return text ? JSON.parse(text) : undefined;
}
