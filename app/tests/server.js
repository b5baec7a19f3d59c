// The app's server, one process for each test.

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "./free-port.js";

/** The folder of the app, in which the server runs. */
export const APP = fileURLToPath(new URL("../", import.meta.url));

/** The binary under test. */
export const BIN = process.env.KIPO_APP_BIN ?? fileURLToPath(new URL("../../target/debug/app", import.meta.url));

/** The address of an engine that many nodes share, if tests run with one behind: each data directory is a prefix in it. */
const ENGINE = process.env.KIPO_TEST_ENGINE;

/** How long a start may take: a debug binary on a busy machine needs much less. */
const START_MS = 20_000;

/** How long a drain may take before the server is killed, so that it cannot hang the tests. */
const STOP_MS = 10_000;

export class Server {
  #process;
  #exited;
  /** The data directory, if it is deleted with the server. @type {string | null} */
  #ownData;
  /** The output of the process so far. */
  stdout = "";
  stderr = "";

  constructor(process, url, ownData) {
    this.#process = process;
    this.#ownData = ownData;
    this.#exited = process.exitCode === null ? once(process, "exit") : Promise.resolve();
    this.url = url;
    process.stdout.on("data", (text) => (this.stdout += text));
    process.stderr.on("data", (text) => (this.stderr += text));
  }

  get pid() {
    return this.#process.pid;
  }

  /** Resolves when the process has ended for any reason. */
  get ended() {
    return this.#exited;
  }

  /**
   * Starts the app on a free port, which stays free while the app is restarted.
   *
   * @param {object} [options]
   * @param {string} [options.root] the folder of `pages/` and `public/`, if it is not the app's
   * @param {string} [options.cwd]
   * @param {string} [options.data] the data directory, which stays; without it, a new one is deleted with the server
   * @param {number} [options.port]
   * @param {string} [options.engine] the address of an engine that many nodes share
   * @param {boolean} [options.watch] whether a supervisor watches for edits
   * @param {string[]} [options.args] further arguments
   * @param {string} [options.bin]
   * @param {Record<string, string>} [options.env]
   */
  static async start({ root, cwd = APP, data, port, engine, watch = false, args = [], bin = BIN, env: more = {} } = {}) {
    const env = { ...process.env, ...(root === undefined ? {} : { KIPO_ROOT: root }), ...more };
    const ownData = data === undefined ? await dataFolder() : null;
    const folder = data ?? ownData;
    const options = ["--port", String(port ?? (await freePort())), "--host", "127.0.0.1", "--data-dir", folder, ...args];
    if (!watch) options.push("--no-watch");
    engine ??= ENGINE && `${ENGINE}&prefix=${createHash("sha256").update(folder).digest("hex").slice(0, 16)}`;
    if (engine !== undefined) options.push("--engine", engine);
    const child = spawn(bin, options, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    return new Server(child, await address(child, bin), ownData);
  }

  /** Calls an action directly, without a page and a proxy. */
  async post(action, input) {
    const response = await fetch(`${this.url}/_kipo/actions/${action}`, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json" },
      body: JSON.stringify(input),
    });
    const text = await response.text();
    return { status: response.status, type: response.headers.get("content-type"), body: text === "" ? null : JSON.parse(text) };
  }

  /**
   * Enters a room under a name, without a page. Returns a function that leaves it.
   *
   * @param {string} room
   * @param {string} username
   */
  async enter(room, username) {
    const visit = new AbortController();
    const response = await fetch(`${this.url}/_kipo/actions/rooms.Listen`, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "text/event-stream" },
      body: JSON.stringify({ room, username }),
      signal: visit.signal,
    });
    if (response.status !== 200) throw new Error(`rooms.Listen answered ${response.status}: ${await response.text()}`);
    const ignore = () => {}; // The stream ends with the visit, or with the server.
    void response.body.pipeTo(new WritableStream()).catch(ignore);
    return () => visit.abort();
  }

  /** Sends a message to the room. */
  async say(username, message) {
    const { status, body } = await this.post("chat.Send", { username, message });
    if (status !== 200) throw new Error(`chat.Send answered ${status}: ${JSON.stringify(body)}`);
    return body.id;
  }

  async stop() {
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), STOP_MS);
    this.#process.kill("SIGTERM");
    await this.#exited;
    clearTimeout(timer);
    await this.#forget();
  }

  /** Kills the server, as a crash does. */
  async kill() {
    this.#process.kill("SIGKILL");
    await this.#exited;
    await this.#forget();
  }

  async #forget() {
    if (this.#ownData !== null) await rm(this.#ownData, { recursive: true, force: true });
  }
}

/** Makes an empty data directory. */
export function dataFolder() {
  return mkdtemp(join(tmpdir(), "kipo-data-"));
}

/** Waits for the line with the address of the server. */
function address(child, bin) {
  return new Promise((resolve, reject) => {
    let out = "";
    let err = "";
    const fail = (why) => {
      clearTimeout(timer);
      child.kill("SIGKILL");
      reject(new Error(`${bin}: ${why}\n${out}${err}`));
    };
    const timer = setTimeout(() => fail(`printed no address within ${START_MS} ms`), START_MS);
    child.on("error", (error) => fail(`${error.message} (KIPO_APP_BIN names the binary)`));
    child.on("exit", (code, signal) => fail(`ended before it listened (${code ?? signal})`));
    // Both pipes are read to the end, because a full pipe blocks the server.
    child.stderr.setEncoding("utf8").on("data", (text) => (err += text));
    child.stdout.setEncoding("utf8").on("data", (text) => {
      out += text;
      const found = /listening on (http:\/\/\S+)/.exec(out);
      if (found === null) return;
      clearTimeout(timer);
      resolve(found[1].replace(/\/$/, ""));
    });
  });
}
