// The base of the tests in this folder: a room with 50 messages, and a cut at every byte of the answer that has
// them, its head included. After the cut each reader reconnects by itself, or as its manual shows, and has to have
// exactly the 50.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import { Server } from "../server.js";
import { CutProxy } from "./cut.js";

export const LISTEN = "_kipo/actions/chat.Listen";

/** The messages of the room, in order. */
export const SAID = Array.from({ length: 50 }, (_, n) => String(n + 1));

/** The number of concurrent sessions of a reader. */
const WIDTH = 32;

/** A session takes milliseconds. One that takes this long hangs, and the error names it. */
const SESSION_MS = 30_000;

const TEST_MS = 5 * 60_000;

/** @type {Server} */
let server;
/** The bytes of the answer to a first request, up to the end of the last message. @type {Buffer} */
let answer;

before(async () => {
  server = await Server.start();
  for (const text of SAID) await server.say("A", text);
  answer = await record(server.url);
});
after(() => server?.stop());

/**
 * Tests a reader with two cuts at every byte: an end (FIN) and a reset (RST).
 *
 * @param {string} name
 * @param {object} options
 * @param {boolean} [options.greets] whether a session begins with an answer that only sets `retry:`
 * @param {(cut: Cut) => boolean} [options.where] the cuts after which a reader can reconnect
 * @param {(run: Run) => Promise<void>} options.read reads all sessions and reports the messages of each
 *
 * @typedef {object} Cut
 * @property {string} session
 * @property {"fin" | "rst"} how
 * @property {number} bytes
 * @property {boolean} isInHead
 *
 * @typedef {object} Run
 * @property {string[]} sessions
 * @property {number} port of the proxy
 * @property {(session: string, got: string[]) => void} got
 */
export function everyByte(name, { greets = false, where = () => true, read }) {
  test(name, { timeout: TEST_MS }, async (context) => {
    const proxy = await CutProxy.start(server.url, answer, greets);
    const headLength = answer.indexOf("\r\n\r\n") + 4;
    const cuts = [];
    for (let bytes = 0; bytes <= answer.length; bytes += 1) {
      for (const how of ["fin", "rst"]) cuts.push({ session: `${how}-${bytes}`, how, bytes, isInHead: bytes < headLength });
    }
    const sessions = cuts.filter(where).map(({ session }) => session);
    const open = new Set(sessions);
    const wrong = [];
    try {
      await read({
        sessions,
        port: proxy.port,
        got(session, messages) {
          open.delete(session);
          if (messages.join() !== SAID.join()) wrong.push(`${session}: ${messages.join()}`);
        },
      });
    } finally {
      await proxy.stop();
    }
    assert.deepEqual(wrong, []);
    assert.deepEqual([...open], [], "each session reports its messages");
    context.diagnostic(`${sessions.length} cuts in an answer of ${answer.length} bytes`);
  });
}

/**
 * Makes a reader of all sessions from a reader of one session, by running many of them at a time.
 *
 * @param {(url: URL, worker: number) => Promise<string[]>} readOne
 * @returns {(run: Run) => Promise<void>}
 */
export function sideBySide(readOne) {
  return async ({ sessions, port, got }) => {
    const left = sessions.values();
    const work = async (_, worker) => {
      for (const session of left) {
        got(session, await inTime(readOne(new URL(`http://127.0.0.1:${port}/${session}/${LISTEN}`), worker), session));
      }
    };
    await Promise.all(Array.from({ length: WIDTH }, work));
  };
}

/** @template T @param {Promise<T>} reading @param {string} session @returns {Promise<T>} */
function inTime(reading, session) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${session} took longer than ${SESSION_MS} ms`)), SESSION_MS);
    reading.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** Records the bytes of the server's answer to a first request. */
async function record(url) {
  const { hostname, port, host } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write(`GET /${LISTEN} HTTP/1.1\r\nHost: ${host}\r\nAccept: text/event-stream\r\n\r\n`);
  let bytes = Buffer.alloc(0);
  while (!isWhole(bytes.toString("latin1"))) bytes = Buffer.concat([bytes, ...(await once(socket, "data"))]);
  socket.destroy();
  return bytes;
}

/** Returns whether the last message is complete, with the end of its frame and of its chunk. */
function isWhole(text) {
  const last = text.indexOf(`"message":"${SAID.at(-1)}"`);
  return last !== -1 && /\n\n(\r\n)?$/.test(text.slice(last));
}
