// Development only: shows each edit in every open tab. A script tag of its own loads it before the script of the page.
//
// The events of `{base}/dev/reload`, each with JSON:
//   start    { id, root, editor }   the generation of the server; another id after a reconnect means a restarted server
//   page     { pages }              these templates changed (null: all): fetch the page and morph it
//   css      { paths }              these style sheets changed
//   script   { pages }              reload these pages (null: all)
//   file     { paths }              these public files changed
//                                   These five have the `edition` of the pages as well: each edit makes a later one.
//   errors   { errors }             all current errors, the first one first; empty if there are none
//   failure  { message, … }         a failure of one request

import { Overlay } from "./overlay.js";
import { restore, save } from "./saved_state.js";
import { Assets } from "./swap_assets.js";
import { Page } from "./update_page.js";

/**
 * @typedef {import("./overlay.js").Report} Report
 * @typedef {object} Data
 * @property {string} [id]
 * @property {string} [root]
 * @property {string} [editor]
 * @property {number} [edition]
 * @property {string[] | null} [pages]
 * @property {string[]} [paths]
 * @property {Report[]} [errors]
 *
 * @typedef {typeof NAMES[number]} Name
 * @typedef {{ name: Name | "hello", data: Data & Report }} DevEvent
 *
 * @typedef {object} Tab what this script needs of the page and the browser; tests pass a fake
 * @property {() => string | undefined} template of the page
 * @property {() => void} load reloads the page
 * @property {() => string | undefined} generation of the server that sent the page
 * @property {() => number} edition of the page
 * @property {() => Report | undefined} failure of the page, if an error page shows in its place
 * @property {() => Promise<Report | undefined>} update fetches the page and morphs the tab; returns a failure
 * @property {(paths: string[] | null) => void} swapStyleSheets null: all of them
 * @property {(paths: string[]) => void} refetch
 * @property {(errors: Report[], failures: Report[]) => void} cover covers the page with errors
 * @property {(report: Report) => void} log writes a failure to the console
 * @property {(editor: { root?: string, editor?: string }) => void} openWith
 * @property {(run: () => void, ms: number) => unknown} setTimer
 * @property {(url: URL) => EventSource} openEvents
 * @property {Pick<BroadcastChannel, "postMessage" | "onmessage">} [channel] to the other tabs
 * @property {LockManager} [locks]
 */

/** The lock and the channel of an app; another app of this host has other events. @param {URL} url */
const nameOf = (url) => `kipo:reload ${url.pathname}`;

const NAMES = /** @type {const} */ (["start", "page", "css", "script", "file", "errors", "failure"]);

/** Events that follow an edit. The edit may have fixed an earlier failure. */
const CHANGES = ["page", "css", "script", "file"];

/** If a server reports no errors for so long after its start, it has none, in milliseconds. */
const ERRORS_MS_MAX = 200;

/** Templates of error pages. They show in place of other pages, which the tab does not know. */
const ERROR_PAGE = /(^|\/)\d{3}\.html$/;

/** The delay before a reconnect, in milliseconds: short for the user, and no load for a server that compiles. */
const REOPEN_MS = 1000;

/** `EventSource.CLOSED`: it does not reconnect any more. */
const EVENTS_CLOSED = 2;

/**
 * Applies the events of the server to the tab. One tab holds the lock and the connection, and broadcasts the events to
 * the other tabs: browsers allow six connections for each host over HTTP/1.1, and the streams of the app need them.
 *
 * @param {URL} url
 * @param {Tab} tab
 */
