// WebKit: the browser of WebKitGTK on a virtual display, driven over WebDriver. WEBKIT_BROWSER names the browser;
// `WebKitWebDriver` and `Xvfb` are in the path.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as pass } from "node:timers/promises";
import { freePort } from "../free-port.js";

/** @import { Browser, Engine, Profile, Tab } from "./engine.d.ts" */

/** How long the display and the driver may take to start, on a machine that also builds. */
const START_MS = 20_000;

/** A process that does not end within this time is killed. */
const END_MS = 5_000;

/** How long one command of WebDriver may take; loading a page is the longest. */
const COMMAND_MS = 30_000;

/** The pause between two questions. */
const PAUSE_MS = 25;

/** The key of a reference to an element (W3C WebDriver, 12.1). */
const ELEMENT = "element-6066-11e4-a52e-4f735466cecf";

const BROWSER = process.env.WEBKIT_BROWSER ?? "/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser";

/** @type {Engine} */
export const webkit = {
  name: "WebKit",
  // On `http://127.0.0.1` it has no locks, so tabs would not share a connection.
  host: "localhost",
  async launch() {
    const display = new Process("Xvfb", ["-displayfd", "3", "-screen", "0", "1280x1024x24", "-nolisten", "tcp"]);
    try {
      return new MiniBrowsers(display, await display.number());
    } catch (error) {
      await display.end();
      throw error;
    }
  },
};

/** A process with a group of its own, so that whatever it starts ends with it. */
class Process {
  #child;
  #exited;

  /** @param {string} program @param {string[]} args @param {Record<string, string>} [env] */
  constructor(program, args, env = {}) {
    const stdio = /** @type {const} */ (["ignore", "ignore", "ignore", "pipe"]);
    this.#child = spawn(program, args, { env: { ...process.env, ...env }, stdio, detached: true });
    this.#exited = once(this.#child, "exit").catch((error) => error);
  }

