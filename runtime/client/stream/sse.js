/** @import { SseEvent } from "../internal.d.ts" */

// Server-sent events: bytes in, events out. No other module knows this grammar:
// https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation

/** The longest event, in characters: a sender that never ends an event must not fill the memory. */
const EVENT_LENGTH_MAX = 16 * 1024 * 1024;

/** Reads one event stream. Chunks may end anywhere; an event is complete with its blank line. */
export class SseParser {
  /** The last valid `retry:`, in milliseconds. @type {number | null} */
  retry = null;
  /** The id of the last complete event that carried one. */
  lastEventId = "";

  #lengthMax;
  // `push` strips a byte order mark itself, because a stream of strings may begin with one as well.
  #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  #isFirst = true;
  /** The last chunk ended in CR: a following LF belongs to the same line end. */
  #endedInCr = false;
  /** The line whose end has not arrived. */
  #line = "";

  /** Joined at the end of the event: appending line by line would copy the text each time. @type {string[]} */
  #data = [];
  #dataLength = 0;
  #event = "";
  /** @type {string | null} */
  #id = null;

  /** @param {{ eventLengthMax?: number }} [options] */
  constructor({ eventLengthMax = EVENT_LENGTH_MAX } = {}) {
    this.#lengthMax = eventLengthMax;
  }

  /**
   * @param {Uint8Array | string} chunk
   * @returns {SseEvent[]} the events that this chunk completes
   * @throws {RangeError} if an event is too long; the parser is unusable after that
   */
  push(chunk) {
    const text = this.#withoutMarks(typeof chunk === "string" ? chunk : this.#decoder.decode(chunk, { stream: true }));
    /** @type {SseEvent[]} */
    const events = [];
    let start = 0;
    // Searches only the new text, so that a long line in many chunks takes linear time.
    for (const lineEnd of text.matchAll(/\r\n?|\n/g)) {
      const line = this.#line + text.slice(start, lineEnd.index);
      start = lineEnd.index + lineEnd[0].length;
      this.#line = "";
      this.#checkLength(line);
      const event = line === "" ? this.#finishEvent() : this.#readField(line);
      if (event) events.push(event);
    }
    this.#line += text.slice(start);
    this.#checkLength(this.#line);
    return events;
  }

  /**
   * Drops a byte order mark at the start of the stream, and the second half of a CRLF cut in two.
   *
   * @param {string} text
   */
  #withoutMarks(text) {
    if (text === "") return text;
    const mark = (this.#isFirst && text.startsWith("\uFEFF")) || (this.#endedInCr && text.startsWith("\n"));
    this.#isFirst = false;
    this.#endedInCr = text.endsWith("\r");
    return mark ? text.slice(1) : text;
  }

  /** @param {string} line */
  #checkLength(line) {
    if (line.length + this.#dataLength > this.#lengthMax) {
      throw new RangeError(`an event is longer than ${this.#lengthMax} characters`);
    }
  }

  /** @param {string} line */
  #readField(line) {
    // A line that begins with a colon is a comment: its name is empty, and unknown names are ignored.
    const [, name, value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    switch (name) {
      case "data":
        this.#data.push(value);
        this.#dataLength += value.length + 1;
        break;
      case "event":
        this.#event = value;
        break;
      case "id":
        if (!value.includes("\0")) this.#id = value;
        break;
      case "retry":
        if (/^[0-9]+$/.test(value)) this.retry = Number(value);
        break;
    }
  }

  #finishEvent() {
    const id = this.#id;
    this.lastEventId = id ?? this.lastEventId;
    const event =
      this.#data.length === 0
        ? undefined
        : { event: this.#event || "message", data: this.#data.join("\n"), id, lastEventId: this.lastEventId };
    this.#data = [];
    this.#dataLength = 0;
    this.#event = "";
    this.#id = null;
    return event;
  }
}
