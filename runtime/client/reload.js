// Development only: shows a saved file in every open tab. Loaded by a script tag of its own, before the page's script.
//
// The events of `{base}/dev/reload`, each with JSON:
//   start    { id, root, editor }   the life of the server; another id after a reconnect means that it is another one
//   page     { pages }              these templates show something else (null: all): fetch the page, and morph it
//   css      { paths }              these style sheets changed
//   script   { pages }              load these pages anew (null: all)
//   file     { paths }              these public files changed
//   errors   { errors }             all that is wrong now, the first first; nothing any more if it is empty
//   failure  { message, … }         something failed once

import { restore, save } from "./keep.js";
import { Served } from "./morph.js";
import { Overlay } from "./overlay.js";
import { fetchAgain, swapStyles } from "./swap.js";

/**
 * @typedef {import("./overlay.js").Report} Report
 * @typedef {object} Data
 * @property {string} [id]
 * @property {string} [root]
 * @property {string} [editor]
 * @property {string[] | null} [pages]
 * @property {string[]} [paths]
 * @property {Report[]} [errors]
 *
 * @typedef {typeof NAMES[number]} Name
 * @typedef {{ name: Name | "hello", data: Data & Report }} DevEvent
 *
 * @typedef {object} Tab what this script does to the page, and needs of the browser; tests hand in another
 * @property {() => string | undefined} template the page's own
 * @property {() => void} load loads the page anew
 * @property {() => void} morph fetches the page, and morphs it
 * @property {(paths: string[]) => void} swapStyles
 * @property {(paths: string[]) => void} fetchAgain
 * @property {(reports: Report[]) => void} cover covers the page with what is wrong
 * @property {(editor: { root?: string, editor?: string }) => void} openWith
 * @property {(run: () => void, ms: number) => unknown} setTimer
 * @property {(url: URL) => EventSource} openEvents
 * @property {Pick<BroadcastChannel, "postMessage" | "onmessage">} [channel] to the other tabs, not to itself
 * @property {LockManager} [locks]
 */

const NAME = "kipo:reload";

const NAMES = /** @type {const} */ (["start", "page", "css", "script", "file", "errors", "failure"]);

/** Often enough to feel at once, seldom enough to leave a server that compiles in peace. */
const REOPEN_MS = 1000;

/** `EventSource.CLOSED`: it has given up. */
const EVENTS_CLOSED = 2;

/**
 * Follows the server. Of all tabs one holds the lock and the connection, and tells the others: browsers
 * allow six connections per host over HTTP/1.1, and streams of the app need them more.
 *
 * @param {URL} url
 * @param {Tab} tab
 */
export function follow(url, tab) {
  /** The life of the server that this page came from, or the first that was seen. @type {string | undefined} */
  let life;
  /** What is wrong, and what failed since the last change. @type {Report[]} */
  let errors = [];
  /** @type {Report[]} */
  let failures = [];
  /** What a tab that opens later must hear. @type {Map<string, DevEvent>} */
  const standing = new Map();

  const cover = () => tab.cover([...failures, ...errors]);
  const isShown = (/** @type {string[] | null | undefined} */ pages) => {
    const template = tab.template();
    return !pages || template === undefined || pages.includes(template);
  };

  /** @param {DevEvent} event */
  function show({ name, data }) {
    if (name !== "failure" && failures.length > 0) {
      failures = [];
      cover();
    }
    switch (name) {
      case "start":
        tab.openWith(data);
        life ??= data.id;
        // What is wrong is told anew after this.
        errors = failures = [];
        cover();
        if (data.id !== life) tab.load();
        break;
      case "page":
        if (isShown(data.pages)) tab.morph();
        break;
      case "css":
        tab.swapStyles(data.paths ?? []);
        break;
      case "script":
        if (isShown(data.pages)) tab.load();
        break;
      case "file":
        tab.fetchAgain(data.paths ?? []);
        break;
      case "errors":
        errors = data.errors ?? [];
        cover();
        break;
      case "failure":
        failures = [data];
        cover();
        break;
    }
  }

  function lead() {
    const events = tab.openEvents(url);
    // EventSource comes back from a lost connection by itself, except where something answered that is no stream.
    events.addEventListener("error", () => {
      if (events.readyState === EVENTS_CLOSED) tab.setTimer(lead, REOPEN_MS);
    });
    for (const name of NAMES) {
      events.addEventListener(name, (message) => {
        const event = { name, data: JSON.parse(String(message.data)) };
        if (name === "start" || name === "errors") standing.set(name, event);
        // Another server tells anew what is wrong.
        if (name === "start") standing.delete("errors");
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

/** @returns {Tab} */
function thisTab() {
  const overlay = new Overlay(document);
  // Before the page's own script has changed anything.
  const served = new Served(document.documentElement);
  const load = () => {
    save(document, sessionStorage);
    location.reload();
  };
  let isMorphing = false;
  let again = false;
  async function morph() {
    again = true;
    if (isMorphing) return;
    isMorphing = true;
    while (again) {
      again = false;
      await morphOnce().catch(() => {
        // The server is gone for a moment, and tells its life when it is back.
      });
    }
    isMorphing = false;
  }
  async function morphOnce() {
    const response = await fetch(location.href, { cache: "no-store", headers: { accept: "text/html" } });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    if (templateOf(page) === templateOf(document)) served.follow(page.documentElement);
    // One that fails leaves the last good one; one that came or went is shown as what it is now.
    else if (response.status >= 500) overlay.show([failure(response.status, page)]);
    else load();
  }
  restore(document, sessionStorage);
  return {
    template: () => templateOf(document),
    load,
    morph,
    swapStyles: (paths) => swapStyles(document, paths),
    fetchAgain: (paths) => fetchAgain(document, paths),
    cover: (reports) => overlay.show(reports),
    openWith: (editor) => (overlay.editor = editor),
    setTimer: setTimeout.bind(globalThis),
    openEvents: (url) => new EventSource(url),
    channel: globalThis.BroadcastChannel && new BroadcastChannel(NAME),
    // Missing where the page is neither on https nor on localhost.
    locks: navigator.locks,
  };
}

/**
 * Returns the template that a page shows; `undefined` if it shows none.
 *
 * @param {Document} page
 */
function templateOf(page) {
  return page.querySelector("script[data-kipo-page]")?.getAttribute("data-kipo-page") || undefined;
}

/**
 * Reads what is wrong from the page that the server shows for it.
 *
 * @param {number} status
 * @param {Document} page
 * @returns {Report}
 */
function failure(status, page) {
  const text = (/** @type {string} */ selector) => page.querySelector(selector)?.textContent?.trim() || undefined;
  const message = text("h1") ?? `this page is answered with ${status}`;
  return { kind: "data", message, name: text("p"), excerpt: text("pre") };
}

if (globalThis.document) follow(new URL("../dev/reload", import.meta.url), thisTab());
