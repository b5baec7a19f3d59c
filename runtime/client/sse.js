/** @import { SseEvent } from "./internal.d.ts" */

// Server-sent events: bytes in, events out. The only module that knows this grammar:
// https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation

/** Characters that one event may have: a sender without an end must not fill our memory. */
const EVENT_LENGTH_MAX = 16 * 1024 * 1024;

/** Reads one event stream. Chunks may end anywhere; an event is given once its blank line is there. */
export class SseParser {
  /** What the last valid `retry:` asked for, in milliseconds. @type {number | null} */
  retry = null;
  /** The id of the last whole event that carried one. */
  lastEventId = "";

  #lengthMax;
  // A byte order mark is ours to strip, because a stream of strings may begin with one as well.
  #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  #isFirst = true;
  /** The last chunk ended in CR: an LF that follows belongs to the same line end. */
  #endedInCr = false;
  /** The line that has no end yet. */
  #line = "";

  /** Joined at the end of the event: adding to one text line by line would copy it each time. @type {string[]} */
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
   * @throws {RangeError} if an event is too long; the parser is of no use after that
   */
  push(chunk) {
    const text = this.#withoutMarks(typeof chunk === "string" ? chunk : this.#decoder.decode(chunk, { stream: true }));
    /** @type {SseEvent[]} */
    const events = [];
    let start = 0;
    // Only the new text is searched, so that a long line in many chunks stays linear.
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
    const colon = line.indexOf(":");
    const name = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    // A line that begins with a colon is a comment: its name is empty, and like every unknown one ignored.
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
