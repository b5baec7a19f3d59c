/** @import { Facts } from "../types.d.ts" */

import { clock, duration, el } from "../dom.js";

/**
 * Returns the last build and the last edits of pages.
 *
 * @param {Facts} facts
 */
export function buildList({ build, changes }) {
  const last = build
    ? entry(build.ok, build.at, build.what, build.ok ? "built" : "failed to build", build.ms)
    : el("p", { class: "empty" }, "Nothing has been built since the development server started.");
  const list = changes.map(({ ok, at, what, did, ms }) => entry(ok, at, what, did, ms));
  const none = el("p", { class: "empty" }, "No page has been edited since this version of the app started.");
  return el(
    "div",
    { class: "builds" },
    el("h2", {}, "Last build"),
    last,
    el("h2", {}, "Last edits of pages"),
    ...(list.length > 0 ? list : [none]),
  );
}

/**
 * @param {boolean} ok
 * @param {number} at
 * @param {string} what
 * @param {string} did
 * @param {number} ms
 */
function entry(ok, at, what, did, ms) {
  return el(
    "p",
    { class: "entry" },
    el("time", {}, clock(at)),
    el("span", { class: "state", "data-state": ok ? "done" : "failed" }, ok ? "ok" : "failed"),
    el("span", { class: "name" }, what),
    el("span", { class: "soft numbers" }, did),
    el("span", { class: "took" }, duration(ms)),
  );
}
