// The real server, one process per test.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of the app: what the server runs in. */
export const APP = fileURLToPath(new URL("../", import.meta.url));

/** The binary that is tested. */
export const BIN = process.env.KIPO_APP_BIN ?? fileURLToPath(new URL("../../target/debug/app", import.meta.url));

/** A debug binary on a busy machine starts well within this. */
const START_MS = 20_000;

/** Draining takes less; a server that hangs must not hang the tests. */
const STOP_MS = 10_000;

export class Server {
  #process;
  #exited;
  /** The folder of its topics, if it goes with the server. @type {string | null} */
  #ownData;
  /** What it has said on its standard output, and on its standard error. */
  said = "";
  complained = "";

  constructor(process, url, ownData) {
    this.#process = process;
    this.#ownData = ownData;
    this.#exited = process.exitCode === null ? once(process, "exit") : Promise.resolve();
    this.url = url;
    process.stdout.on("data", (text) => (this.said += text));
    process.stderr.on("data", (text) => (this.complained += text));
  }

  get pid() {
    return this.#process.pid;
  }

  /** Completes when the process has ended, however it did. */
  get ended() {
    return this.#exited;
  }

  /**
   * Starts the app on a free port.
   *
   * @param {object} [options]
   * @param {string} [options.root] holds `pages/` and `public/`, if not those of the app
   * @param {string} [options.cwd]
   * @param {string} [options.data] the folder of its topics, which stays; without one they go with the server
   * @param {number} [options.port]
   * @param {boolean} [options.watch] whether edits are followed, by a process beside the one that serves
   * @param {string} [options.bin]
   * @param {Record<string, string>} [options.env]
   */
  static async start({ root, cwd = APP, data, port = 0, watch = false, bin = BIN, env: more = {} } = {}) {
    const env = { ...process.env, ...(root === undefined ? {} : { KIPO_ROOT: root }), ...more };
    const ownData = data === undefined ? await dataFolder() : null;
    const options = ["--port", String(port), "--host", "127.0.0.1", "--data-dir", data ?? ownData];
    if (!watch) options.push("--no-watch");
    const child = spawn(bin, options, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    return new Server(child, await address(child, bin), ownData);
  }

  /** Runs an action, past every page and proxy. */
  async post(action, input) {
    const response = await fetch(`${this.url}/_kipo/actions/${action}`, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json" },
      body: JSON.stringify(input),
    });
    const text = await response.text();
    return { status: response.status, type: response.headers.get("content-type"), body: text === "" ? null : JSON.parse(text) };
  }

  /** Says something in the room. */
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

  /** Ends the server as a crash does. */
  async kill() {
    this.#process.kill("SIGKILL");
    await this.#exited;
    await this.#forget();
  }

  async #forget() {
    if (this.#ownData !== null) await rm(this.#ownData, { recursive: true, force: true });
  }
}

/** Makes an empty folder for the topics of a server. */
export function dataFolder() {
  return mkdtemp(join(tmpdir(), "kipo-data-"));
}

/** Waits for the line that tells where the server listens. */
function address(child, bin) {
  return new Promise((resolve, reject) => {
    let out = "";
    let err = "";
    const fail = (why) => {
      clearTimeout(timer);
      child.kill("SIGKILL");
      reject(new Error(`${bin}: ${why}\n${out}${err}`));
    };
    const timer = setTimeout(() => fail(`said no address within ${START_MS} ms`), START_MS);
    child.on("error", (error) => fail(`${error.message} (KIPO_APP_BIN names the binary)`));
    child.on("exit", (code, signal) => fail(`ended before it listened (${code ?? signal})`));
    // Read for as long as it runs, or a full pipe stops the server.
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
