// The base of every browser test: one Chromium for a file, one server and one set of tabs for a test.

import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { after, before, test } from "node:test";
import { launch } from "./launch.js";
import { Proxy } from "./proxy.js";
import { Server, dataFolder } from "./server.js";

/** How long anything may take that happens at once on a quiet machine. */
const WAIT_MS = 10_000;

/** A scene that takes this long hangs. */
const SCENE_MS = 5 * 60_000;

/** The errors that a browser logs while the server is away. */
export const AWAY = [
  /net::ERR_(CONNECTION_REFUSED|CONNECTION_RESET|CONNECTION_CLOSED|EMPTY_RESPONSE|INCOMPLETE_CHUNKED_ENCODING|SOCKET_NOT_CONNECTED)/,
  /the server responded with a status of 502/,
];

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

/**
 * Declares a test. It also fails if a tab logs an error that the test does not expect.
 *
 * @param {string} name
 * @param {(stage: Stage) => Promise<void>} body
 * @param {{ skip?: string | false, timeout?: number }} [options] `skip` says why the test cannot run here
 */
export function scene(name, body, options = {}) {
  test(name, { timeout: SCENE_MS, ...options }, async () => {
    const stage = new Stage();
    try {
      await body(stage);
      assert.deepEqual(stage.surprises(), [], "errors in the console");
    } finally {
      await stage.clear();
    }
  });
}

export class Stage {
  #ends = [];
  #expected = [];
  #problems = [];

  async server(options) {
    const server = await Server.start(options);
    this.#ends.push(() => server.stop());
    return server;
  }

  async proxy(target) {
    const proxy = await Proxy.start(target);
    this.#ends.push(() => proxy.stop());
    return proxy;
  }

  /** Makes a browser profile. Its tabs share storage and locks with no other profile. */
  async profile(options = {}) {
    const profile = await browser.newContext({ viewport: { width: 1000, height: 700 }, ...options });
    profile.setDefaultTimeout(WAIT_MS);
    profile.on("page", (page) => this.#watch(page));
    this.#ends.push(() => close(profile));
    return profile;
  }

  /** Makes a profile whose tabs do not reload after a restart, as those of a development server do. */
  async steadyProfile() {
    const profile = await this.profile();
    await profile.route("**/reload.js", (route) => route.fulfill({ contentType: "text/javascript", body: "" }));
    return profile;
  }

  /** Makes a data directory for several servers, one after the other. */
  async data() {
    const folder = await dataFolder();
    this.#ends.push(() => rm(folder, { recursive: true, force: true }));
    return folder;
  }

  /** Opens a page in a profile of its own. */
  async tab(url, options) {
    const page = await (await this.profile(options)).newPage();
    await page.goto(url);
    await page.waitForSelector("#app");
    return page;
  }

  /** Opens the chat and joins it. */
  async chat(url, name, profile) {
    const page = await (profile ?? (await this.profile())).newPage();
    await page.goto(url);
    await join(page, name);
    return page;
  }

  /** Names errors that the test causes. */
  expect(...patterns) {
    this.#expected.push(...patterns);
  }

  surprises() {
    return this.#problems.filter((problem) => !this.#expected.some((pattern) => pattern.test(problem)));
  }

  /** Runs `end` when the test is over. */
  finally(end) {
    this.#ends.push(end);
  }

  async clear() {
    for (const end of this.#ends.reverse()) await end();
  }

  #watch(page) {
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) this.#problems.push(`${message.type()}: ${message.text()}`);
    });
    page.on("pageerror", (error) => this.#problems.push(`uncaught: ${error.stack || error.message}`));
  }
}

/**
 * Closes a profile. Chromium has been seen never to answer while its tabs loaded again: the scenes that follow then get
 * another one.
 */
async function close(profile) {
  const timedOut = new Promise((resolve) => setTimeout(resolve, WAIT_MS, "timed out").unref());
  if ((await Promise.race([profile.close(), timedOut])) !== "timed out") return;
  // It ends with the process of the tests, if not before.
  void browser.close().catch(() => {});
  browser = await launch();
}

/** Returns the selector of the element with this `p-ref`. */
export const part = (name) => `[p-ref='${name}']`;

export async function join(page, name) {
  await page.fill(part("username_input"), name);
  await page.click(".login-row button");
  await state(page, "connected");
}

export async function say(page, text) {
  await page.fill(part("message_input"), text);
  await page.click(part("send_btn"));
}

/** Waits until the badge shows this state. */
export async function state(page, word, timeout = WAIT_MS) {
  await page.waitForFunction(
    ([selector, word]) => document.querySelector(selector)?.textContent === word,
    [part("connection_state"), word],
    { timeout },
  );
}

export const texts = (page) => page.locator(".msg-text").allTextContents();

/** Waits until the feed shows exactly these messages, in this order. */
export async function holds(page, expected, timeout = WAIT_MS) {
  await page
    .waitForFunction((count) => document.querySelectorAll(".msg-text").length >= count, expected.length, { timeout })
    .catch(() => {}); // The assertion has the better message.
  assert.deepEqual(await texts(page), expected);
}

/** Waits until an element has a text. */
export async function reads(page, selector, pattern) {
  await page
    .waitForFunction(([selector, source]) => new RegExp(source).test(document.querySelector(selector)?.textContent ?? ""), [selector, pattern.source])
    .catch(() => {});
  assert.match((await page.locator(selector).first().textContent()) ?? "", pattern);
}

/** Waits until nothing of the page is busy: a form that is being sent refuses to be sent once more. */
export const settled = (page) => page.waitForFunction(() => document.querySelector("[aria-busy=true]") === null);
