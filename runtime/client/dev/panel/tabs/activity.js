/** @import { Note, Run, Seen, Tab } from "../types.d.ts" */
/** @import { Activity } from "../activity.js" */

import { drawn } from "../activity.js";
import { clock, counted, duration, el, say, sync } from "../dom.js";

/**
 * Returns the tab with the recent calls and streams, updated live.
 *
 * @param {Activity} activity
 * @returns {Tab}
 */
export function runsTab(activity) {
  const list = el("div", { class: "list" });
  const count = el("span", { class: "soft" });
  const clear = el("button", { type: "button", onclick: () => activity.clear() }, "Clear");
  const empty = el("p", { class: "empty" }, "No action has run in this tab yet.");
  const element = el("div", {}, el("div", { class: "bar" }, count, clear), empty, list);
  /** @type {WeakMap<HTMLElement, Row>} */
  const rows = new WeakMap();

  function draw() {
    const { runs } = activity;
    const live = runs.filter(({ ended }) => ended === null).length;
    say(count, `${live} running, ${runs.length - live} ended`);
    empty.hidden = runs.length > 0;
    clear.hidden = runs.length === live;
    const elements = sync(list, runs, ({ id }) => id, (run) => {
      const row = new Row(run);
      rows.set(row.element, row);
      return row.element;
    });
    for (const element of elements) rows.get(element)?.draw();
  }

  return { element, ...drawn(activity, draw) };
}

class Row {
  element;
  #run;
  #state = el("span", { class: "state" });
  #numbers = el("span", { class: "soft numbers" });
  #took = el("span", { class: "took" });
  #result = el("div");
  #notes = el("ol", { class: "events", "aria-label": "Connections" });
  #events = el("ol", { class: "events", tabindex: 0, "aria-label": "Events" });
  #body;

  /** @param {Run} run */
  constructor(run) {
    this.#run = run;
    const { name, isStream, input, method, began } = run;
    const kind = isStream ? "stream" : "call";
    const summary = el(
      "summary",
      {},
      this.#state,
      el("span", { class: "name" }, name),
      el("span", { class: "tag", "data-kind": kind }, kind),
      this.#numbers,
      this.#took,
    );
    const about = `${method}, started at ${clock(began)}`;
    this.#body = el("div", { class: "seen" }, el("p", { class: "soft" }, about), part("Input", input), this.#result, this.#notes, this.#events);
    this.element = el("details", { class: "item", ontoggle: () => this.draw() }, summary, this.#body);
  }

  draw() {
    const { state, outcome, code, events, reconnects, gaps, began, ended, isStream } = this.#run;
    say(this.#state, isStream ? state : (outcome ?? state));
    this.#state.dataset.state = outcome ?? state;
    const numbers = [
      isStream && outcome,
      code,
      isStream && counted(events, "event"),
      reconnects > 0 && counted(reconnects, "reconnect"),
      gaps > 0 && counted(gaps, "gap"),
    ];
    say(this.#numbers, numbers.filter(Boolean).join(" · "));
    say(this.#took, duration((ended ?? Date.now()) - began));
    if (this.element.open) this.#drawBody();
  }

  #drawBody() {
    const { output, error, notes, last } = this.#run;
    const result = output ?? error;
    if (result !== null && this.#result.childElementCount === 0) this.#result.append(part(error === null ? "Output" : "Error", result));
    this.#notes.hidden = notes.length === 0;
    this.#events.hidden = last.length === 0;
    sync(this.#notes, notes, ({ number }) => number, noteItem);
    const list = this.#events;
    const isAtEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 8;
    sync(list, last, ({ number }) => number, eventItem);
    if (isAtEnd) list.scrollTop = list.scrollHeight;
  }
}

/**
 * @param {string} title
 * @param {string} text
 */
function part(title, text) {
  return el("div", { class: "part" }, el("h2", {}, title), el("pre", { tabindex: 0, "aria-label": title }, text));
}

/** @param {Note} note */
function noteItem({ at, kind, text }) {
  const word = { lost: "lost", back: "reconnected", gap: "gap" }[kind];
  return el("li", { "data-kind": kind }, el("time", {}, clock(at)), el("b", {}, word), el("span", {}, text));
}

/** @param {Seen} seen */
function eventItem({ at, event, id, text }) {
  return el("li", {}, el("time", {}, clock(at)), el("b", { title: id === null ? null : `id ${id}` }, event), el("code", {}, text));
}
