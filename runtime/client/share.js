/** @import { Frame, Open, Platform, Word } from "./internal.d.ts" */

import { isCursor, isSeen } from "./cursor.js";
import { errorFromResponse } from "./error.js";
import { sleep } from "./platform.js";

/** How long a tab that comes back waits for word of the one that leads, which may be gone or asleep. */
const HELLO_MS = 200;

/** How many pieces may wait for a page that reads slowly before its tab stops sharing. */
const PIECES_MAX = 256;

/** How long a frame may get before its tab stops sharing. */
const FRAME_CHARS_MAX = 1 << 20;

/**
 * Opens a stream with one connection for all tabs that run the same: browsers allow six for each host over
 * HTTP/1.1. Answers as `open` would.
 *
 * Of these tabs the one that holds the lock of the stream's name leads: it tells the others each frame, with
 * the place before and after it. Every tab begins with a connection of its own, which gives it what it missed;
 * once it has caught up with the leader it lets its own go. From then on a frame counts only if it follows the
 * one before; where one is missing, the tab opens a connection again, from its own place. So what a tab gets
 * does not depend on the leader, which may be closed, hang or fall asleep: only how many connections there are
 * does. The next in the queue for the lock goes on from its own place.
 *
 * What cannot be compared by its place is not shared: a stream that follows no topic stays with its tab.
 *
 * @param {string} key what makes two streams the same
 * @param {Open} open
 * @param {string} id the place to go on after
 * @param {AbortSignal} signal
 * @param {Platform} platform
 * @returns {Promise<Response>}
 */
export async function share(key, open, id, signal, platform) {
  signal.throwIfAborted();
  const { locks, openChannel } = platform;
  const channel = openChannel(key);
  /** Aborted when this tab goes on alone. */
  const alone = new AbortController();
  const over = AbortSignal.any([signal, alone.signal]);
  /** After the last whole frame that this tab has. */
  let place = id;
  /** After the last frame that the leader has. */
  let leaderPlace = "";
  /** The frame that opened the stream, without its id: what a tab that joins without a connection begins with. */
  let ready = "";
  /** The beginning of a frame whose end has not come. */
  let rest = "";
  let isQueued = false;
  let isLeading = false;
  /** Ends this tab's own connection. @type {AbortController | undefined} */
  let own;
  /** Tells that the page has room for more. */
  let wake = () => {};
  /** Tells that the leader has said something. */
  let heard = () => {};
  /** @type {ReadableStreamDefaultController<Uint8Array>} */
  let out;
  const body = new ReadableStream({ start: (controller) => void (out = controller), pull: () => wake() });

  channel.onmessage = ({ data }) => hear(data);
  over.addEventListener("abort", () => {
    isLeading = false;
    channel.close();
  });
  signal.addEventListener("abort", () => out.error(signal.reason));

  if (isCursor(id)) {
    channel.postMessage({ isHello: true });
    const word = new Promise((resolve) => (heard = () => resolve(undefined)));
    await Promise.race([word, sleep(HELLO_MS, signal, platform)]);
    if (hasCaughtUp()) {
      give(ready);
      queue();
      return new Response(body, { headers: { "content-type": "text/event-stream" } });
    }
  }
  const response = await connect();
  if (!response.ok || !response.body) {
    alone.abort();
    return response;
  }
  void read(response.body);
  return new Response(body, response);

  function connect() {
    own = new AbortController();
    rest = "";
    return open(place, AbortSignal.any([signal, own.signal]));
  }

  /** @param {ReadableStream<Uint8Array>} bytes */
  async function read(bytes) {
    const mine = own;
    const reader = bytes.getReader();
    const decoder = new TextDecoder();
    try {
      for (;;) {
        // A slow page slows its own connection; one that others listen to is read at their pace.
        while (!isLeading && (out.desiredSize ?? 1) <= 0) await new Promise((resolve) => (wake = () => resolve(undefined)));
        const { value } = await reader.read();
        if (own !== mine) return;
        if (!value) break;
        out.enqueue(value);
        pass(decoder.decode(value, { stream: true }));
      }
      alone.abort();
      out.close();
    } catch (error) {
      if (own === mine) fail(error);
    }
  }

  /** @param {string} text */
  function pass(text) {
    if (over.aborted) return;
    rest += text;
    const end = rest.lastIndexOf("\n\n") + 2;
    if (end < 2) return rest.length > FRAME_CHARS_MAX && alone.abort();
    const frames = rest.slice(0, end).split(/(?<=\n\n)/).map((text) => {
      const from = place;
      place = /^id: (.+)$/m.exec(text)?.[1] ?? place;
      return { text, from, to: place };
    });
    rest = rest.slice(end);
    ready ||= frames[0]?.text.replace(/^id: .+\n/m, "") ?? "";
    if (isLeading) tell(frames);
    else queue();
    join();
  }

  /** Asks where the leader stands, and waits for the lock, to lead with it. */
  function queue() {
    if (isQueued || over.aborted || !isCursor(place)) return;
    isQueued = true;
    channel.postMessage({ isHello: true });
    const lead = () => {
      isLeading = true;
      tell([]);
      if (!own) reopen();
      return new Promise((resolve) => over.addEventListener("abort", resolve));
    };
    locks?.request(key, { signal: over }, lead).catch(() => {}); // Left before its turn.
  }

  /** @param {Frame[]} frames */
  function tell(frames) {
    channel.postMessage({ frames, place, ready });
    if ((out.desiredSize ?? 0) < -PIECES_MAX) alone.abort();
  }

  /** @param {Word} word */
  function hear(word) {
    if (over.aborted) return;
    if (word.isHello) return isLeading && tell([]);
    leaderPlace = word.place;
    ready ||= word.ready;
    heard();
    if (own || !isQueued) return join();
    for (const { text, from, to } of word.frames) {
      if (from === place) {
        give(text);
        place = to;
      } else if (!isSeen(to, place)) return reopen();
    }
    if (!hasCaughtUp()) return reopen();
    if ((out.desiredSize ?? 0) < -PIECES_MAX) {
      alone.abort();
      reopen();
    }
  }

  function hasCaughtUp() {
    return leaderPlace !== "" && isSeen(leaderPlace, place);
  }

  /** Lets the own connection go once the leader has nothing that this tab has not. */
  function join() {
    if (isLeading || over.aborted || rest !== "" || !hasCaughtUp()) return;
    own?.abort();
    own = undefined;
  }

  function reopen() {
    const opening = connect();
    const mine = own;
    opening
      .then(async (response) => {
        if (!response.ok || !response.body) throw await errorFromResponse(response, platform.now());
        void read(response.body);
      })
      .catch((error) => own === mine && fail(error));
  }

  /** @param {string} text */
  function give(text) {
    out.enqueue(new TextEncoder().encode(text));
  }

  /** @param {unknown} error */
  function fail(error) {
    alone.abort();
    out.error(error);
  }
}
