// Navigation without a full load, where both pages opt in. An element with `p-navigate` holds the content of the page,
// and is replaced; the layout around it is morphed. In every unusual case the browser does a full load, which is always
// right.

import { pageUrl, parsePage } from "./document.js";
import { SessionHistory } from "./history.js";
import { morph } from "./morph.js";
import { PageScripts, settled } from "./scripts.js";

/** The content of a page that opts in. `p-navigate="off"` opts out a link, or all links in an element. */
const CONTENT = `[p-navigate]:not(a, [p-navigate="off"])`;
const OFF = `[p-navigate="off"]`;

/** How long the styles of the next page may delay it, in milliseconds. */
const STYLES_MS_MAX = 3000;

/** The reason with which calls and streams end when the user leaves their page. */
const LEFT = new DOMException("the user has left the page", "AbortError");

/**
 * Starts to navigate without full loads.
 *
 * @param {{ page: AbortController }} client
 */
export function navigate(client) {
  new Navigation(client).start();
}

class Navigation {
  #client;
  #history = new SessionHistory();
  /** The URL of the current page. */
  #url = pageUrl(location);
  /** Aborted when another navigation begins. */
  #running = new AbortController();
  #scripts = new PageScripts();
  /** A live region for screen readers. It is outside of the body, so that navigation does not remove it. */
  #announcer = document.createElement("kipo-voice");

  /** @param {{ page: AbortController }} client */
  constructor(client) {
    this.#client = client;
  }

  start() {
    if (contentOf(document) === null) return;
    this.#scripts.start();
    this.#history.start();
    this.#announcer.setAttribute("role", "status");
    Object.assign(this.#announcer.style, { position: "absolute", width: "1px", height: "1px", overflow: "hidden", clipPath: "inset(50%)", whiteSpace: "nowrap" });
    document.documentElement.append(this.#announcer);
    document.addEventListener("click", (event) => this.#onClick(event));
    addEventListener("popstate", (event) => this.#onPopState(event));
    // A script that awaits a call of its page sees the call end. That is no error.
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
    // The browser handles links to fragments of the current page.
    if (link.href.includes("#") && pageUrl(url) === this.#url) return;
    event.preventDefault();
    this.#go(url, () => this.#history.push(url, url.href === location.href));
  }

  /** @param {PopStateEvent} event */
  #onPopState({ state }) {
    if (pageUrl(location) === this.#url) {
      // A fragment of the current page, or a state of its script.
      this.#running.abort();
      this.#history.traverseInPage(state);
    } else if (this.#history.owns(state)) {
      this.#go(new URL(location.href), () => this.#history.traverse(state));
    }
  }

  /**
   * Shows the page of a URL.
   *
   * @param {URL} url
   * @param {() => void} moveHistory
   */
  async #go(url, moveHistory) {
    this.#running.abort();
    const running = (this.#running = new AbortController());
    const root = document.documentElement;
    root.setAttribute("aria-busy", "true");
    try {
      const { page, to } = await fetchPage(url, running.signal);
      const showStyles = await addStyles(page, to, running.signal);
      // A script that is about to start finds its own page.
      await this.#scripts.started();
      running.signal.throwIfAborted();
      this.#history.capture(/** @type {Element} */ (contentOf(document)));
      this.#client.page.abort(LEFT);
      this.#client.page = new AbortController();
      document.dispatchEvent(new Event("kipo:leave"));
      // Scripts react to this while their own page is still shown.
      await new Promise((resolve) => setTimeout(resolve));
      running.signal.throwIfAborted();
      url.href = to.href;
      moveHistory();
      // Going back has led to a redirect.
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
   * Replaces the current page.
   *
   * @param {Document} page
   */
  #show(page) {
    const content = /** @type {Element} */ (contentOf(document));
    // New elements: no listener of the previous page receives events of this one.
    if (content === document.body) content.replaceWith(document.importNode(page.body, true));
    else content.replaceWith(content.cloneNode());
    morph(document.head, page.head);
    morph(document.body, page.body);
    for (const name of ["lang", "dir"]) {
      const value = page.documentElement.getAttribute(name);
      if (value === null) document.documentElement.removeAttribute(name);
      else document.documentElement.setAttribute(name, value);
    }
    this.#url = pageUrl(location);
  }

  /**
   * Sets focus and scroll position for the new page, announces its title and runs its scripts.
   *
   * @param {Document} page
   */
  #arrive(page) {
    const target = this.#history.target();
    const start = target ?? startOfPage();
    if (start.tabIndex < 0 && !start.hasAttribute("tabindex")) start.tabIndex = -1;
    start.focus({ preventScroll: true });
    if (!this.#announcer.isConnected) document.documentElement.append(this.#announcer);
    this.#announcer.textContent = document.title;
    const scrollAgain = this.#history.scroll(target);
    document.dispatchEvent(new Event("kipo:visit"));
    const scripts = this.#scripts.run(page, this.#client.page.signal);
    // Scripts may have made the page longer by then. A script may run for as long as its page is shown.
    void Promise.all(scripts.map(({ run }) => run)).then(scrollAgain);
    const loaded = Promise.all(scripts.map(({ loaded }) => loaded));
    this.#history.restoreUserState(loaded.then(() => this.#scripts.started()), this.#client.page.signal);
  }

}

/**
 * Returns the element with the content of the page, if the page opts in.
 *
 * @param {Document} page
 * @returns {Element | null}
 */
function contentOf(page) {
  return page.querySelector(CONTENT);
}

/** Returns the element where users of a keyboard or a screen reader start to read. */
function startOfPage() {
  const within = document.querySelector(`main, ${CONTENT}`) ?? document.body;
  return /** @type {HTMLElement} */ (within.querySelector("[autofocus]") ?? within.querySelector("h1") ?? within);
}

/**
 * Fetches a page that can replace the current one, or throws.
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
  const page = parsePage(await response.text());
  // After a deployment the import map names another client.
  const importMap = (/** @type {Document} */ { head }) => head.querySelector("script[type=importmap]")?.textContent;
  if (contentOf(page)?.localName !== contentOf(document)?.localName || importMap(page) !== importMap(document)) {
    throw new Error("a page of another kind");
  }
  const to = new URL(response.url);
  to.hash = url.hash;
  return { page, to };
}

/**
 * Loads the style sheets that only the next page has. Returns a function that applies them, so that the page never shows
 * without its styles.
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
    // The sheet loads, but does not apply yet.
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
