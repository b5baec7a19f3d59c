// @ts-check
// A conversation on the screen, of the chat or of a room: it listens, shows and sends.

import { action, refs, ActionError } from "kipo";
import { fieldInWords, inWords } from "../_words.js";
import { Feed } from "./feed.js";
import { complain, say } from "./fields.js";
import { Outbox } from "./outbox.js";
import { session } from "./session.js";

/** @import { StreamState } from "kipo" */

/** How long one attempt to send a message may take, in milliseconds. */
const SEND_MS = 10_000;

/** How many attempts are made before the writer is asked. The server publishes the message once all the same. */
const SEND_ATTEMPTS = 4;

/** The pause before the second attempt, in milliseconds. It doubles each time. */
const SEND_PAUSE_MS = 500;

/** After this time the page shows that a message is being sent, in milliseconds. */
const SLOW_MS = 500;

/** After this time the history counts as complete, in milliseconds. Screen readers read later messages aloud. */
const HISTORY_MS = 1000;

/** The page shows how many characters are left once there are this many or fewer. */
const COUNT_FROM = 100;

/**
 * @typedef {object} Setting
 * @property {string | null} room the name of the room; null is the chat
 * @property {() => ReturnType<typeof action.chat.Listen> | ReturnType<typeof action.rooms.Listen>} listen
 * @property {(username: string, message: string) => ReturnType<typeof action.chat.Send> | ReturnType<typeof action.rooms.Send>} post
 * @property {(why: string) => void} onNameRefused
 * @property {(names: string[]) => void} [onPeople] receives the names of the people in the room, after each change
 * @property {() => void} [onReconnect]
 */

