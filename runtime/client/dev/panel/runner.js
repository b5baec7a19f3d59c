/** @import { Call, StreamCall } from "../../types.d.ts" */
/** @import { Definitions, Described } from "./types.d.ts" */
/** @import { PanelStorage } from "./storage.js" */

import { json, problem } from "./activity.js";
import { clock, counted, duration, el, say } from "./dom.js";
import { Form } from "./form.js";

/** The number of shown events of a stream. */
const EVENTS_MAX = 200;

/** The longest shown output: more than a developer reads, and not so much that it slows the page. */
const RESULT_CHARS_MAX = 200_000;

/** A form that runs an action with the client of the page, and its result. */
export class Runner {
  element;
  #action;
  #described;
  #form;
  #storage;
  #start = el("button", { class: "go", type: "submit" });
  #stop = el("button", { type: "button", onclick: () => this.#running?.abort() }, "Stop");
  #retries = el("input", { type: "checkbox", checked: true });
  #status = el("p", { class: "status", role: "status" });
  #result = el("pre", { tabindex: 0, hidden: true, "aria-label": "Result" });
  #events = el("ol", { class: "events", tabindex: 0, hidden: true, "aria-label": "Events" });
  /** Aborted to end the current run. @type {AbortController | null} */
  #running = null;

  /**
   * @param {Described} described
   * @param {Definitions} definitions
   * @param {unknown} action of the page's client, by namespace
   * @param {PanelStorage} storage
   */
  constructor(described, definitions, action, storage) {
    this.#described = described;
    this.#action = action;
    this.#storage = storage;
    const { name, input, events } = described;
    this.#form = new Form(`run-${name}`, input, definitions, storage.input(name));
    const turn = el("button", { type: "button", class: "plain", onclick: () => this.#turn(turn) }, "As JSON");
    const again = el("label", { class: "inline" }, this.#retries, " reconnect");
    this.element = el(
      "form",
      { class: "run", onsubmit: (/** @type {Event} */ event) => (event.preventDefault(), void this.#run()) },
      this.#form.element,
      el("div", { class: "row" }, this.#start, this.#stop, events ? again : null, this.#form.hasBoth ? turn : null, this.#status),
      this.#events,
      this.#result,
    );
    this.#rest();
  }

  /** @param {HTMLElement} button */
  #turn(button) {
    this.#form.turn();
    say(button, this.#form.isJson ? "As fields" : "As JSON");
  }

  #rest() {
    this.#running = null;
    const isStream = this.#described.events !== null;
    say(this.#start, isStream ? "Start" : "Call");
    this.#start.removeAttribute("aria-disabled");
    // The focus does not get lost with the hidden button.
    if (/** @type {ShadowRoot} */ (this.#stop.getRootNode()).activeElement === this.#stop) this.#start.focus();
    this.#stop.hidden = true;
  }

  async #run() {
    if (this.#running !== null) return;
    const input = this.#form.read();
    if (input === undefined) return;
    this.#storage.saveInput(this.#described.name, input);
    this.#running = new AbortController();
    const { signal } = this.#running;
    this.#start.setAttribute("aria-disabled", "true");
    this.#stop.hidden = false;
    this.#events.replaceChildren();
    this.#events.hidden = true;
    this.#result.hidden = true;
    const began = performance.now();
    const took = () => duration(performance.now() - began);
    try {
      const output = this.#described.events ? await this.#stream(input, signal) : await this.#call(input, signal);
      this.#show("done", `done in ${took()}`, output);
    } catch (error) {
      if (signal.aborted) this.#show("aborted", `stopped after ${took()}`);
      else this.#fail(error, took());
    } finally {
      this.#rest();
    }
  }

  /**
   * @param {unknown} input
   * @param {AbortSignal} signal
   */
  #call(input, signal) {
    this.#say("running", "running …");
    return /** @type {Call<unknown>} */ (this.#builder(input)).withSignal(signal).call();
  }

  /**
   * @param {unknown} input
   * @param {AbortSignal} signal
   */
  async #stream(input, signal) {
    const call = /** @type {StreamCall<unknown, Record<string, unknown>>} */ (this.#builder(input)).withSignal(signal);
    let count = 0;
    let state = "connecting";
    const showState = () => this.#say(state, `${state}, ${counted(count, "event")}`);
    call.withOnState((now) => {
      state = now;
      showState();
    });
    if (this.#retries.checked) call.withRetryStream();
    const events = call.events();
    for (;;) {
      const { done, value } = await events.next();
      if (done) return value;
      count += 1;
      showState();
      this.#add(value.event, value.data);
    }
  }

  /** @param {unknown} input */
  #builder(input) {
    const parts = this.#described.name.split(".");
    const found = parts.reduce((at, part) => /** @type {Record<string, unknown>} */ (at)[part], this.#action);
    return /** @type {(input: unknown) => unknown} */ (found)(input);
  }

  /**
   * @param {string} event
   * @param {unknown} data
   */
  #add(event, data) {
    const list = this.#events;
    const isAtEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 8;
    list.hidden = false;
    list.append(el("li", {}, el("time", {}, clock(Date.now())), el("b", {}, event), el("code", {}, json(data))));
    if (list.children.length > EVENTS_MAX) list.firstElementChild?.remove();
    if (isAtEnd) list.scrollTop = list.scrollHeight;
  }

  /**
   * @param {unknown} error
   * @param {string} took
   */
  #fail(error, took) {
    const about = problem(error);
    this.#form.showErrors(about.fields ?? {});
    this.#show("failed", `${about.code ?? about.name} after ${took}`, about);
  }

  /**
   * @param {string} state
   * @param {string} text
   * @param {unknown} [result]
   */
  #show(state, text, result) {
    this.#say(state, text);
    this.#result.hidden = result === undefined;
    this.#result.dataset.state = state;
    say(this.#result, json(result, 2, RESULT_CHARS_MAX));
  }

  /**
   * @param {string} state
   * @param {string} text
   */
  #say(state, text) {
    this.#status.dataset.state = state;
    say(this.#status, text);
  }
}
