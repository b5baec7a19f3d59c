/** @import { Run, Tab } from "../types.d.ts" */
/** @import { Activity } from "../activity.js" */

import { drawn } from "../activity.js";
import { bytes, el, say, sync } from "../dom.js";

/** What the states of a run mean for a form. @type {Record<string, string>} */
const WORDS = { running: "sending", failed: "refused" };

/**
 * A row: the texts of its cells, the first of which is its name, and the state that its second cell shows by its colour.
 *
 * @typedef {{ key: number, state: string, texts: string[] }} Row
 */

/**
 * Returns the tab with the forms of the page and the uploads of this tab, updated live.
 *
 * @param {Activity} activity
 * @param {Document} document
 * @returns {Tab}
 */
export function formsTab(activity, document) {
  const forms = new Table("Forms of this page", ["Action", "State", "Refused", "Key"], "This page has no form with p-action.");
  const uploads = new Table("Uploads of this tab", ["Files", "State", "Action", "Sent", "Rate"], "No file has been sent in this tab yet.");
  const element = el("div", {}, forms.element, uploads.element);
  /** @type {WeakMap<Element, number>} */
  const keys = new WeakMap();
  let lastKey = 0;

  /** @param {Element} element */
  function keyOf(element) {
    const key = keys.get(element) ?? (lastKey += 1);
    keys.set(element, key);
    return key;
  }

  function draw() {
    const found = [...document.querySelectorAll("form, [p-action]")];
    const bound = found.map((element) => ({ element, run: activity.lastOf(element) }));
    const shown = bound.filter(({ element, run }) => run !== undefined || attribute(element, "p-action") !== "");
    forms.draw(shown.map(({ element, run }) => ({ key: keyOf(element), ...formRow(element, run) })));
    uploads.draw(activity.runs.flatMap((run) => (run.upload === null ? [] : [uploadRow(run, run.upload)])));
  }

  return { element, ...drawn(activity, draw) };
}

/** A table with a heading, or a sentence where it has no row. */
class Table {
  element;
  #body = el("tbody");
  #table;
  #empty;

  /**
   * @param {string} title
   * @param {string[]} heads
   * @param {string} empty
   */
  constructor(title, heads, empty) {
    const head = el("tr", {}, ...heads.map((text) => el("th", { scope: "col" }, text)));
    this.#table = el("table", { "aria-label": title }, el("thead", {}, head), this.#body);
    this.#empty = el("p", { class: "empty" }, empty);
    this.element = el("div", {}, el("h2", {}, title), this.#empty, this.#table);
  }

  /** @param {Row[]} rows */
  draw(rows) {
    this.#empty.hidden = rows.length > 0;
    this.#table.hidden = rows.length === 0;
    const elements = sync(this.#body, rows, ({ key }) => key, ({ texts }) => {
      const [, ...others] = texts;
      return el("tr", {}, el("th", { scope: "row" }), ...others.map((_, index) => el("td", index === 0 ? { class: "state" } : {})));
    });
    elements.forEach((element, index) => {
      const { state = "", texts = [] } = rows[index] ?? {};
      texts.forEach((text, cell) => element.children[cell] && say(element.children[cell], text));
      element.children[1]?.setAttribute("data-state", state);
    });
  }
}

/**
 * @param {Element} element
 * @param {Run} [run] its last one
 */
function formRow(element, run) {
  const action = run?.name ?? attribute(element, "p-action");
  const control = element.localName === "form" ? "" : ` (${attribute(element, "name") || element.localName})`;
  const state = run === undefined ? "idle" : run.outcome ?? "running";
  const refused = run?.outcome === "failed" ? run.refused.join(", ") || String(run.code) : "";
  return { state, texts: [action + control, WORDS[state] ?? state, refused, attribute(element, "p-action-key")] };
}

/**
 * @param {Run} run
 * @param {NonNullable<Run["upload"]>} upload
 * @returns {Row}
 */
function uploadRow({ id, name, began, ended, outcome, code }, { names, total, sent, at }) {
  const state = outcome ?? "running";
  const word = state === "running" ? "sending" : state === "failed" ? `failed: ${code}` : state;
  const share = sent === null ? bytes(total) : `${bytes(sent)} of ${bytes(total)} (${Math.floor((100 * sent) / (total || 1))} %)`;
  const seconds = ((sent === null ? (ended ?? began) : at) - began) / 1000;
  const hasRate = seconds > 0 && (sent !== null || outcome === "done");
  return { key: id, state, texts: [names, word, name, share, hasRate ? `${bytes((sent ?? total) / seconds)}/s` : "–"] };
}

/**
 * Returns the text of an attribute. A control named `getAttribute` must not break its form.
 *
 * @param {Element} element
 * @param {string} name
 */
function attribute(element, name) {
  return Element.prototype.getAttribute.call(element, name)?.trim() ?? "";
}
