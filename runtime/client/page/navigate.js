// Links lead to the next page without a full load, where both pages opt in: an element with `p-navigate` is what is
// the page's own, and is made anew; what is around it is the layout's, and is morphed. Whatever is out of the
// ordinary ends in a full load, which is always right.

import { morph } from "./morph.js";
import { address, parse } from "./document.js";
import { Places } from "./history.js";

/** What opts in. A link opts out, or all links in an element, by `p-navigate="off"`. */
const OWN = `[p-navigate]:not(a, [p-navigate="off"])`;
const OFF = `[p-navigate="off"]`;

/** How long the styles of the next page may hold it back, in milliseconds. */
const STYLES_MS_MAX = 3000;

/** How long a script that has loaded may take to have its turn, in milliseconds; one that waits for more has begun. */
const BEGIN_MS = 50;

/** Why what a page had begun ended. */
const LEFT = new DOMException("the page was left", "AbortError");

/** Where a page's own files are: `{base}/pages/<hash>/`. */
const PAGE_FILES = new URL("../../pages/", import.meta.url).href;

/** Scripts of these types run. */
const SCRIPT = `script[src]:is([type=module], [type="text/javascript"], :not([type]))`;

/**
 * Begins to follow links.
 *
 * @param {{ page: AbortController }} client
 */
export function navigate(client) {
  new Navigation(client).start();
}

class Navigation {
  #client;
  #places = new Places();
  /** The address of the page that is shown. */
  #shown = address(location);
  /** Aborted when another navigation begins. */
  #running = new AbortController();
  /** Fulfilled once every script that was told to run has begun. @type {Promise<unknown>} */
  #begun = Promise.resolve();
  /** How often the script of an address has run. @type {Map<string, number>} */
  #runs = new Map();
  /** Says aloud where one has arrived. It is outside of the body, so that it stays. */
  #voice = document.createElement("kipo-voice");

  /** @param {{ page: AbortController }} client */
  constructor(client) {
    this.#client = client;
  }

