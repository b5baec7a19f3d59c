// What the browser tests of the board share. The stage is that of the demo's tests: `app/tests/stage.js`.

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { part, reads } from "../../../app/tests/stage.js";

/** The folder of the board, in which its server runs. */
const BOARD = fileURLToPath(new URL("../", import.meta.url));

const BIN = process.env.KIPO_BOARD_BIN ?? fileURLToPath(new URL("../../../target/debug/board", import.meta.url));

/** The secret that the webhook's sender shares with the server. */
export const WEBHOOK_SECRET = "a secret of the tests";

/** A password that every user of a test has. */
export const PASSWORD = "correct horse";

/** What a browser logs when an action or a page refuses something. */
export const REFUSED = /the server responded with a status of 4\d\d/;

/**
 * Starts the board with an empty database.
 *
 * @param {import("../../../app/tests/stage.js").Stage} stage
 * @param {object} [options] those of `Server.start`, and the file of a database that exists
 */
export async function serve(stage, { database, env = {}, ...options } = {}) {
  const data = options.data ?? (await stage.data());
  const all = { DATABASE: database ?? join(data, "board.db"), WEBHOOK_SECRET, ...env };
  return stage.server({ cwd: BOARD, bin: BIN, ...options, data, env: all });
}

/**
 * Signs a new user up, in a browser profile of its own, and returns the page with the boards.
 *
 * @param {import("../../../app/tests/stage.js").Stage} stage
 */
export async function signUp(stage, server, name, options) {
  const page = await (await stage.profile(options)).newPage();
  await page.goto(`${server.url}/sign-up`);
  await submit(page, name, PASSWORD);
  await page.waitForURL(`${server.url}/`);
  return page;
}

/** Fills and submits the form of the pages `/login` and `/sign-up`. */
export async function submit(page, name, password) {
  await page.fill(part("name_input"), name);
  await page.fill(part("password_input"), password);
  await page.click("main form button");
}

/** Makes a board, and returns its address. */
export async function makeBoard(page, title) {
  await page.fill(part("title_input"), title);
  await page.click(part("make"));
  await page.waitForURL(/\/boards\/\d+$/);
  await live(page);
  return page.url();
}

/** Waits until the page has its stream. */
export const live = (page) => reads(page, part("state"), /^live$/);

/** Invites a user to the board of the page. */
export async function invite(page, name) {
  if (await page.isHidden(part("invite_input"))) await page.click(`${part("members_view")} summary`);
  await page.fill(part("invite_input"), name);
  await page.click(part("invite"));
}

/** Adds a card at the end of a column, and waits until the form is ready for the next one. */
export async function addCard(page, column, title) {
  const input = `#add-${column}`;
  await page.fill(input, title);
  await page.press(input, "Enter");
  await page.waitForFunction((input) => document.querySelector(input).value === "" && document.querySelector(input).form.ariaBusy !== "true", input);
}

/** Opens a card in the dialog. */
export async function openCard(page, title) {
  await card(page, title).locator(".card-open").click();
  await page.waitForSelector("dialog:modal");
}

/** Lets a form be sent that the browser would refuse: the server checks it too. */
export const unchecked = (page, selector = "main form") => page.locator(selector).first().evaluate((form) => (form.noValidate = true));

/** Returns the element of a card. */
export const card = (page, title) => page.locator(".card", { hasText: title });

/** Waits until the columns have exactly these cards, each as one text: `{ todo: "Tea, Milk" }`. */
export async function shows(page, { todo = "", doing = "", done = "" }) {
  for (const [column, expected] of Object.entries({ todo, doing, done })) {
    await page.waitForFunction(
      ([column, expected]) => [...document.querySelectorAll(`[data-column="${column}"] .card-title`)].map((title) => title.textContent).join(", ") === expected,
      [column, expected],
    );
  }
}