export class Conversation {
  /** The name under which the reader writes. */
  name = "";
  #setting;
  #feed = new Feed({ log: refs.feed, list: refs.messages, empty: refs.empty_note, jump: refs.jump_btn });
  #outbox = new Outbox({
    post: (text) => this.#post(text),
    onSent: (id) => this.#confirm(id),
    onFailed: (texts, error) => this.#restore(texts, error),
    onBusy: (busy) => this.#setBusy(busy),
  });
  #sent;
  /**
   * Ids shown as own before the server has confirmed it: they have the name and text of the message that is being sent.
   *
   * @type {Set<string>}
   */
  #presumed = new Set();
  /** The id of the last event; null before there is one. A page with a position starts there by itself. @type {string | null} */
  #position = null;
  /** Ends the stream when the reader leaves. */
  #visit = new AbortController();
  /** The timer that shows a slow send. */
  #slow = 0;
  /** Whether the last message failed because the server could not be reached. */
  #isStranded = false;
  #title = document.title;
  #unseen = 0;

  /** @param {Setting} setting */
  constructor(setting) {
    this.#setting = setting;
    this.#sent = session.sent(setting.room);
    this.#feed.adopt((id) => this.#sent.has(id));
    refs.send_form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    refs.message_input.addEventListener("keydown", (event) => {
      // While a word is being composed, Enter belongs to the input method.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      if (!event.repeat) refs.send_form.requestSubmit();
    });
    refs.message_input.addEventListener("input", () => {
      this.#count();
      complain(refs.message_input, refs.message_error, "");
    });
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.#see(true);
    });
  }

  /**
   * Shows the messages until the reader leaves. The stream reconnects by itself. If there is a stream, the new one goes
   * on where it was.
   */
  listen() {
    this.#visit.abort();
    this.#visit = new AbortController();
    void this.#follow(this.#visit.signal);
  }

  /** Ends the stream and empties the feed. The text in the message field stays. */
  leave() {
    this.#visit.abort();
    this.#position = null;
    this.#feed.clear();
    say(refs.room_error, "");
    complain(refs.message_input, refs.message_error, "");
    this.#see(true);
  }

  /** @param {AbortSignal} signal */
  async #follow(signal) {
    let opened = false;
    let isLive = false;
    refs.feed.ariaLive = "off";
    /** @param {StreamState} state */
    const onState = (state) => {
      if (signal.aborted) return;
      show(state, opened);
      if (state !== "open") return;
      this.#unstrand();
      if (opened) {
        this.#setting.onReconnect?.();
        return;
      }
      opened = true;
      setTimeout(() => {
        if (signal.aborted) return;
        isLive = true;
        refs.feed.ariaLive = "polite";
        this.#feed.invite();
      }, HISTORY_MS);
    };
    const stream = this.#setting
      .listen()
      .from(this.#position)
      .withSignal(signal)
      .withOnState(onState)
      .withRetryStream({
        maxReconnects: Infinity,
        baseDelay: 1000,
        maxDelay: 8000,
        backoff: "exponential",
        onGap: (gap) => this.#feed.gap(gap),
      });
    try {
      for await (const { event, data, id } of stream.events()) {
        this.#position = id ?? this.#position;
        if (event === "opened") this.#feed.opened(id, data.opened_at);
        if (event === "here") this.#setting.onPeople?.(data.names);
        if (event !== "chat") continue;
        const own = id !== null && (this.#sent.has(id) || this.#presume(id, data));
        this.#feed.add(id, data, own);
        if (isLive && document.hidden) this.#see(false);
      }
      say(refs.room_error, "The room has closed.", () => this.#rejoin());
    } catch (error) {
      if (signal.aborted || this.#refuse(error)) return;
      say(refs.room_error, inWords(error), () => this.#rejoin());
    }
  }

  /** Goes on after the last event, when the stream has ended. */
  #rejoin() {
    say(refs.room_error, "");
    refs.message_input.focus();
    void this.#follow(this.#visit.signal);
  }

  // A message is the reader's own if this tab sent it. The server's id decides that, because anyone may use any name.
  // The event can arrive before the answer to the call, so the page presumes until the answer is there.

  /**
   * @param {string} id
   * @param {{ username: string, message: string }} message
   */
  #presume(id, { username, message }) {
    const likely = username === this.name && message === this.#outbox.current;
    if (likely) this.#presumed.add(id);
    return likely;
  }

  /** Takes back the presumptions that were wrong. */
  #settlePresumed() {
    for (const id of this.#presumed) {
      if (!this.#sent.has(id)) this.#feed.setOwn(id, false);
    }
    this.#presumed.clear();
  }

  #send() {
    const field = refs.message_input;
    // The server refuses control characters except line breaks, and copied text can contain tabs.
    const text = field.value.replaceAll("\t", "  ").trim();
    if (text === "") {
      complain(field, refs.message_error, "Write something first.");
      field.focus();
      return;
    }
    this.#isStranded = false;
    complain(field, refs.message_error, "");
    field.value = "";
    this.#count();
    this.#feed.toEnd();
    field.focus();
    this.#outbox.put(text);
  }

  /** @param {string} text */
  async #post(text) {
    const call = this.#setting.post(this.name, text).withTimeout(SEND_MS);
    return (await call.withRetry(SEND_ATTEMPTS, { baseDelay: SEND_PAUSE_MS }).call()).id;
  }

  /** @param {string} id */
  #confirm(id) {
    this.#sent.add(id);
    session.store(this.#setting.room, this.#sent);
    this.#feed.setOwn(id, true);
  }

  /**
   * Puts the texts that were not sent back into the field, and says why.
   *
   * @param {string[]} texts
   * @param {unknown} error
   */
  #restore(texts, error) {
    const field = refs.message_input;
    field.value = [...texts, field.value].filter((text) => text !== "").join("\n");
    this.#count();
    if (this.#refuse(error)) return;
    const fields = error instanceof ActionError ? error.fields : {};
    const why = fields.message === undefined ? inWords(error) : fieldInWords("Your message", fields.message);
    const isLate = error instanceof ActionError && error.code === "timeout";
    this.#isStranded = !isLate && error instanceof ActionError && (error.isNetworkError || error.status >= 502);
    const rest = isLate ? " Your message may have arrived all the same: look above before you send it again." : this.#isStranded ? " Your message is still here." : "";
    complain(field, refs.message_error, why + rest);
  }

  /**
   * Asks for another name if the error is that the server does not accept this one. Returns whether it is.
   *
   * @param {unknown} error
   */
  #refuse(error) {
    const messages = error instanceof ActionError ? error.fields.username : undefined;
    if (messages === undefined) return false;
    this.#setting.onNameRefused(fieldInWords("Your name", messages));
    return true;
  }

  /** @param {boolean} busy */
  #setBusy(busy) {
    refs.send_form.ariaBusy = String(busy);
    clearTimeout(this.#slow);
    if (busy) {
      this.#slow = setTimeout(() => say(refs.send_note, "Sending…"), SLOW_MS);
    } else {
      say(refs.send_note, "");
      this.#settlePresumed();
    }
  }

  /** Replaces "cannot be reached" once the server is back: the message is not sent yet. */
  #unstrand() {
    if (!this.#isStranded) return;
    this.#isStranded = false;
    complain(refs.message_input, refs.message_error, "");
    say(refs.send_note, "Not sent yet");
  }

  /** Shows how many characters are left, once there are few. */
  #count() {
    const left = refs.message_input.maxLength - refs.message_input.value.length;
    refs.count_note.textContent = left <= COUNT_FROM ? `${left} left` : "";
  }

  /**
   * Counts the unseen messages in the title of the tab.
   *
   * @param {boolean} all whether the reader has seen all of them
   */
  #see(all) {
    this.#unseen = all ? 0 : this.#unseen + 1;
    document.title = this.#unseen === 0 ? this.#title : `(${this.#unseen}) ${this.#title}`;
  }
}

/**
 * Shows the state of the connection in the badge, in words for people.
 *
 * @param {StreamState} state
 * @param {boolean} opened whether the stream was open before
 */
function show(state, opened) {
  const word = { open: "connected", stale: "delayed", closed: "disconnected", connecting: "connecting", waiting: "connecting" }[state];
  const shown = opened && word === "connecting" ? "reconnecting" : word;
  refs.badge.dataset.state = shown;
  if (refs.connection_state.textContent !== shown) refs.connection_state.textContent = shown;
}
