/** @import { StreamState } from "../../types.d.ts" */
/** @import { Note, Run } from "./types.d.ts" */

import { ActionError } from "../../error.js";

/** The number of retained runs, including those in progress. */
const RUNS_MAX = 100;

/** The number of retained events and notes of each run. */
const ENTRIES_MAX = 30;

/** The longest text. Longer ones are truncated: the panel must not use much memory for the data of a page. */
const TEXT_CHARS_MAX = 4000;

/** How often a tab is drawn for what changes by itself, such as durations and rates, in milliseconds. */
const TICK_MS = 500;

/** The recent calls and streams of this tab. */
export class Activity {
  /** The newest first. @type {Run[]} */
  runs = [];
  /** Called after each change. */
  onChange = () => {};
  #now;
  #lastId = 0;

  /** @param {() => number} [now] */
  constructor(now = Date.now) {
    this.#now = now;
  }

  /**
   * Records the start of a run. The other methods take the run that this returns.
   *
   * @param {{ name: string, method: string, input: unknown, element?: Element }} settings
   * @param {boolean} isStream
   * @returns {Run}
   */
  begin({ name, method, input, element }, isStream) {
    this.#lastId += 1;
    /** @type {Run} */
    const run = {
      id: this.#lastId,
      name,
      method,
      isStream,
      input: json(input),
      began: this.#now(),
      ended: null,
      state: isStream ? "connecting" : "running",
      outcome: null,
      output: null,
      error: null,
      code: null,
      events: 0,
      last: [],
      reconnects: 0,
      gaps: 0,
      notes: [],
      element: element ? new WeakRef(element) : null,
      refused: [],
      upload: uploadOf(input, this.#now()),
    };
    this.runs.unshift(run);
    if (this.runs.length > RUNS_MAX) this.runs.splice(this.#oldest(), 1);
    this.onChange();
    return run;
  }

  /**
   * @param {Run} run
   * @param {StreamState} state
   */
  state(run, state) {
    run.state = state;
    this.onChange();
  }

  /**
   * @param {Run} run
   * @param {{ event: string, data: unknown, id: string | null }} message
   */
  event(run, { event, data, id }) {
    run.events += 1;
    run.last.push({ number: run.events, at: this.#now(), event, id, text: json(data) });
    if (run.last.length > ENTRIES_MAX) run.last.shift();
    this.onChange();
  }

  /**
   * Records a lost connection; the next attempt is `attempt`.
   *
   * @param {Run} run
   * @param {unknown} error
   * @param {number} attempt
   * @param {number} delayMs
   */
  lost(run, error, attempt, delayMs) {
    const why = error instanceof Error ? error.message : "closed without an error";
    this.#note(run, "lost", `${why}; attempt ${attempt} in ${Math.round(delayMs)} ms`);
  }

  /**
   * @param {Run} run
   * @param {number} attempt
   */
  back(run, attempt) {
    run.reconnects += 1;
    this.#note(run, "back", `reconnected with attempt ${attempt}`);
  }

  /**
   * @param {Run} run
   * @param {{ reason: string, missed: number | null }} gap
   */
  gap(run, { reason, missed }) {
    run.gaps += 1;
    this.#note(run, "gap", `${missed ?? "an unknown number of"} missed: ${reason}`);
  }

  /**
   * Records how much of its files a run has sent.
   *
   * @param {Run} run
   * @param {number} sent
   * @param {number} total
   */
  sent({ upload }, sent, total) {
    if (upload) Object.assign(upload, { sent, total, at: this.#now() });
    this.onChange();
  }

  /**
   * Returns the last run of a form or control.
   *
   * @param {Element} element
   */
  lastOf(element) {
    return this.runs.find((run) => run.element?.deref() === element);
  }

  /**
   * @param {Run} run
   * @param {"done" | "failed" | "aborted" | "left"} outcome
   * @param {unknown} [result] the output, or the error
   */
  end(run, outcome, result) {
    if (run.ended !== null) return;
    run.ended = this.#now();
    run.state = "closed";
    run.outcome = outcome;
    if (outcome === "done") run.output = json(result);
    if (outcome === "failed") {
      const about = problem(result);
      run.error = json(about);
      run.code = String(about.code ?? about.name);
      run.refused = Object.keys(about.fields ?? {});
    }
    this.onChange();
  }

  /** Removes the runs that have ended. */
  clear() {
    this.runs = this.runs.filter(({ ended }) => ended === null);
    this.onChange();
  }

  /**
   * @param {Run} run
   * @param {Note["kind"]} kind
   * @param {string} text
   */
  #note(run, kind, text) {
    const number = (run.notes.at(-1)?.number ?? 0) + 1;
    run.notes.push({ number, at: this.#now(), kind, text });
    if (run.notes.length > ENTRIES_MAX) run.notes.shift();
    this.onChange();
  }

  /** Returns the index of the run to remove first: the oldest one that has ended, or else the oldest one. */
  #oldest() {
    const index = this.runs.findLastIndex(({ ended }) => ended !== null);
    return index < 0 ? this.runs.length - 1 : index;
  }
}

/**
 * Returns the files of an input, if it has any. The empty control of a form sends a file without a name.
 *
 * @param {unknown} input
 * @param {number} at
 * @returns {Run["upload"]}
 */
function uploadOf(input, at) {
  if (typeof input !== "object" || input === null) return null;
  const values = input instanceof FormData ? [...input.values()] : input instanceof Blob ? [input] : Object.values(input).flat();
  const files = values.filter((value) => value instanceof Blob).filter((file) => file.size > 0 || nameOf(file) !== "");
  if (files.length === 0) return null;
  const total = files.reduce((sum, { size }) => sum + size, 0);
  return { names: files.map((file) => nameOf(file) || "without a name").join(", ").slice(0, TEXT_CHARS_MAX), total, sent: null, at };
}

/** @param {Blob} file */
function nameOf(file) {
  return file instanceof File ? file.name : "";
}

/**
 * Returns what shows and hides a tab of the panel that draws the activity.
 *
 * @param {Activity} activity
 * @param {() => void} draw
 */
export function drawn(activity, draw) {
  let isDue = false;
  let timer = 0;
  const drawNow = () => {
    isDue = false;
    draw();
  };
  return {
    show() {
      drawNow();
      // At most once for each frame that the browser paints, however many events arrive.
      activity.onChange = () => {
        if (!isDue) requestAnimationFrame(drawNow);
        isDue = true;
      };
      timer = setInterval(drawNow, TICK_MS);
    },
    hide() {
      activity.onChange = () => {};
      clearInterval(timer);
    },
  };
}

/**
 * Returns an error as plain data: the problem of an `ActionError`, or the name and message of another error.
 *
 * @param {unknown} error
 * @returns {{ name?: string, message: string, status?: number, code?: string, fields?: Record<string, string[]>,
 *   requestId?: string | null, retryAfter?: number | null }}
 */
export function problem(error) {
  if (error instanceof ActionError) {
    const { status, code, message, fields, requestId, retryAfter } = error;
    return { status, code, message, fields, requestId, retryAfter };
  }
  return error instanceof Error ? { name: error.name, message: error.message } : { name: "thrown", message: String(error) };
}

/**
 * @param {unknown} value
 * @param {number} [indent]
 * @param {number} [charsMax]
 */
export function json(value, indent, charsMax = TEXT_CHARS_MAX) {
  let text;
  try {
    text = JSON.stringify(value, plain, indent) ?? String(value);
  } catch {
    text = String(value); // It contains itself.
  }
  return text.length > charsMax ? `${text.slice(0, charsMax)} … ${text.length - charsMax} more` : text;
}

/**
 * Returns the fields of a form as pairs, and what a file is instead of its content.
 *
 * @param {string} _
 * @param {unknown} value
 */
function plain(_, value) {
  if (value instanceof FormData) return [...value];
  return value instanceof File ? `${value.name} (${value.size} bytes)` : value;
}
