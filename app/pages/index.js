// @ts-check
// The page of the chat: it joins the room, listens and sends.

import { action, refs, ActionError } from "kipo";
import { Feed } from "./_chat/feed.js";
import { Outbox } from "./_chat/outbox.js";
import { session } from "./_chat/session.js";
import { fieldInWords, inWords } from "./_words.js";

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

const title = document.title;
const sent = session.sent();
const feed = new Feed({ log: refs.feed, list: refs.messages, empty: refs.empty_note, jump: refs.jump_btn });

let name = "";
let unseen = 0;
/** Ends the stream when the reader leaves. */
let visit = new AbortController();
/** The timer that shows a slow send. */
let slow = 0;
/** Whether the last message failed because the server could not be reached. */
let isStranded = false;
/** @type {Set<string>} Ids shown as own before the server has confirmed it: they have the name and text of the message that is being sent. */
const presumed = new Set();

/** @param {string} username */
function join(username) {
  name = username;
  session.name = username;
  refs.own_name.textContent = username;
  refs.join_view.hidden = true;
  refs.room_view.hidden = false;
  refs.message_input.focus();
  visit = new AbortController();
  void listen(visit.signal);
}

/** Leaves the room and shows the form for the name. The text in the message field stays. */
function leave() {
  visit.abort();
  session.name = null;
  feed.clear();
  say(refs.room_error, "");
  complain(refs.message_input, refs.message_error, "");
  see(true);
  refs.room_view.hidden = true;
  refs.join_view.hidden = false;
  refs.username_input.focus();
}

/**
 * Shows the messages of the room until the reader leaves. The stream reconnects by itself.
 *
 * @param {AbortSignal} signal
 */
async function listen(signal) {
  let opened = false;
  let isLive = false;
  refs.feed.ariaLive = "off";
  /** @param {StreamState} state */
  const onState = (state) => {
    if (signal.aborted) return;
    show(state, opened);
    if (state !== "open") return;
    unstrand();
    if (opened) return;
    opened = true;
    setTimeout(() => {
      if (signal.aborted) return;
      isLive = true;
      refs.feed.ariaLive = "polite";
      feed.invite();
    }, HISTORY_MS);
  };
  const room = action.chat
    .Listen({})
    .withSignal(signal)
    .withOnState(onState)
    .withRetryStream({
      maxReconnects: Infinity,
      baseDelay: 1000,
      maxDelay: 8000,
      backoff: "exponential",
      onGap: (gap) => feed.gap(gap),
    });
  try {
    for await (const { event, data, id } of room.events()) {
      if (event !== "chat") continue;
      const own = id !== null && (sent.has(id) || presume(id, data));
      feed.add(id, data, own);
      if (isLive && document.hidden) see(false);
    }
    say(refs.room_error, "The room has closed.", rejoin);
  } catch (error) {
    if (signal.aborted) return;
    say(refs.room_error, inWords(error), rejoin);
  }
}

/** Listens again from the oldest retained message, after the stream has ended. */
function rejoin() {
  feed.clear();
  say(refs.room_error, "");
  refs.message_input.focus();
  void listen(visit.signal);
}

/**
 * Shows the state of the connection in the badge, in words for people.
 *
 * @param {StreamState} state
 * @param {boolean} opened whether the stream was open before
 */
function show(state, opened) {
  const word = { open: "connected", closed: "disconnected", connecting: "connecting", waiting: "connecting" }[state];
  const shown = opened && word === "connecting" ? "reconnecting" : word;
  refs.badge.dataset.state = shown;
  if (refs.connection_state.textContent !== shown) refs.connection_state.textContent = shown;
}

// A message is the reader's own if this tab sent it. The server's id decides that, because anyone may use any name.
// The event can arrive before the answer to the call, so the page presumes until the answer is there.

/**
 * @param {string} id
 * @param {{ username: string, message: string }} message
 */
function presume(id, { username, message }) {
  const likely = username === name && message === outbox.current;
  if (likely) presumed.add(id);
  return likely;
}

/** Takes back the presumptions that were wrong. */
function settlePresumed() {
  for (const id of presumed) {
    if (!sent.has(id)) feed.setOwn(id, false);
  }
  presumed.clear();
}

