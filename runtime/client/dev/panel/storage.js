/** @import { State } from "./types.d.ts" */

const NAME = "kipo:panel";

/** @type {State} */
const INITIAL = { isOpen: false, tab: "actions", dock: "bottom", size: 45 };

/** Stores the state of the panel: its layout in the browser, and the inputs of its forms in the tab. */
export class PanelStorage {
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
    this.#state = { ...INITIAL, ...read(local, NAME) };
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
   * Returns the last input for an action.
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
  saveInput(action, input) {
    write(this.#session, `${NAME}:${action}`, input);
  }

  /** The names of the unfolded actions. @returns {string[]} */
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
    return null; // Forbidden, or not JSON.
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
    // Forbidden or full: the panel works without it.
  }
}
