// What the core tests stand on: one browser for an engine, one server and one set of tabs for a test.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as pass } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { Proxy } from "../proxy.js";
import { Server } from "../server.js";

/** @import { Browser, Engine, Profile, Tab } from "./engine.d.ts" */

/** How long anything may take, on a machine that also builds. */
const WAIT_MS = 20_000;

/** A test that hangs ends with its name. */
const TEST_MS = 90_000;

/** How often a page is asked. */
const PAUSE_MS = 25;

/** @typedef {(name: string, body: (stage: Stage) => Promise<void>) => void} Scene declares a test */

/**
 * Starts the browser of an engine for the tests of a file, and returns what declares them.
 *
 * @param {Engine} engine
 * @returns {Scene}
 */
export function scenes(engine) {
  /** @type {Browser | undefined} */
  let browser;
  before(async () => void (browser = await engine.launch()));
  after(() => browser?.close());
  return (name, body) =>
    test(`${engine.name}: ${name}`, { timeout: TEST_MS }, async () => {
      const stage = new Stage(engine, /** @type {Browser} */ (browser));
      try {
        await body(stage);
        await stage.isQuiet();
      } finally {
        await stage.clear();
      }
    });
}

export class Stage {
  #engine;
  #browser;
  /** @type {(() => Promise<void>)[]} */
  #ends = [];
  /** @type {Tab[]} */
  #tabs = [];

  /** @param {Engine} engine @param {Browser} browser */
  constructor(engine, browser) {
    this.#engine = engine;
    this.#browser = browser;
  }

  /** @param {Parameters<typeof Server.start>[0]} [options] */
  async server(options) {
    const server = await Server.start(options);
    this.finally(() => server.stop());
    return server;
  }

  /** @param {string} target */
  async proxy(target) {
    const proxy = await Proxy.start(target);
    this.finally(() => proxy.stop());
    return proxy;
  }

  async profile() {
    const profile = await this.#browser.profile();
    this.finally(() => profile.close());
    return profile;
  }

  /**
   * Opens a page in a tab.
   *
   * @param {string} address
   * @param {Profile} [profile] one of its own, if none is given
   */
  async tab(address, profile) {
    const url = new URL(address);
    url.hostname = this.#engine.host;
    const tab = await (profile ?? (await this.profile())).open(url.href);
    await tab.evaluate(() => {
      const page = /** @type {{ uncaught?: string[] }} */ (globalThis);
      const uncaught = (page.uncaught = /** @type {string[]} */ ([]));
      addEventListener("error", ({ message }) => uncaught.push(message));
      addEventListener("unhandledrejection", ({ reason }) => uncaught.push(String(reason)));
    });
    this.#tabs.push(tab);
    return tab;
  }

  /** Closes a tab while the test goes on. @param {Tab} tab */
  async close(tab) {
    this.#tabs.splice(this.#tabs.indexOf(tab), 1);
    await tab.close();
  }

  /** Checks that no script of an open tab has failed since the page loaded. */
  async isQuiet() {
    for (const tab of this.#tabs) assert.deepEqual(await tab.evaluate(() => /** @type {any} */ (globalThis).uncaught), []);
  }

  /** Runs `end` when the test is over. @param {() => Promise<void>} end */
  finally(end) {
    this.#ends.push(end);
  }

  /** Ends all that the test has started, also where one of the ends fails. */
  async clear() {
    const failures = [];
    for (const end of this.#ends.reverse()) await end().catch((error) => failures.push(error));
    assert.deepEqual(failures, []);
  }
}

/** The selector of the element with this `p-ref`. @param {string} name */
export const part = (name) => `[p-ref='${name}']`;

/**
 * Waits until a function answers as expected in a page.
 *
 * @template {unknown[]} Args
 * @param {Tab} tab
 * @param {unknown} expected
 * @param {(...args: Args) => unknown} run
 * @param {Args} args
 */
export async function shows(tab, expected, run, ...args) {
  const read = () => tab.evaluate(run, ...args);
  assert.deepEqual(await settled(expected, read), expected);
}

/**
 * Reads a value until it is as expected, or until that has taken too long. Returns the last one.
 *
 * @param {unknown} expected
 * @param {() => unknown} read
 */
export async function settled(expected, read) {
  const late = Date.now() + WAIT_MS;
  for (;;) {
    const value = await read();
    if (isDeepStrictEqual(value, expected) || Date.now() > late) return value;
    await pass(PAUSE_MS);
  }
}

/** Waits for an element to hold a text. @param {Tab} tab @param {string} selector @param {string} text */
export const reads = (tab, selector, text) => shows(tab, text, (selector) => document.querySelector(selector)?.textContent, selector);