const outbox = new Outbox({
  async post(message) {
    const call = action.chat.Send({ username: name, message }).withTimeout(SEND_MS);
    return (await call.withRetry(SEND_ATTEMPTS, { baseDelay: SEND_PAUSE_MS }).call()).id;
  },
  onSent(id) {
    sent.add(id);
    session.store(sent);
    feed.setOwn(id, true);
  },
  onFailed(texts, error) {
    const field = refs.message_input;
    field.value = [...texts, field.value].filter((text) => text !== "").join("\n");
    count();
    const fields = error instanceof ActionError ? error.fields : {};
    if (fields.username !== undefined) {
      leave();
      complain(refs.username_input, refs.username_error, fieldInWords("Your name", fields.username));
      return;
    }
    const why = fields.message === undefined ? inWords(error) : fieldInWords("Your message", fields.message);
    const isLate = error instanceof ActionError && error.code === "timeout";
    isStranded = !isLate && error instanceof ActionError && (error.isNetworkError || error.status >= 502);
    const rest = isLate ? " Your message may have arrived all the same: look above before you send it again." : isStranded ? " Your message is still here." : "";
    complain(field, refs.message_error, why + rest);
  },
  onBusy(busy) {
    refs.send_form.ariaBusy = String(busy);
    clearTimeout(slow);
    if (busy) {
      slow = setTimeout(() => say(refs.send_note, "Sending…"), SLOW_MS);
    } else {
      say(refs.send_note, "");
      settlePresumed();
    }
  },
});

/** Replaces "cannot be reached" once the server is back: the message is not sent yet. */
function unstrand() {
  if (!isStranded) return;
  isStranded = false;
  complain(refs.message_input, refs.message_error, "");
  say(refs.send_note, "Not sent yet");
}

function send() {
  const field = refs.message_input;
  // The server refuses control characters except line breaks, and copied text can contain tabs.
  const text = field.value.replaceAll("\t", "  ").trim();
  if (text === "") {
    complain(field, refs.message_error, "Write something first.");
    field.focus();
    return;
  }
  isStranded = false;
  complain(field, refs.message_error, "");
  field.value = "";
  count();
  feed.toEnd();
  field.focus();
  outbox.put(text);
}

function enter() {
  const field = refs.username_input;
  const text = field.value.trim();
  const wrong = text === "" ? "Say who you are first." : text.length > field.maxLength ? `A name has at most ${field.maxLength} characters.` : "";
  complain(field, refs.username_error, wrong);
  if (wrong === "") join(text);
  else field.focus();
}

/** Shows how many characters are left, once there are few. */
function count() {
  const left = refs.message_input.maxLength - refs.message_input.value.length;
  refs.count_note.textContent = left <= COUNT_FROM ? `${left} left` : "";
}

/**
 * Counts the unseen messages in the title of the tab.
 *
 * @param {boolean} all whether the reader has seen all of them
 */
function see(all) {
  unseen = all ? 0 : unseen + 1;
  document.title = unseen === 0 ? title : `(${unseen}) ${title}`;
}

/**
 * Shows an error beside a field. An empty text removes it.
 *
 * @param {HTMLInputElement | HTMLTextAreaElement} field
 * @param {HTMLElement} output
 * @param {string} text
 */
function complain(field, output, text) {
  say(output, text);
  if (text === "") field.removeAttribute("aria-invalid");
  else field.setAttribute("aria-invalid", "true");
}

/**
 * Shows a text, with a button for another try if there is one.
 *
 * @param {HTMLElement} output
 * @param {string} text
 * @param {() => void} [again]
 */
function say(output, text, again) {
  output.textContent = text;
  if (again === undefined) return;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "link";
  button.textContent = "Try again";
  button.addEventListener("click", again);
  output.append(" ", button);
}

refs.join_form.addEventListener("submit", (event) => {
  event.preventDefault();
  enter();
});

refs.send_form.addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});

refs.message_input.addEventListener("keydown", (event) => {
  // While a word is being composed, Enter belongs to the input method.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  if (!event.repeat) refs.send_form.requestSubmit();
});

refs.message_input.addEventListener("input", () => {
  count();
  complain(refs.message_input, refs.message_error, "");
});

refs.username_input.addEventListener("input", () => complain(refs.username_input, refs.username_error, ""));
refs.leave_btn.addEventListener("click", leave);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) see(true);
});

// After a reload the tab is still in the room.
if (session.name !== null) {
  refs.username_input.value = session.name;
  join(session.name);
}
