// The session history of a tab: the scroll position of each entry, and the user state of its page.

/** @import { UserState } from "./user_state.js" */

import { captureUserState, restoreUserState } from "./user_state.js";

const NAME = "kipo:scroll-positions";

/** More entries than browsers keep. */
const POSITIONS_MAX = 200;

/** The number of pages whose user state is retained: more than a user goes back through. */
const STATES_MAX = 50;

/** @typedef {{ kipo?: string } | null} EntryState the `history.state` of an entry */

/** The session history of this tab. */
export class SessionHistory {
  /** The key of the current entry. */
  #key = newKey();
  /** The scroll position of each entry. @type {Map<string, [number, number]>} */
  #scrollPositions = new Map();
  /** The user state of each entry. A full load discards it. @type {Map<string, UserState>} */
  #userStates = new Map();
  /** The scroll position to restore after going back or forward. Without one, the fragment of the URL counts. @type {[number, number] | undefined} */
  #restored;

  start() {
    try {
      this.#scrollPositions = new Map(JSON.parse(sessionStorage.getItem(NAME) ?? "[]"));
    } catch {
      // The storage may be forbidden.
    }
    this.#mark();
    addEventListener("scroll", () => this.#scrollPositions.set(this.#key, [scrollX, scrollY]), { passive: true });
    addEventListener("pagehide", () => {
      // After a full load of this entry the browser restores the scroll position.
      history.scrollRestoration = "auto";
      try {
        sessionStorage.setItem(NAME, JSON.stringify([...this.#scrollPositions].slice(-POSITIONS_MAX)));
      } catch {
        // The storage may be forbidden or full.
      }
    });
  }

  /** Returns whether this class has created an entry. @param {EntryState} state */
  owns(state) {
    return state?.kipo !== undefined;
  }

  /**
   * Captures the user state of the current page before it goes.
   *
   * @param {Element} page
   */
  capture(page) {
    this.#userStates.set(this.#key, captureUserState(page));
    for (const key of [...this.#userStates.keys()].slice(0, -STATES_MAX)) this.#userStates.delete(key);
  }

  /**
   * Adds an entry for another URL.
   *
   * @param {URL} url
   * @param {boolean} isSame whether it is the current URL; the current entry is replaced then
   */
  push(url, isSame) {
    // The script of the page may have created the current entry.
    this.#mark();
    history.scrollRestoration = "manual";
    this.#restored = undefined;
    this.#key = newKey();
    if (isSame) history.replaceState({ kipo: this.#key }, "", url);
    else history.pushState({ kipo: this.#key }, "", url);
  }

  /**
   * Moves to an entry of another page: the user has gone back or forward.
   *
   * @param {EntryState} state
   */
  traverse(state) {
    history.scrollRestoration = "manual";
    this.#key = state?.kipo ?? newKey();
    this.#restored = this.#scrollPositions.get(this.#key) ?? [0, 0];
  }

  /**
   * Moves to an entry of the current page: a fragment, or a state of a script.
   *
   * @param {EntryState} state
   */
  traverseInPage(state) {
    if (state?.kipo === undefined) return this.#mark(newKey());
    this.#key = state.kipo;
    const position = this.#scrollPositions.get(this.#key);
    if (position) scrollTo({ left: position[0], top: position[1], behavior: "instant" });
  }

  /** Returns the element that the fragment names, unless a scroll position is to be restored. */
  target() {
    if (this.#restored) return null;
    const id = location.hash.slice(1);
    return document.getElementById(id) ?? document.getElementById(decoded(id));
  }

  /**
   * Scrolls to the position of this entry. Returns a function that scrolls again, unless something else has scrolled since.
   *
   * @param {HTMLElement | null} target
   */
  scroll(target) {
    const [left, top] = this.#restored ?? [0, 0];
    const scroll = () => {
      if (target) target.scrollIntoView({ behavior: "instant" });
      else scrollTo({ left, top, behavior: "instant" });
    };
    scroll();
    const [x, y] = [scrollX, scrollY];
    return () => {
      if (scrollX === x && scrollY === y) scroll();
    };
  }

  /**
   * Restores the user state of this entry after going back or forward.
   *
   * @param {Promise<unknown>} ready the script of the page has begun
   * @param {AbortSignal} signal
   */
  restoreUserState(ready, signal) {
    const state = this.#restored && this.#userStates.get(this.#key);
    if (state) void restoreUserState(document, state, ready, signal);
  }

  /** Writes a key into the current entry. */
  #mark(key = history.state?.kipo ?? this.#key) {
    this.#key = key;
    history.replaceState({ ...history.state, kipo: key }, "");
  }
}

function newKey() {
  return Math.random().toString(36).slice(2);
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
