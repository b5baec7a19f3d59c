// @ts-check
// The messages on the screen. New ones go to the end; the scroll position of a reader who reads above stays.

import { face, hue } from "./face.js";

/** @import { Gap, Message } from "kipo" */

/** A reader within this distance of the end counts as at the end, in pixels. */
const NEAR = 64;

/** How many messages the page shows. The oldest are removed first, while the reader is at the end. */
const ITEMS_MAX = 1000;

/** Messages of one person within this time are shown as a group, in milliseconds. */
const RUN_MS = 5 * 60 * 1000;

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
const day = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const made = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "long", hour: "numeric", minute: "2-digit" });
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });

/**
 * @typedef {object} Parts
 * @property {HTMLElement} log the element that scrolls
 * @property {HTMLElement} list the parent of the messages
 * @property {HTMLElement} empty shown while there are no messages
 * @property {HTMLElement} jump scrolls to the end
 */

export class Feed {
  #parts;
  /** Whether the reader is at the end, so that the feed follows new messages. */
  #following = true;
  #unread = 0;
  /** Whether a scroll to the end is scheduled. */
  #settling = false;
  /** The day of the last message, as text. A message of today needs no line with the day above it. */
  #day = new Date().toDateString();
  /** @type {Map<string, HTMLElement>} Messages by id. */
  #byId = new Map();

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts;
    parts.log.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    parts.jump.addEventListener("click", () => {
      this.toEnd();
      parts.log.focus({ preventScroll: true });
    });
    new ResizeObserver(() => this.#settle()).observe(parts.log);
  }

  /**
   * Shows the messages that the server has rendered in the reader's own time, with the reader's own ones marked. The
   * scroll position stays.
   *
   * @param {(id: string) => boolean} isOwn
   */
  adopt(isOwn) {
    const { log, list } = this.#parts;
    if (log.dataset.rendered === undefined) return;
    // A rendered feed is reversed, so that it shows its end without a script: its scroll position counts from there.
    const fromEnd = log.scrollTop;
    const lines = [...list.querySelectorAll("li")];
    list.replaceChildren();
    delete log.dataset.rendered;
    for (const line of lines) {
      const id = line.dataset.id ?? null;
      const at = Number(line.dataset.sent);
      if (line.dataset.kind === "opened") this.opened(id, at);
      else this.add(id, { username: line.dataset.name ?? "", message: line.querySelector(".msg-text")?.textContent ?? "", sent_at: at }, id !== null && isOwn(id));
    }
    log.scrollTop = log.scrollHeight - log.clientHeight + fromEnd;
    this.#following = -fromEnd < NEAR;
  }

  /**
   * Shows that the room was made.
   *
   * @param {string | null} id
   * @param {number} at in milliseconds since 1970
   */
  opened(id, at) {
    if (id !== null && this.#byId.has(id)) return;
    const item = mark("opened", `The room was made on ${made.format(at)}`);
    this.#know(id, item);
    this.#parts.list.append(item);
    this.#settle();
  }

  /**
   * @param {string | null} id
   * @param {HTMLElement} item
   */
  #know(id, item) {
    if (id === null) return;
    this.#byId.set(id, item);
    item.setAttribute("p-key", id);
  }

