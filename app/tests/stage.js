// What every browser test stands on: one Chromium per file, one server and one set of tabs per test.

import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { after, before, test } from "node:test";
import { launch } from "./launch.js";
import { Proxy } from "./proxy.js";
import { Server, dataFolder } from "./server.js";

/** How long anything that should happen at once may take, on a machine that also builds. */
const WAIT_MS = 10_000;

/** What a browser logs by itself while the server is away. */
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
 * One test with a server and a browser of its own. It fails, too, if a tab logs an error that the test did not announce.
 *
 * @param {string} name
 * @param {(stage: Stage) => Promise<void>} body
 */
export function scene(name, body) {
  test(name, async () => {
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

  /** A browser profile: what its tabs share is not shared with others. */
  async profile(options = {}) {
    const profile = await browser.newContext({ viewport: { width: 1000, height: 700 }, ...options });
    profile.setDefaultTimeout(WAIT_MS);
    profile.on("page", (page) => this.#watch(page));
    this.#ends.push(() => profile.close());
    return profile;
  }

  /** A profile whose tabs stay as they are after a restart, where those of a development server load anew. */
  async steadyProfile() {
    const profile = await this.profile();
    await profile.route("**/reload.js", (route) => route.fulfill({ contentType: "text/javascript", body: "" }));
    return profile;
  }

  /** An empty folder for servers that follow each other. */
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

  /** Announces errors that belong to the test. */
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

/** The part of the page with this `p-ref`. */
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

/** Waits for the badge to say so. */
export async function state(page, word, timeout = WAIT_MS) {
  await page.waitForFunction(
    ([selector, word]) => document.querySelector(selector)?.textContent === word,
    [part("connection_state"), word],
    { timeout },
  );
}

export const texts = (page) => page.locator(".msg-text").allTextContents();

/** Waits for the feed to hold exactly these messages, in this order. */
export async function holds(page, expected, timeout = WAIT_MS) {
  await page
    .waitForFunction((count) => document.querySelectorAll(".msg-text").length >= count, expected.length, { timeout })
    .catch(() => {}); // What is there instead is the better message.
  assert.deepEqual(await texts(page), expected);
}

/** Waits for an element to hold a text. */
export async function reads(page, selector, pattern) {
  await page
    .waitForFunction(([selector, source]) => new RegExp(source).test(document.querySelector(selector)?.textContent ?? ""), [selector, pattern.source])
    .catch(() => {});
  assert.match((await page.locator(selector).first().textContent()) ?? "", pattern);
}
