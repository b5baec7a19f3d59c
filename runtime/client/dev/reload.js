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

import { restore, save } from "./saved_state.js";
import { Overlay } from "./overlay.js";
import { Page } from "./update_page.js";
import { Files } from "./swap_assets.js";

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
 * @typedef {{ name: Name | "hello" | "missed", data: Data & Report }} DevEvent
 *
 * @typedef {object} Tab what this script does to the page, and needs of the browser; tests hand in another
 * @property {() => string | undefined} template the page's own
 * @property {() => void} load loads the page anew
 * @property {() => string | undefined} life of the server that the page is from
 * @property {() => Report | undefined} failure what failed, where the page is shown in place of another
 * @property {() => Promise<Report | undefined>} refresh fetches the page, and follows it; says what failed
 * @property {(paths: string[] | null) => void} swapStyles null: all of them
 * @property {(paths: string[]) => void} fetchAgain
 * @property {(errors: Report[], failures: Report[]) => void} cover covers the page with what is wrong
 * @property {(editor: { root?: string, editor?: string }) => void} openWith
 * @property {(run: () => void, ms: number) => unknown} setTimer
 * @property {(url: URL) => EventSource} openEvents
 * @property {Pick<BroadcastChannel, "postMessage" | "onmessage">} [channel] to the other tabs, not to itself
 * @property {LockManager} [locks]
 */

const NAME = "kipo:reload";

const NAMES = /** @type {const} */ (["start", "page", "css", "script", "file", "errors", "failure"]);

/** What follows from an edit. What failed once before it may be mended. */
const CHANGES = ["page", "css", "script", "file"];

/** A server that says nothing of errors for so long after its start knows of none, in milliseconds. */
const TOLD_MS = 200;

/** The pages of errors are shown in place of others, of which the tab does not know. */
const ERROR_PAGE = /(^|\/)\d{3}\.html$/;

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
  /** The life of the server that this page came from, or the first that was seen. */
  let life = tab.life();
  /** What is wrong, and what failed since the last change. @type {Report[]} */
  let errors = [];
  /** @type {Report[]} */
  let failures = [tab.failure() ?? []].flat();
  /** What a tab that opens later must hear. @type {Map<string, DevEvent>} */
  const standing = new Map();

  const cover = () => tab.cover(errors, failures);
  if (failures.length > 0) cover();
  const isShown = (/** @type {string[] | null | undefined} */ pages) => {
    const template = tab.template();
    return !pages || template === undefined || ERROR_PAGE.test(template) || pages.includes(template);
  };

  async function refresh() {
    const failure = await tab.refresh();
    // The server may have told of it already, and better.
    if (!failure || failures.length > 0) return;
    failures = [failure];
    cover();
  }

  /** @param {DevEvent} event */
  function show({ name, data }) {
    if (CHANGES.includes(name) && failures.length > 0) {
      failures = [];
      cover();
    }
    switch (name) {
      case "start":
        tab.openWith(data);
        life ??= data.id;
        if (data.id !== life) tab.load();
        break;
      case "missed":
        tab.swapStyles(null);
        void refresh();
        break;
      case "page":
        if (isShown(data.pages)) void refresh();
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
    /** Whether the server has said what is wrong since it was reached. */
    let isTold = false;
    /** @param {DevEvent} event */
    const tell = (event) => {
      tab.channel?.postMessage(event);
      show(event);
    };
    const events = tab.openEvents(url);
    // EventSource comes back from a lost connection by itself, except where something answered that is no stream.
    events.addEventListener("error", () => {
      if (events.readyState === EVENTS_CLOSED) tab.setTimer(lead, REOPEN_MS);
    });
    for (const name of NAMES) {
      events.addEventListener(name, (message) => {
        const event = { name, data: JSON.parse(String(message.data)) };
        const isMissed = name === "start" && event.data.id === life;
        if (name === "start" || name === "errors") standing.set(name, event);
        isTold = name === "errors" || (isTold && name !== "start");
        tell(event);
        if (name !== "start") return;
        // The same server as before: it may have told of edits while nobody heard it.
        if (isMissed) tell({ name: "missed", data: {} });
        tab.setTimer(() => {
          if (isTold) return;
          standing.delete("errors");
          tell({ name: "errors", data: { errors: [] } });
        }, TOLD_MS);
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
  const load = () => {
    // Nobody types into the page of an error; what was typed before it is still kept.
    if (page.template && !ERROR_PAGE.test(page.template)) save(document, sessionStorage, page.template);
    location.reload();
  };
  const page = new Page(document, load);
  const files = new Files(document, (link, next) => page.replaced(link, next));
  restore(document, sessionStorage, page.template);
  return {
    template: () => page.template,
    load,
    life: () => page.life,
    failure: () => page.failure,
    refresh: () => page.refresh(),
    swapStyles: (paths) => {
      if (files.swapStyles(paths)) load();
    },
    fetchAgain: (paths) => files.fetchAgain(paths),
    cover: (errors, failures) => overlay.show(errors, failures),
    openWith: (editor) => overlay.openWith(editor),
    setTimer: setTimeout.bind(globalThis),
    openEvents: (url) => new EventSource(url),
    channel: globalThis.BroadcastChannel && new BroadcastChannel(NAME),
    // Missing where the page is neither on https nor on localhost.
    locks: navigator.locks,
  };
}

if (globalThis.document) follow(new URL("../../dev/reload", import.meta.url), thisTab());
