/** @import { Facts } from "./types.d.ts" */

import { clock, duration, el } from "./dom.js";

/**
 * What was built and changed last.
 *
 * @param {Facts} facts
 */
export function buildList({ build, changes }) {
  const last = build
    ? entry(build.ok, build.at, build.what, build.ok ? "built" : "does not build", build.ms)
    : el("p", { class: "empty" }, "Nothing has been built since the development server began.");
  const list = changes.map(({ ok, at, what, did, ms }) => entry(ok, at, what, did, ms));
  const none = el("p", { class: "empty" }, "No page has been edited since this version of the app began to serve.");
  return el(
    "div",
    { class: "builds" },
    el("h3", {}, "Last build"),
    last,
    el("h3", {}, "Last edits of pages"),
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
