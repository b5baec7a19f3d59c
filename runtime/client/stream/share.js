/** @import { Frame, Open, Platform, TabMessage } from "../internal.d.ts" */

import { errorFromResponse } from "../error.js";
import { sleep } from "../platform.js";
import { CURSOR, isSeen } from "./cursor.js";

/** How long a tab with a position waits for a message of the leader, which may be closed or frozen. */
const HELLO_MS = 200;

/** How many unread chunks a slow page may have before its tab stops sharing. */
const CHUNKS_MAX = 256;

/** The longest incomplete frame, in characters, before its tab stops sharing. */
const FRAME_CHARS_MAX = 1 << 20;

/**
 * Opens a stream over one connection for all tabs that run the same stream: browsers allow six connections for each
 * host over HTTP/1.1. Returns a response as `open` does.
 *
 * The tab that holds the lock with the name of the stream is the leader. It broadcasts each frame with the position
 * before and after it. Every tab begins with a connection of its own, which replays the messages that it missed; it
 * closes this connection once it has caught up with the leader. From then on it accepts a frame only if the frame
 * follows the one before. If a frame is missing, the tab opens a connection again, from its own position. So the
 * messages of a tab do not depend on the leader, which may be closed, frozen or slow; only the number of connections
 * does. The next tab in the queue for the lock leads from its own position.
 *
 * A frame about the engine has no position. So each message of the leader says whether the server reaches its messages,
 * and a tab that knows otherwise passes that on to its page.
 *
 * A stream that follows no topic has no positions to compare, so its tab does not share it.
 *
 * @param {string} key equal for equal streams
 * @param {Open} open
 * @param {string} id the position to resume after
 * @param {AbortSignal} signal
 * @param {Platform} platform
 * @returns {Promise<Response>}
 */