  /** Reads the number that the process writes to its fourth descriptor. */
  async number() {
    const pipe = /** @type {import("node:stream").Readable} */ (this.#child.stdio[3]);
    const signal = AbortSignal.timeout(START_MS);
    const [text] = await Promise.race([once(pipe, "data", { signal }), this.#exited.then(() => Promise.reject(new Error("ended before it was ready")))]);
    return Number(String(text));
  }

  async end() {
    this.#kill("SIGTERM");
    const kill = setTimeout(() => this.#kill("SIGKILL"), END_MS);
    await this.#exited;
    clearTimeout(kill);
    // The group outlives its first process.
    this.#kill("SIGKILL");
  }

  /** @param {NodeJS.Signals} signal */
  #kill(signal) {
    if (this.#child.pid === undefined) return;
    try {
      process.kill(-this.#child.pid, signal);
    } catch {
      // Nobody is left in the group.
    }
  }
}

/** WebDriver over HTTP. */
class Driver {
  #url;

  /** @param {string} url */
  constructor(url) {
    this.#url = url;
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {unknown} [body]
   */
  async command(method, path, body) {
    const init = { method, body: body === undefined ? null : JSON.stringify(body), signal: AbortSignal.timeout(COMMAND_MS) };
    const { value } = await (await fetch(this.#url + path, init)).json();
    if (value?.error !== undefined) throw new Error(`${method} ${path}: ${value.error}: ${value.message}`);
    return value;
  }

  async isReady() {
    const late = Date.now() + START_MS;
    for (;;) {
      const status = await this.command("GET", "/status").catch((error) => error);
      if (status.ready) return;
      if (Date.now() > late) throw status;
      await pass(PAUSE_MS);
    }
  }
}

/** @implements {Browser} */
class MiniBrowsers {
  #display;
  #number;

  /** @param {Process} display @param {number} number the number of the display */
  constructor(display, number) {
    this.#display = display;
    this.#number = number;
  }

  /** Starts a browser with an empty profile, and the driver of it: a driver has one session. */
  async profile() {
    const port = await freePort();
    const env = { DISPLAY: `:${this.#number}`, NO_AT_BRIDGE: "1" };
    const running = new Process("WebKitWebDriver", [`--port=${port}`], env);
    try {
      const driver = new Driver(`http://127.0.0.1:${port}`);
      await driver.isReady();
      const options = { binary: BROWSER, args: ["--automation"] };
      const capabilities = { alwaysMatch: { browserName: "MiniBrowser", "webkitgtk:browserOptions": options } };
      const { sessionId } = await driver.command("POST", "/session", { capabilities });
      return new Session(running, driver, `/session/${sessionId}`);
    } catch (error) {
      await running.end();
      throw error;
    }
  }

  close() {
    return this.#display.end();
  }
}

/** @implements {Profile} */
class Session {
  #running;
  #driver;
  #path;
  /** The commands of all tabs go one after the other: each chooses its window first. @type {Promise<unknown>} */
  #last = Promise.resolve();
  /** Whether the window that the session begins with has been used. */
  #isOpen = false;

  /** @param {Process} running the process of the driver @param {Driver} driver @param {string} path */
  constructor(running, driver, path) {
    this.#running = running;
    this.#driver = driver;
    this.#path = path;
  }

  async open(url) {
    const handle = await this.#inTurn(() => this.#window());
    const tab = new Window((commands) => this.#inTurn(() => this.#within(handle, commands)));
    await tab.goto(url);
    return tab;
  }

  async close() {
    try {
      await this.#inTurn(() => this.#driver.command("DELETE", this.#path));
    } finally {
      await this.#running.end();
    }
  }

  /** @returns {Promise<string>} the handle of a window that is not in use */
  async #window() {
    const isFirst = !this.#isOpen;
    this.#isOpen = true;
    if (isFirst) return this.#driver.command("GET", `${this.#path}/window`);
    const { handle } = await this.#driver.command("POST", `${this.#path}/window/new`, { type: "tab" });
    return handle;
  }

  /** @param {string} handle @param {(command: Command) => Promise<any>} commands */
  async #within(handle, commands) {
    await this.#driver.command("POST", `${this.#path}/window`, { handle });
    return commands((method, path, body) => this.#driver.command(method, this.#path + path, body));
  }

  /** @template T @param {() => Promise<T>} work @returns {Promise<T>} */
  #inTurn(work) {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {}); // The caller has it.
    return done;
  }
}

/**
 * @callback Command
 * @param {string} method
 * @param {string} path below that of the session
 * @param {unknown} [body]
 * @returns {Promise<any>}
 */

/** @implements {Tab} */
class Window {
  #do;

  /** @param {(commands: (command: Command) => Promise<any>) => Promise<any>} run runs commands within this window */
  constructor(run) {
    this.#do = run;
  }

  /** @param {string} url */
  async goto(url) {
    await this.#do((command) => command("POST", "/url", { url }));
    // The command can return with the load of the empty page that the window began with.
    const isLoaded = () => location.href !== "about:blank" && document.readyState === "complete";
    const late = Date.now() + COMMAND_MS;
    while (!(await this.evaluate(isLoaded))) {
      if (Date.now() > late) throw new Error(`${url} has not loaded within ${COMMAND_MS} ms`);
      await pass(PAUSE_MS);
    }
  }

  click(selector) {
    return this.#do(async (command) => command("POST", `${await element(command, selector)}/click`, {}));
  }

  type(selector, text) {
    return this.#do(async (command) => command("POST", `${await element(command, selector)}/value`, { text }));
  }

  evaluate(run, ...args) {
    // A promise is waited for as any other answer.
    const script = `const [args, done] = arguments;
      Promise.resolve(args).then((args) => (${run})(...args)).then((value) => done({ value }), (error) => done({ error: String(error) }));`;
    return this.#do(async (command) => {
      const { value, error } = await command("POST", "/execute/async", { script, args: [args] });
      if (error !== undefined) throw new Error(error);
      return value;
    });
  }

  close() {
    return this.#do((command) => command("DELETE", "/window"));
  }
}

/** @param {Command} command @param {string} selector */
async function element(command, selector) {
  const found = await command("POST", "/element", { using: "css selector", value: selector });
  return `/element/${found[ELEMENT]}`;
}
