// The history of a tab: where each of its entries was scrolled to, and what was done to its page.

/** @import { Done } from "./user_state.js" */

import { giveBack, note } from "./user_state.js";

const NAME = "kipo:places";

/** As many entries as browsers keep, and some more. */
const PLACES_MAX = 200;

/** As many pages as one goes back through; what was typed in others is forgotten. */
const PAGES_MAX = 50;

/** @typedef {{ kipo?: string } | null} State */

export class Places {
  /** The entry that is shown. */
  #key = newKey();
  /** @type {Map<string, [number, number]>} */
  #scrolled = new Map();
  /** What was done to the page of each entry. It goes with the tab's document. @type {Map<string, Done>} */
  #done = new Map();
  /** Where to scroll to on arrival; without one, to the place that the address names. @type {[number, number] | undefined} */
  #back;

  start() {
    try {
      this.#scrolled = new Map(JSON.parse(sessionStorage.getItem(NAME) ?? "[]"));
    } catch {
      // A storage that is forbidden keeps nothing.
    }
    this.#stamp();
    addEventListener("scroll", () => this.#scrolled.set(this.#key, [scrollX, scrollY]), { passive: true });
    addEventListener("pagehide", () => {
      // A full load of this entry is the browser's to scroll.
      history.scrollRestoration = "auto";
      try {
        sessionStorage.setItem(NAME, JSON.stringify([...this.#scrolled].slice(-PLACES_MAX)));
      } catch {
        // It may be full, too.
      }
    });
  }

  /** @param {State} state */
  knows(state) {
    return state?.kipo !== undefined;
  }

  /**
   * Notes what was done to the page that is left.
   *
   * @param {Element} page
   */
  leave(page) {
    this.#done.set(this.#key, note(page));
    for (const key of [...this.#done.keys()].slice(0, -PAGES_MAX)) this.#done.delete(key);
  }

  /**
   * Goes to another address.
   *
   * @param {URL} url
   * @param {boolean} isSame whether it is the one that is shown
   */
  enter(url, isSame) {
    // The page's own script may have made the entry that is left.
    this.#stamp();
    history.scrollRestoration = "manual";
    this.#back = undefined;
    this.#key = newKey();
    if (isSame) history.replaceState({ kipo: this.#key }, "", url);
    else history.pushState({ kipo: this.#key }, "", url);
  }

  /**
   * Follows the browser to another page of the history.
   *
   * @param {State} state
   */
  comeBack(state) {
    history.scrollRestoration = "manual";
    this.#key = state?.kipo ?? newKey();
    this.#back = this.#scrolled.get(this.#key) ?? [0, 0];
  }

  /**
   * Follows the browser to another place of the page that is shown.
   *
   * @param {State} state
   */
  settle(state) {
    if (state?.kipo === undefined) return this.#stamp(newKey());
    this.#key = state.kipo;
    const place = this.#scrolled.get(this.#key);
    if (place) scrollTo({ left: place[0], top: place[1], behavior: "instant" });
  }

  /** Returns the element that the address names, unless this is the way back. */
  target() {
    if (this.#back) return null;
    const id = location.hash.slice(1);
    return document.getElementById(id) ?? document.getElementById(decoded(id));
  }

  /**
   * Scrolls to where this entry begins, or was. Returns what does it once more, should nobody have scrolled since.
   *
   * @param {HTMLElement | null} target
   */
  scroll(target) {
    const [left, top] = this.#back ?? [0, 0];
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
   * Gives back what was done to the page of this entry, if one has come back to it.
   *
   * @param {Promise<unknown>} ready the page's own script has begun
   * @param {AbortSignal} left
   */
  giveBack(ready, left) {
    const done = this.#back && this.#done.get(this.#key);
    if (done) void giveBack(document, done, ready, left);
  }

  /** Marks the entry that is shown as one of ours. */
  #stamp(key = history.state?.kipo ?? this.#key) {
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