export function follow(url, tab) {
  /** The generation of the server that sent this page, or the first one in an event. */
  let generation = tab.generation();
  /** The edition of the page, or that of the last edit that this tab has followed. */
  let edition = tab.edition();
  /** The current errors. @type {Report[]} */
  let errors = [];
  /** The failures since the last edit. @type {Report[]} */
  let failures = [tab.failure() ?? []].flat();
  /** The events that a tab needs when it opens later. @type {Map<string, DevEvent>} */
  const lastEvents = new Map();

  const cover = () => tab.cover(errors, failures);
  if (failures.length > 0) cover();
  const isShown = (/** @type {string[] | null | undefined} */ pages) => {
    const template = tab.template();
    return !pages || template === undefined || ERROR_PAGE.test(template) || pages.includes(template);
  };

  async function update() {
    const failure = await tab.update();
    // The server may have reported it already, with more details.
    if (!failure || failures.length > 0) return;
    failures = [failure];
    cover();
  }

  /** @param {DevEvent} event */
  function show({ name, data }) {
    const isLater = Number(data?.edition) > edition;
    if (isLater) edition = Number(data.edition);
    if (CHANGES.includes(name) && failures.length > 0) {
      failures = [];
      cover();
    }
    switch (name) {
      case "start":
        tab.openWith(data);
        generation ??= data.id;
        if (data.id !== generation) return tab.load();
        // There was an edit after the server has sent this page and before the connection.
        if (isLater) {
          tab.swapStyleSheets(null);
          void update();
        }
        break;
      case "page":
        if (isShown(data.pages)) void update();
        break;
      case "css":
        tab.swapStyleSheets(data.paths ?? []);
        break;
      case "script":
        if (isShown(data.pages)) tab.load();
        break;
      case "file":
        tab.refetch(data.paths ?? []);
        break;
      case "errors":
        errors = data.errors ?? [];
        cover();
        break;
      case "failure":
        failures = [data];
        tab.log(data);
        cover();
        break;
    }
  }

  function lead() {
    /** Whether the server has reported its errors on this connection. */
    let hasErrors = false;
    /** @param {DevEvent} event */
    const broadcast = (event) => {
      tab.channel?.postMessage(event);
      show(event);
    };
    const events = tab.openEvents(url);
    // EventSource reconnects by itself, except after a response that is not a stream.
    events.addEventListener("error", () => {
      if (events.readyState === EVENTS_CLOSED) tab.setTimer(lead, REOPEN_MS);
    });
    for (const name of NAMES) {
      events.addEventListener(name, (message) => {
        const event = { name, data: JSON.parse(String(message.data)) };
        if (name === "start" || name === "errors") lastEvents.set(name, event);
        const start = lastEvents.get("start");
        if (start && CHANGES.includes(name)) start.data.edition = event.data.edition;
        hasErrors = name === "errors" || (hasErrors && name !== "start");
        broadcast(event);
        if (name !== "start") return;
        tab.setTimer(() => {
          if (hasErrors) return;
          lastEvents.delete("errors");
          broadcast({ name: "errors", data: { errors: [] } });
        }, ERRORS_MS_MAX);
      });
    }
  }

  const { channel, locks } = tab;
  if (!channel || !locks) return lead();
  channel.onmessage = ({ data: event }) => {
    // Only the leader has events to repeat.
    if (event.name === "hello") lastEvents.forEach((known) => channel.postMessage(known));
    else show(event);
  };
  channel.postMessage({ name: "hello", data: {} });
  // The tab holds the lock until it closes. The next tab in the queue then leads.
  locks.request(nameOf(url), () => {
    lead();
    return new Promise(() => {});
  });
}

/** @param {URL} url @returns {Tab} */
function thisTab(url) {
  const overlay = new Overlay(document);
  const load = () => {
    // An error page has no user state; the state of the page before it stays saved.
    if (page.template && !ERROR_PAGE.test(page.template)) save(document, sessionStorage, page.template);
    location.reload();
  };
  const page = new Page(document, load);
  const assets = new Assets(document, (link, next) => page.replaced(link, next));
  restore(document, sessionStorage, page.template);
  return {
    template: () => page.template,
    load,
    generation: () => page.generation,
    edition: () => page.edition,
    failure: () => page.failure,
    update: () => page.update(),
    swapStyleSheets: (paths) => {
      if (assets.swapStyleSheets(paths)) load();
    },
    refetch: (paths) => assets.refetch(paths),
    cover: (errors, failures) => overlay.show(errors, failures),
    log: ({ message, request_id: id }) => console.error(`Kipo: ${message}${id ? ` (request ${id})` : ""}`),
    openWith: (editor) => overlay.openWith(editor),
    setTimer: setTimeout.bind(globalThis),
    openEvents: (url) => new EventSource(url),
    channel: globalThis.BroadcastChannel && new BroadcastChannel(nameOf(url)),
    // Missing on pages that are neither on https nor on localhost.
    locks: navigator.locks,
  };
}

if (globalThis.document) {
  const url = new URL("../../dev/reload", import.meta.url);
  follow(url, thisTab(url));
}