export async function share(key, open, id, signal, platform) {
  signal.throwIfAborted();
  const { locks, openChannel } = platform;
  const channel = openChannel(key);
  /** Aborted when this tab stops sharing. */
  const alone = new AbortController();
  const over = AbortSignal.any([signal, alone.signal]);
  /** The position after the last complete frame of this tab. */
  let position = id;
  /** The position after the last frame of the leader. */
  let leaderPosition = "";
  /** Whether the server reaches its messages, as the page of this tab knows it, and as the leader does. */
  let isReachable = true;
  let leaderIsReachable = true;
  /** The first frame of the stream, without its id. A tab that joins without a connection begins with it. */
  let ready = "";
  /** The beginning of a frame whose end has not arrived. */
  let rest = "";
  let isQueued = false;
  let isLeading = false;
  /** Aborted to end the connection of this tab. @type {AbortController | undefined} */
  let own;
  /** Resolves the wait for room in `body`. */
  let resume = () => {};
  /** Resolves the wait for a message of the leader. */
  let answered = () => {};
  /** @type {ReadableStreamDefaultController<Uint8Array>} */
  let out;
  const body = new ReadableStream({ start: (controller) => void (out = controller), pull: () => resume() });

  channel.onmessage = ({ data }) => receive(data);
  over.addEventListener("abort", () => {
    isLeading = false;
    channel.close();
  });
  signal.addEventListener("abort", () => out.error(signal.reason));

  if (CURSOR.test(id) && (await hasLeader())) {
    channel.postMessage({ isHello: true });
    const message = new Promise((resolve) => (answered = () => resolve(undefined)));
    await Promise.race([message, sleep(HELLO_MS, signal, platform)]);
    if (hasCaughtUp()) {
      enqueue(ready);
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

  /** Returns whether another tab leads. Without one there is no message to wait for. */
  async function hasLeader() {
    const { held } = (await locks?.query()) ?? {};
    return held?.some(({ name }) => name === key);
  }

  function connect() {
    own = new AbortController();
    rest = "";
    return open(position, AbortSignal.any([signal, own.signal]));
  }

  /** @param {ReadableStream<Uint8Array>} bytes */
  async function read(bytes) {
    const mine = own;
    const reader = bytes.getReader();
    const decoder = new TextDecoder();
    try {
      for (;;) {
        // A slow page slows its own connection. The leader reads at full speed, since other tabs depend on it.
        while (!isLeading && (out.desiredSize ?? 1) <= 0) await new Promise((resolve) => (resume = () => resolve(undefined)));
        const { value } = await reader.read();
        if (own !== mine) return;
        if (!value) break;
        out.enqueue(value);
        process(decoder.decode(value, { stream: true }));
      }
      alone.abort();
      out.close();
    } catch (error) {
      if (own === mine) fail(error);
    }
  }

  /** @param {string} text */
  function process(text) {
    if (over.aborted) return;
    rest += text;
    const end = rest.lastIndexOf("\n\n") + 2;
    if (end < 2) return rest.length > FRAME_CHARS_MAX && alone.abort();
    const frames = rest.slice(0, end).split(/(?<=\n\n)/).map((text) => {
      const from = position;
      position = /^id: (.+)$/m.exec(text)?.[1] ?? position;
      isReachable = isReachableAfter(text, isReachable);
      return { text, from, to: position };
    });
    rest = rest.slice(end);
    ready ||= frames[0]?.text.replace(/^id: .+\n/m, "") ?? "";
    if (isLeading) broadcast(frames);
    else queue();
    join();
  }

  /** Asks the leader for its position, and queues for the lock. */
  function queue() {
    if (isQueued || over.aborted || !CURSOR.test(position)) return;
    isQueued = true;
    channel.postMessage({ isHello: true });
    const lead = () => {
      isLeading = true;
      broadcast([]);
      if (!own) reopen();
      return new Promise((resolve) => over.addEventListener("abort", resolve));
    };
    locks?.request(key, { signal: over }, lead).catch(() => {}); // Aborted in the queue.
  }

  /** @param {Frame[]} frames */
  function broadcast(frames) {
    channel.postMessage({ frames, position, ready, isReachable });
    if ((out.desiredSize ?? 0) < -CHUNKS_MAX) alone.abort();
  }

  /** @param {TabMessage} message */
  function receive(message) {
    if (over.aborted) return;
    if (message.isHello) return isLeading && broadcast([]);
    leaderPosition = message.position;
    leaderIsReachable = message.isReachable;
    ready ||= message.ready;
    answered();
    if (own || !isQueued) return join();
    for (const { text, from, to } of message.frames) {
      if (from === position) {
        enqueue(text);
        position = to;
        isReachable = isReachableAfter(text, isReachable);
      } else if (!isSeen(to, position)) return reopen();
    }
    if (!hasCaughtUp()) return reopen();
    agree();
    if ((out.desiredSize ?? 0) < -CHUNKS_MAX) {
      alone.abort();
      reopen();
    }
  }

  function hasCaughtUp() {
    return leaderPosition !== "" && isSeen(leaderPosition, position);
  }

  /** Closes the connection of this tab once it has caught up with the leader. */
  function join() {
    if (isLeading || over.aborted || rest !== "" || !hasCaughtUp()) return;
    own?.abort();
    own = undefined;
    agree();
  }

  /** Passes on what the leader knows of the engine, if the page of this tab knows otherwise. */
  function agree() {
    if (isReachable === leaderIsReachable) return;
    isReachable = leaderIsReachable;
    enqueue(`event: kipo:engine\ndata: {"reachable":${isReachable}}\n\n`);
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
  function enqueue(text) {
    out.enqueue(new TextEncoder().encode(text));
  }

  /** @param {unknown} error */
  function fail(error) {
    alone.abort();
    out.error(error);
  }
}

/**
 * Returns whether the server reaches its messages after a frame, as a stream reads it.
 *
 * @param {string} frame
 * @param {boolean} before whether it did before this frame
 */
function isReachableAfter(frame, before) {
  if (frame.startsWith("event: kipo:engine\n")) return !frame.includes('"reachable":false');
  return before || /^event: (?!kipo:(?!ready$|gap$))/m.test(frame);
}