  /**
   * Shows a message at the end, unless it is shown already: after some gaps the stream starts again with the oldest
   * retained message.
   *
   * @param {string | null} id
   * @param {Message} message
   * @param {boolean} own
   */
  add(id, message, own) {
    if (id !== null && this.#byId.has(id)) return;
    const sent = new Date(message.sent_at);
    if (sent.toDateString() !== this.#day && !Number.isNaN(sent.getTime())) {
      this.#day = sent.toDateString();
      this.#append(mark("day", day.format(sent)));
    }
    const item = render(message, sent, own);
    this.#know(id, item);
    this.#append(item);
    arrange(item);
    if (own) this.toEnd();
    else if (!this.#following) this.#count(this.#unread + 1);
    this.#trim();
  }

  /**
   * Shows at the end of the feed that messages are missing there.
   *
   * @param {Gap} gap
   */
  gap(gap) {
    this.#append(mark("gap", missing(gap)));
  }

  /**
   * Sets whether a message is the reader's own, once that is known.
   *
   * @param {string} id
   * @param {boolean} own
   */
  setOwn(id, own) {
    const item = this.#byId.get(id);
    if (item === undefined) return;
    claim(item, own);
    arrange(item);
    if (item.nextElementSibling instanceof HTMLElement) arrange(item.nextElementSibling);
  }

  /** Scrolls to the newest message and follows the ones after it. */
  toEnd() {
    this.#following = true;
    this.#count(0);
    this.#settle();
  }

  /** Shows that there are no messages, if there are none. */
  invite() {
    this.#parts.empty.hidden = this.#parts.list.querySelector(".msg, [data-kind='gap']") !== null;
  }

  clear() {
    this.#parts.list.replaceChildren();
    this.#parts.empty.hidden = true;
    this.#byId.clear();
    this.#day = new Date().toDateString();
    this.toEnd();
  }

  /** @param {HTMLElement} item */
  #append(item) {
    this.#parts.empty.hidden = true;
    this.#parts.list.append(item);
    this.#settle();
  }

  /** Scrolls to the end once for all messages that arrive together. */
  #settle() {
    if (!this.#following || this.#settling) return;
    this.#settling = true;
    requestAnimationFrame(() => {
      this.#settling = false;
      if (this.#following) this.#parts.log.scrollTop = this.#parts.log.scrollHeight;
    });
  }

  #scrolled() {
    // While a scroll to the end is scheduled, the distance to the end is not the reader's doing.
    if (this.#settling) return;
    const { scrollHeight, scrollTop, clientHeight } = this.#parts.log;
    this.#following = scrollHeight - scrollTop - clientHeight < NEAR;
    if (this.#following) this.#count(0);
  }

  /** @param {number} unread */
  #count(unread) {
    this.#unread = unread;
    this.#parts.jump.hidden = unread === 0;
    this.#parts.jump.textContent = unread === 1 ? "1 new message" : `${unread} new messages`;
  }

  #trim() {
    if (!this.#following) return;
    while (this.#parts.list.childElementCount > ITEMS_MAX) this.#parts.list.firstElementChild?.remove();
    for (const id of this.#byId.keys()) {
      if (this.#byId.size <= ITEMS_MAX) break;
      this.#byId.delete(id);
    }
  }
}

/**
 * Builds one message. Names and messages enter the page as text only, and each is isolated: characters that
 * change the direction of text, such as U+202E, act within it alone.
 *
 * @param {Message} message
 * @param {Date} sent
 * @param {boolean} own
 */
function render(message, sent, own) {
  const time = element("time", "msg-time", Number.isNaN(sent.getTime()) ? "" : clock.format(sent));
  if (time.textContent !== "") {
    time.dateTime = sent.toISOString();
    time.title = moment.format(sent);
  }
  const head = element("p", "msg-head");
  head.append(element("bdi", "msg-name"), time);
  const text = element("p", "msg-text", message.message);
  text.dir = "auto";
  const item = element("li", "msg");
  item.append(face(message.username), head, text);
  item.dataset.hue = String(hue(message.username));
  item.dataset.name = message.username;
  item.dataset.sent = String(sent.getTime());
  claim(item, own);
  return item;
}

/**
 * @param {HTMLElement} item
 * @param {boolean} own
 */
function claim(item, own) {
  item.dataset.own = own ? "yes" : "no";
  const name = item.querySelector(".msg-name");
  if (name !== null) name.textContent = own ? "You" : item.dataset.name ?? "";
}

/**
 * Groups a message with the one above it, if one person sent both within a short time.
 *
 * @param {HTMLElement} item
 */
function arrange(item) {
  const above = item.previousElementSibling;
  const joined =
    above instanceof HTMLElement &&
    above.dataset.name === item.dataset.name &&
    above.dataset.own === item.dataset.own &&
    Number(item.dataset.sent) - Number(above.dataset.sent) < RUN_MS;
  item.dataset.run = joined ? "on" : "off";
}

/**
 * A line across the feed.
 *
 * @param {"day" | "gap" | "opened"} kind
 * @param {string} text
 */
function mark(kind, text) {
  const item = element("li", "mark");
  item.dataset.kind = kind;
  item.append(element("span", "", text));
  return item;
}

/**
 * Describes a gap in words for people.
 *
 * @param {Gap} gap
 */
function missing({ reason, missed }) {
  const count = missed === null ? "some messages" : missed === 1 ? "1 message" : `${missed} messages`;
  switch (reason) {
    case "trimmed":
      return `You missed ${count} while away: the room keeps only its last ones.`;
    case "too_many":
      return `You missed ${count} while away: too many to show here.`;
    case "new_generation":
      return "The room began anew while you were away. What was said in between may be missing here.";
    case "diverged":
      return "The room was put back to an earlier copy. Its last messages above this line are gone for everyone else.";
  }
}

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {string} className
 * @param {string} [text]
 */
function element(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}
