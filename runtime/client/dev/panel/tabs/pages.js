/** @import { Facts, Page } from "../types.d.ts" */

import { el, locationLink } from "../dom.js";

/**
 * Returns the pages of the app, with a mark on the current page.
 *
 * @param {Facts} facts
 * @param {string | undefined} current the template of the current page
 */
export function pagesList({ pages, prefix, editor }, current) {
  const rows = pages.map((page) => row(page, prefix, editor, page.template === current));
  const heads = ["Path", "Template", "Uses", "Data"].map((text) => el("th", { scope: "col" }, text));
  return el("table", {}, el("thead", {}, el("tr", {}, ...heads)), el("tbody", {}, ...rows));
}

/**
 * @param {Page} page
 * @param {string} prefix the path before those of all pages
 * @param {string} editor
 * @param {boolean} isCurrent
 */
function row({ path, status, template, place, uses, data }, prefix, editor, isCurrent) {
  const address = status === null ? path : `${path === "/" ? "any URL" : `${path} and below`}, with status ${status}`;
  const isFixed = status === null && !path.includes("{");
  return el(
    "tr",
    { "aria-current": isCurrent ? "page" : null },
    el("td", {}, isFixed ? el("a", { href: prefix + path }, path) : address, isCurrent ? el("span", { class: "tag" }, "this page") : null),
    el("td", {}, locationLink({ ...place, file: template }, editor)),
    el("td", { class: "soft" }, uses.join(", ") || "–"),
    el("td", {}, data ? locationLink(data, editor) : el("span", { class: "soft" }, "none")),
  );
}
