// @ts-check
// The people in a room: their list, and who comes and goes, for screen readers.

import { refs } from "kipo";
import { face, hue } from "../_chat/face.js";

/** Comings and goings within this time are one announcement, in milliseconds. */
const COLLECT_MS = 2000;

/**
 * After a reconnect the first announcement waits for this time, in milliseconds: when a server has restarted, the others
 * come back one after another, and have not left.
 */
const SETTLE_MS = 10_000;

/** An announcement has at most this many names of those who came, and of those who left. */
const NAMES_MAX = 3;

/** The list is beside the feed in a window of this width, and a sheet in a smaller one. The style has the same width. */
const WIDE = matchMedia("(min-width: 48rem)");

const list = new Intl.ListFormat("en");

export class People {
  /** @type {string[]} */
  #names = [];
  /** Whom the last announcement knew; null before the first list. @type {Set<string> | null} */
  #announced = null;
  /** The name of the reader. */
  #own = "";
  /** The names that the reader had here. They are not announced. @type {Set<string>} */
  #everOwn = new Set();
  #timer = 0;

  constructor() {
    for (const { dataset } of items()) this.#names.push(dataset.name ?? "");
    WIDE.addEventListener("change", () => refs.people_view.hidePopover());
  }

  /** @param {string[]} names */
  show(names) {
    this.#announced ??= new Set(names);
    if (JSON.stringify(names) !== JSON.stringify(this.#names)) {
      this.#names = names;
      this.#render();
    }
    if (this.#timer === 0 && this.#news() !== "") this.#announceAfter(COLLECT_MS);
  }

  /**
   * Marks a name as the reader's own.
   *
   * @param {string} name
   */
  claim(name) {
    this.#own = name;
    this.#everOwn.add(name);
    this.#render();
  }

  /** Lets the others reconnect before anybody is announced. */
  settle() {
    this.#announceAfter(SETTLE_MS);
  }

  #render() {
    const shown = new Map(items().map((item) => [item.dataset.name, item]));
    refs.people_list.replaceChildren(...this.#names.map((name) => shown.get(name) ?? render(name)));
    for (const item of items()) item.dataset.own = item.dataset.name === this.#own ? "yes" : "no";
    const count = this.#names.length;
    refs.people_total.textContent = refs.people_count.textContent = String(count);
    refs.people_list.hidden = count === 0;
    refs.people_empty.hidden = count > 0;
  }

  /** @param {number} ms */
  #announceAfter(ms) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      const news = this.#news();
      this.#announced = new Set(this.#names);
      if (news !== "") refs.people_news.textContent = news;
    }, ms);
  }

  /** Returns who has come and gone since the last announcement, as sentences. */
  #news() {
    const [before, now] = [this.#announced ?? new Set(), new Set(this.#names)];
    const others = (/** @type {string} */ name) => !this.#everOwn.has(name);
    const came = this.#names.filter((name) => !before.has(name) && others(name));
    const left = [...before].filter((name) => !now.has(name) && others(name));
    return [sentence(came, "came in"), sentence(left, "left")].filter((text) => text !== "").join(" ");
  }
}

function items() {
  return [...refs.people_list.querySelectorAll("li")];
}

/** @param {string} name */
function render(name) {
  const item = document.createElement("li");
  item.className = "person";
  item.dataset.name = name;
  item.setAttribute("p-key", name);
  item.dataset.hue = String(hue(name));
  const text = document.createElement("bdi");
  text.textContent = name;
  item.append(face(name), text);
  return item;
}

/**
 * @param {string[]} names
 * @param {string} verb
 */
function sentence(names, verb) {
  if (names.length === 0) return "";
  // The isolates keep the direction of a name within it, as `bdi` does.
  const shown = names.slice(0, NAMES_MAX).map((name) => `\u2068${name}\u2069`);
  const rest = names.length - shown.length;
  if (rest > 0) shown.push(rest === 1 ? "1 other" : `${rest} others`);
  return `${list.format(shown)} ${verb}.`;
}
