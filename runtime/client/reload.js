// Development only: shows a saved file in every open tab. Served beside main.js by a development server,
// and loaded by a script tag of its own.
//
// The events of `{base}/dev/reload`, each with JSON:
//   start  { id }       the life of the server; another id after a reconnect means that it was restarted
//   page, script        load the page anew
//   css    { path }     a style sheet by its path, such as /index.css; without a path, all of them
//   error  { file, line, column, message, excerpt }   shown until the next good event

/**
 * @typedef {{ name: "start" | "page" | "script" | "css" | "error" | "hello", data: Data }} DevEvent
 * @typedef {Flaw & { id?: string, path?: string }} Data
 * @typedef {{ file?: string, line?: number | null, column?: number | null, message?: string, excerpt?: string }} Flaw
 *
 * @typedef {object} Tab what this script needs of the browser; tests hand in another
 * @property {Document} document
 * @property {() => void} reload
 * @property {() => number} now
 * @property {(run: () => void, ms: number) => unknown} setTimer
 * @property {(url: URL) => EventSource} openEvents
 * @property {Pick<BroadcastChannel, "postMessage" | "onmessage">} [channel] to the other tabs, not to itself
 * @property {LockManager} [locks]
 */

const NAME = "kipo:reload";

/** Often enough to feel at once, seldom enough to leave a server that compiles in peace. */
const REOPEN_MS = 1000;

/** `EventSource.CLOSED`: it has given up. */
const EVENTS_CLOSED = 2;

/** @returns {Tab} */
function thisTab() {
  return {
    document,
    reload: () => location.reload(),
    now: Date.now,
    setTimer: setTimeout.bind(globalThis),
    openEvents: (url) => new EventSource(url),
    channel: globalThis.BroadcastChannel && new BroadcastChannel(NAME),
    // Missing where the page is neither on https nor on localhost.
    locks: navigator.locks,
  };
}

/**
 * Follows the server. Of all tabs one holds the lock and the connection, and tells the others: browsers
 * allow six connections per host over HTTP/1.1, and streams of the app need them more.
 *
 * @param {URL} url
 * @param {Tab} [tab]
 */
export function follow(url, tab = thisTab()) {
  const overlay = new Overlay(tab.document);
  /** The life of the server that this page came from, or the first that was seen. @type {string | undefined} */
  let life;
  /** What a tab that opens later must hear. @type {Map<string, DevEvent>} */
  const standing = new Map();

  /** @param {DevEvent} event */
  function show({ name, data }) {
    switch (name) {
      case "start":
        life ??= data.id;
        if (data.id !== life) tab.reload();
        break;
      case "page":
      case "script":
        tab.reload();
        break;
      case "css":
        overlay.hide();
        swapStyles(tab, data.path);
        break;
      case "error":
        overlay.show(data);
        break;
    }
  }

  function lead() {
    const events = tab.openEvents(url);
    // A lost connection is an event named "error" too, but one without data. EventSource comes back from it
    // by itself, except where something answered that is no stream.
    events.addEventListener("error", () => {
      if (events.readyState === EVENTS_CLOSED) tab.setTimer(lead, REOPEN_MS);
    });
    for (const name of /** @type {const} */ (["start", "page", "script", "css", "error"])) {
      events.addEventListener(name, (message) => {
        if (!("data" in message)) return;
        const event = { name, data: JSON.parse(String(message.data)) };
        if (name !== "start") standing.delete("error");
        if (name === "start" || name === "error") standing.set(name, event);
        tab.channel?.postMessage(event);
        show(event);
      });
    }
  }

  const { channel, locks } = tab;
  if (!channel || !locks) return lead();
  channel.onmessage = ({ data: event }) => {
    // Only the leader has standing events to repeat.
    if (event.name === "hello") standing.forEach((known) => channel.postMessage(known));
    else show(event);
  };
  channel.postMessage({ name: "hello", data: {} });
  // Held for as long as the tab lives. The next tab in the queue leads after that.
  locks.request(NAME, () => {
    lead();
    return new Promise(() => {});
  });
}

/**
 * @param {Tab} tab
 * @param {string} [path]
 */
function swapStyles({ document, now }, path) {
  const { origin } = new URL(document.baseURI);
  for (const link of document.querySelectorAll("link")) {
    const url = new URL(link.href, origin);
    const isMeant = url.origin === origin && (path === undefined || url.pathname === path);
    if (link.rel !== "stylesheet" || !isMeant) continue;
    // Another query, so that no cache answers; the old style stays until the new one is there.
    url.searchParams.set("kipo", String(now()));
    link.href = url.href;
  }
}

const STYLE = `
  :host { all: initial; position: fixed; inset: 0; z-index: 2147483647; overflow: auto; background: #000a; }
  section { box-sizing: border-box; max-width: 60rem; margin: 6vh auto; padding: 1.5rem; border-radius: 8px;
    border-top: 6px solid #e5484d; background: #191919; color: #eee; font: 16px/1.5 system-ui, sans-serif; }
  h1 { margin: 0 0 0.5rem; font-size: 1.25rem; white-space: pre-wrap; }
  p { margin: 0 0 1rem; color: #ffb3b5; font-family: ui-monospace, monospace; }
  pre { margin: 0 0 1rem; overflow-x: auto; padding: 1rem; border-radius: 4px; background: #000;
    font: 14px/1.5 ui-monospace, monospace; }
  button { font: inherit; padding: 0.25rem 1rem; }
`;

/** Covers the page with an error. Lives in a shadow root, so that neither styles the other. */
class Overlay {
  #document;
  /** @type {HTMLElement | undefined} */
  #host;

  /** @param {Document} document */
  constructor(document) {
    this.#document = document;
  }

  /** @param {Flaw} flaw */
  show({ file, line, column, message = "", excerpt }) {
    this.hide();
    const host = (this.#host = this.#document.createElement("kipo-error"));
    const root = host.attachShadow({ mode: "open" });
    // A sheet made by script is allowed by a policy that forbids inline styles.
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    const section = this.#element("section", "");
    section.setAttribute("role", "alert");
    section.append(this.#element("h1", message));
    const place = [file, line, column].filter((part) => part !== undefined && part !== null);
    if (file) section.append(this.#element("p", place.join(":")));
    if (excerpt) section.append(this.#element("pre", excerpt));
    const button = this.#element("button", "Hide");
    button.addEventListener("click", () => this.hide());
    section.append(button);
    root.append(section);
    this.#document.documentElement.append(host);
  }

  hide() {
    this.#host?.remove();
    this.#host = undefined;
  }

  /**
   * @param {string} name
   * @param {string} text
   */
  #element(name, text) {
    const element = this.#document.createElement(name);
    element.textContent = text;
    return element;
  }
}

if (globalThis.document) follow(new URL("../dev/reload", import.meta.url));