  start() {
    if (own(document) === null) return;
    for (const { src } of document.scripts) this.#runs.set(src, 1);
    this.#places.start();
    this.#voice.setAttribute("role", "status");
    Object.assign(this.#voice.style, { position: "absolute", width: "1px", height: "1px", overflow: "hidden", clipPath: "inset(50%)", whiteSpace: "nowrap" });
    document.documentElement.append(this.#voice);
    document.addEventListener("click", (event) => this.#onClick(event));
    addEventListener("popstate", (event) => this.#onPopState(event));
    // A script that waits for what ends with its page has nothing to say about it.
    addEventListener("unhandledrejection", (event) => event.reason === LEFT && event.preventDefault());
    addEventListener("error", (event) => event.error === LEFT && event.preventDefault());
  }

  /** @param {MouseEvent} event */
  #onClick(event) {
    const { defaultPrevented, button, metaKey, ctrlKey, shiftKey, altKey } = event;
    if (defaultPrevented || button !== 0 || metaKey || ctrlKey || shiftKey || altKey) return;
    const link = event.composedPath().find((node) => node instanceof HTMLAnchorElement || node instanceof HTMLAreaElement);
    if (!link || !URL.canParse(link.href) || !["", "_self"].includes(link.target)) return;
    if (link.hasAttribute("download") || link.closest(OFF)) return;
    const url = new URL(link.href);
    if (url.origin !== location.origin) return;
    // A place within this page is the browser's own affair.
    if (link.href.includes("#") && address(url) === this.#shown) return;
    event.preventDefault();
    this.#go(url, () => this.#places.enter(url, url.href === location.href));
  }

  /** @param {PopStateEvent} event */
  #onPopState({ state }) {
    if (address(location) === this.#shown) {
      // A place within the page that is shown, or a state of the page's own script.
      this.#running.abort();
      this.#places.settle(state);
    } else if (this.#places.knows(state)) {
      this.#go(new URL(location.href), () => this.#places.comeBack(state));
    }
  }

  /**
   * Shows the page of that address.
   *
   * @param {URL} url
   * @param {() => void} enter moves the history there
   */
  async #go(url, enter) {
    this.#running.abort();
    const running = (this.#running = new AbortController());
    const root = document.documentElement;
    root.setAttribute("aria-busy", "true");
    try {
      const { page, to } = await fetchPage(url, running.signal);
      const showStyles = await addStyles(page, to, running.signal);
      // A script that is about to run finds the page that it is of.
      for (let begun; begun !== this.#begun; await begun) begun = this.#begun;
      running.signal.throwIfAborted();
      this.#places.leave(/** @type {Element} */ (own(document)));
      this.#client.page.abort(LEFT);
      this.#client.page = new AbortController();
      document.dispatchEvent(new Event("kipo:leave"));
      // What scripts do about it finds the page that they know.
      await new Promise((resolve) => setTimeout(resolve));
      running.signal.throwIfAborted();
      url.href = to.href;
      enter();
      // A way back that is redirected.
      if (location.href !== url.href) history.replaceState(history.state, "", url);
      showStyles();
      this.#show(page);
      this.#arrive(page);
    } catch {
      if (running.signal.aborted) return;
      if (location.href === url.href) location.reload();
      else location.assign(url);
    } finally {
      if (this.#running === running) root.removeAttribute("aria-busy");
    }
  }

  /**
   * Puts a page in place of the one that is shown.
   *
   * @param {Document} page
   */
  #show(page) {
    const left = /** @type {Element} */ (own(document));
    // No listener of the page that is left may hear what happens in this one.
    if (left === document.body) left.replaceWith(document.importNode(page.body, true));
    else left.replaceWith(left.cloneNode());
    morph(document.head, page.head);
    morph(document.body, page.body);
    for (const name of ["lang", "dir"]) {
      const value = page.documentElement.getAttribute(name);
      if (value === null) document.documentElement.removeAttribute(name);
      else document.documentElement.setAttribute(name, value);
    }
    this.#shown = address(location);
  }

  /**
   * Brings whoever looks, or listens, to the place where the page begins, and runs its scripts.
   *
   * @param {Document} page
   */
  #arrive(page) {
    const target = this.#places.target();
    const start = target ?? beginning();
    if (start.tabIndex < 0 && !start.hasAttribute("tabindex")) start.tabIndex = -1;
    start.focus({ preventScroll: true });
    if (!this.#voice.isConnected) document.documentElement.append(this.#voice);
    this.#voice.textContent = document.title;
    const scrollAgain = this.#places.scroll(target);
    document.dispatchEvent(new Event("kipo:visit"));
    const scripts = this.#runScripts(page);
    // By then there may be more to scroll through. A script may well not end while it is shown.
    void Promise.all(scripts.map(({ run }) => run)).then(scrollAgain);
    const loaded = Promise.all(scripts.map(({ loaded }) => loaded));
    this.#places.giveBack(loaded.then(() => this.#begun), this.#client.page.signal);
  }

  /**
   * Runs the page's own script, and others that this tab has not run yet.
   *
   * @param {Document} page
   */
  #runScripts(page) {
    const addresses = [...page.querySelectorAll(SCRIPT)].map((script) => {
      const isModule = script.getAttribute("type") === "module";
      return { isModule, href: new URL(script.getAttribute("src") ?? "", location.href).href };
    });
    return addresses.flatMap(({ isModule, href }) => {
      const runs = this.#runs.get(href) ?? 0;
      if (runs > 0 && !isOwn(href)) return [];
      this.#runs.set(href, runs + 1);
      // A module runs once for each address. The fragment makes another one of it, which no cache knows of.
      if (isModule) return this.#begin(runs === 0 ? href : `${href}#visit=${runs + 1}`);
      const script = document.createElement("script");
      Object.assign(script, { src: href, async: false });
      document.head.append(script);
      return [];
    });
  }

  /**
   * Runs a module once it has loaded with all that it imports. A page's own does not if the page was left by then: it
   * would find the elements of another.
   *
   * @param {string} href
   */
  #begin(href) {
    const { signal: left } = this.#client.page;
    const loaded = preload(href);
    const run = loaded.then(() => {
      if (left.aborted && isOwn(href)) return;
      const run = import(href);
      const turn = new Promise((resolve) => setTimeout(resolve, BEGIN_MS));
      this.#begun = Promise.all([this.#begun, Promise.race([run, turn]).catch(() => {})]);
      return run;
    });
    return { loaded, run: run.catch(reportError) };
  }
}

/**
 * Loads a module with all that it imports, where a browser knows how to. What fails says so once more, and better,
 * when it is imported.
 *
 * @param {string} href
 */
async function preload(href) {
  const link = document.createElement("link");
  if (!link.relList.supports("modulepreload")) return;
  Object.assign(link, { rel: "modulepreload", href });
  document.head.append(link);
  await settled(link);
  link.remove();
}

/**
 * Waits for an element to have loaded, or not.
 *
 * @param {Element} element
 */
function settled(element) {
  return new Promise((resolve) => ["load", "error"].forEach((name) => element.addEventListener(name, resolve)));
}

/**
 * Whether a script stands beside a page.
 *
 * @param {string} href
 */
function isOwn(href) {
  return href.startsWith(PAGE_FILES);
}

/**
 * Returns the element that is the page's own, if the page opts in.
 *
 * @param {Document} page
 * @returns {Element | null}
 */
function own(page) {
  return page.querySelector(OWN);
}

/** Returns where the page that is shown begins for whoever reads it by keyboard or by ear. */
function beginning() {
  const within = document.querySelector(`main, ${OWN}`) ?? document.body;
  return /** @type {HTMLElement} */ (within.querySelector("[autofocus]") ?? within.querySelector("h1") ?? within);
}

/**
 * Fetches a page that can take the place of this one, or throws.
 *
 * @param {URL} url
 * @param {AbortSignal} signal
 * @returns {Promise<{ page: Document, to: URL }>}
 */
async function fetchPage(url, signal) {
  const response = await fetch(url, { headers: { accept: "text/html" }, mode: "same-origin", signal });
  const isPage = response.ok && /^text\/html\b/i.test(response.headers.get("content-type") ?? "");
  if (!isPage) {
    await response.body?.cancel();
    throw new Error("not a page");
  }
  const page = parse(await response.text());
  // Another client, after a deployment, has another map.
  const client = (/** @type {Document} */ { head }) => head.querySelector("script[type=importmap]")?.textContent;
  if (own(page)?.localName !== own(document)?.localName || client(page) !== client(document)) throw new Error("a page of another kind");
  const to = new URL(response.url);
  to.hash = url.hash;
  return { page, to };
}

/**
 * Loads the style sheets that the next page has more, and returns what makes them apply: so it is never seen without.
 *
 * @param {Document} page
 * @param {URL} to
 * @param {AbortSignal} signal
 */
async function addStyles(page, to, signal) {
  const links = [...page.head.querySelectorAll("link")].filter(({ rel, media }) => rel === "stylesheet" && media !== "print");
  const known = [...document.head.querySelectorAll("link")];
  const wanted = links.filter((link) => {
    const href = link.getAttribute("href") ?? "";
    const isSame = new URL(href, to).href === new URL(href, location.href).href;
    return isSame && !known.some((other) => other.isEqualNode(link));
  });
  const added = wanted.map((link) => {
    const made = document.importNode(link, true);
    // It loads all the same, but does not apply yet.
    made.media = "not all";
    return { link, made };
  });
  const loaded = added.map(({ made }) => settled(made));
  document.head.append(...added.map(({ made }) => made));
  const undo = () => added.forEach(({ made }) => made.remove());
  signal.addEventListener("abort", undo);
  await Promise.race([Promise.all(loaded), new Promise((resolve) => setTimeout(resolve, STYLES_MS_MAX))]);
  signal.throwIfAborted();
  return () => {
    signal.removeEventListener("abort", undo);
    for (const { link, made } of added) {
      if (link.hasAttribute("media")) made.media = link.media;
      else made.removeAttribute("media");
    }
  };
}
