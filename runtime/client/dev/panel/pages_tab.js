/** @import { Facts, Page } from "./types.d.ts" */

import { el, placeLink } from "./dom.js";

/**
 * The pages of the app, and which of them this is.
 *
 * @param {Facts} facts
 * @param {string | undefined} shown the template that this tab shows
 */
export function pagesList({ pages, editor }, shown) {
  const rows = pages.map((page) => row(page, editor, page.template === shown));
  const heads = ["Address", "Template", "Made of", "Data"].map((text) => el("th", { scope: "col" }, text));
  return el("table", {}, el("thead", {}, el("tr", {}, ...heads)), el("tbody", {}, ...rows));
}

/**
 * @param {Page} page
 * @param {string} editor
 * @param {boolean} isShown
 */
function row({ path, status, template, place, uses, data }, editor, isShown) {
  const address = status === null ? path : `${path === "/" ? "any address" : `${path} and below`}, answered with ${status}`;
  const isFixed = status === null && !path.includes("{");
  return el(
    "tr",
    { "aria-current": isShown ? "page" : null },
    el("td", {}, isFixed ? el("a", { href: path }, path) : address, isShown ? el("span", { class: "tag" }, "this page") : null),
    el("td", {}, placeLink({ ...place, file: template }, editor)),
    el("td", { class: "soft" }, uses.join(", ") || "–"),
    el("td", {}, data ? placeLink(data, editor) : el("span", { class: "soft" }, "none")),
  );
}
