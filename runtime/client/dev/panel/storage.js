/** @import { State } from "./types.d.ts" */

const NAME = "kipo:panel";

/** @type {State} */
const FIRST = { isOpen: false, tab: "actions", dock: "bottom", size: 45 };

/** What the panel remembers: how it looks, for the browser; what was typed into its forms, for the tab. */
export class Memory {
  #local;
  #session;
  /** @type {State} */
  #state;

  /**
   * @param {() => Storage} [local]
   * @param {() => Storage} [session]
   */
  constructor(local = () => localStorage, session = () => sessionStorage) {
    this.#local = local;
    this.#session = session;
    this.#state = { ...FIRST, ...read(local, NAME) };
  }

  get state() {
    return this.#state;
  }

  /** @param {Partial<State>} change */
  change(change) {
    this.#state = { ...this.#state, ...change };
    write(this.#local, NAME, this.#state);
  }

  /**
   * The input that was typed for an action.
   *
   * @param {string} action
   * @returns {object | null}
   */
  input(action) {
    return read(this.#session, `${NAME}:${action}`);
  }

  /**
   * @param {string} action
   * @param {unknown} input
   */
  keepInput(action, input) {
    write(this.#session, `${NAME}:${action}`, input);
  }

  /** The actions that are unfolded. @returns {string[]} */
  get unfolded() {
    return read(this.#session, `${NAME}:unfolded`) ?? [];
  }

  set unfolded(names) {
    write(this.#session, `${NAME}:unfolded`, names);
  }
}

/**
 * @param {() => Storage} storage
 * @param {string} name
 */
function read(storage, name) {
  try {
    return JSON.parse(storage().getItem(name) ?? "null");
  } catch {
    return null; // Not allowed here, or not ours.
  }
}

/**
 * @param {() => Storage} storage
 * @param {string} name
 * @param {unknown} value
 */
function write(storage, name, value) {
  try {
    storage().setItem(name, JSON.stringify(value));
  } catch {
    // Not allowed here, or full: the panel works all the same.
  }
}
