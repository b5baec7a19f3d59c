// Each form of the board, with JavaScript and without: the same rows in the database, and the same files.

import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { part, scene, settled } from "../../../app/tests/stage.js";
import { PASSWORD, REFUSED, card, serve } from "./board.js";
import { rowsOf } from "./database.js";

/** The columns that differ from run to run. A time counts as there or not. */
const RANDOM = ["password_hash", "key"];
const TIMES = ["created_at", "done_at", "removed_at"];

/** A picture of one pixel. */
const PNG = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==", "base64");

scene("each form does the same with JavaScript and without", async (stage) => {
  stage.expect(REFUSED);
  const [without, scripted] = [await run(stage, false), await run(stage, true)];
  assert.deepEqual(scripted, without);
  assert.deepEqual(without.files, ["image/png plan.png"], "the other file is gone");
  assert.deepEqual(without.rows.cards.map(({ title, lane, removed_at }) => [title, lane, removed_at]), [
    ["Green tea", "todo", false], ["Milk", "doing", false], ["Bread", "done", true],
  ]);
  assert.equal(without.rows.cards[0].text, "Two\nlines");
  assert.deepEqual(without.rows.users.map(({ name }) => name), ["ann", "bob"]);
  assert.deepEqual(without.rows.members.map(({ board, is_owner }) => [board, is_owner]), [[1, 1], [1, 0]]);
});

/** Drives every form of an empty server, and returns what it has stored in the end. */
async function run(stage, javaScriptEnabled) {
  const data = await stage.data();
  const server = await serve(stage, { data });
  const options = { javaScriptEnabled };
  const [ann, bob] = [await Driver.start(stage, server, options), await Driver.start(stage, server, options)];

  await ann.goto("/sign-up");
  await ann.fill({ name_input: "a b", password_input: "short" });
  await ann.refused("main form button", 422, "may have letters, digits, - and _");
  assert.equal(await ann.page.inputValue("#name"), "a b", "what was typed stays");
  if (!javaScriptEnabled) assert.equal(await ann.page.inputValue("#password"), "", "a secret does not travel back");
  await signUp(ann, "ann");
  await bob.goto("/sign-up");
  await bob.fill({ name_input: "ANN", password_input: PASSWORD });
  await bob.refused("main form button", 409, "this name is taken");
  await signUp(bob, "bob");
  await bob.done(part("sign_out"), "/login");
  await bob.fill({ name_input: "bob", password_input: "wrong horse" });
  await bob.refused("main form button", 401, "the name or the password is wrong");
  await bob.fill({ name_input: "bob", password_input: PASSWORD });
  await bob.done("main form button", "/");

  await ann.fill({ title_input: "  " });
  await ann.refused(part("make"), 422, "must not be blank");
  await ann.fill({ title_input: "Kitchen" });
  await ann.done(part("make"), "/boards/1");

  const add = async (column, title) => {
    await ann.page.fill(`#add-${column}`, title);
    await ann.done(`[data-column='${column}'] .add button`);
    await ann.page.locator(`[data-column='${column}'] .card-title`, { hasText: title }).waitFor();
  };
  await ann.page.fill("#add-todo", " ");
  await ann.refused("[data-column='todo'] .add button", 422, "must not be blank");
  for (const [column, title] of [["todo", "Tea"], ["todo", "Milk"], ["done", "Bread"]]) await add(column, title);
  await ann.done("#card-1 [value='down']");
  await ann.page.locator("#card-2 + #card-1").waitFor();
  await ann.done("#card-2 [value='right']");
  await ann.page.locator("[data-column='doing'] #card-2").waitFor();

  await ann.openCard("Tea");
  await ann.fill({ card_title: " ", card_text: "Two\nlines" });
  await ann.refused(`${part("editor_form")} button`, 422, "must not be blank");
  assert.equal(await ann.page.inputValue("#card-text"), "Two\nlines");
  await ann.fill({ card_title: "Green tea" });
  await ann.saveCard();
  await ann.page.locator("#card-1 .card-title", { hasText: "Green tea" }).waitFor();

  await ann.openCard("Green tea");
  const file = (name, mimeType, buffer) => ({ name, mimeType, buffer: Buffer.from(buffer) });
  await ann.page.setInputFiles("#files", Array.from({ length: 6 }, (_, n) => file(`${n}.txt`, "text/plain", "x")));
  await ann.refused(".attach button", 422, "must have 1 to 5 items");
  await ann.page.setInputFiles("#files", [file("plan.png", "image/png", PNG), file("list.txt", "text/plain", "Milk")]);
  await ann.done(".attach button");
  await ann.page.locator("#file-2").waitFor();
  assert.equal(await ann.page.locator("#file-1 img").evaluate(async (image) => (await image.decode(), image.naturalWidth)), 1, "the preview is shown");
  await ann.done("#file-2 button");
  await ann.page.locator("#file-2").waitFor({ state: "detached" });
  await ann.closeCard();

  for (const title of ["Milk", "Bread"]) {
    await ann.openCard(title);
    await ann.done(part("card_remove"));
    await card(ann.page, title).waitFor({ state: "detached" });
  }
  await ann.page.click("text=Deleted cards");
  await ann.done("[aria-label='Restore Milk']");
  await card(ann.page, "Milk").waitFor();

  const invite = async () => {
    await ann.openMembers();
    await ann.fill({ invite_input: "bob" });
    await ann.done(part("invite"));
    await ann.openMembers();
    await ann.page.locator("[aria-label='Take bob from the board']").waitFor();
  };
  await ann.openMembers();
  await ann.fill({ invite_input: "nobody" });
  await ann.refused(part("invite"), 404, "nobody has this name");
  await invite();
  await bob.goto("/boards/1");
  await bob.openMembers();
  await bob.done(part("leave_board"), "/");
  await ann.goto("/boards/1");
  await invite();
  await ann.done("[aria-label='Take bob from the board']");
  await ann.page.locator("[aria-label='Take bob from the board']").waitFor({ state: "detached" });
  await invite();

  await ann.goto("/");
  await ann.fill({ title_input: "Attic" });
  await ann.done(part("make"), "/boards/2");
  await ann.openMembers();
  await ann.page.click("text=Delete this board");
  await ann.done(part("remove_board"), "/");
  await ann.goto("/admin");
  await ann.done("[aria-label='End all sessions of bob']", "/admin?ended=3");
  assert.equal(await ann.page.textContent(".notice"), "bob is signed out everywhere.");
  await bob.goto("/");
  assert.equal(new URL(bob.page.url()).pathname, "/login");
  await ann.done(part("sign_out"), "/login");
  const rows = await rowsOf(join(data, "board.db"), "users", "boards", "members", "cards", "attachments", "deliveries");
  const files = await filesOf(join(data, "board.files"), rows.attachments);
  return { rows: Object.fromEntries(Object.entries(rows).map(([table, rows]) => [table, rows.map(comparable)])), files };
}

async function signUp(driver, name) {
  await driver.fill({ name_input: name, password_input: PASSWORD });
  await driver.done("main form button", "/");
}

/** Presses the buttons of forms, and waits for the answers. */
class Driver {
  static async start(stage, server, options) {
    const driver = new Driver();
    driver.url = server.url;
    driver.scripted = options.javaScriptEnabled;
    driver.page = await (await stage.profile(options)).newPage();
    driver.page.on("dialog", (dialog) => dialog.accept());
    return driver;
  }

  goto(path) {
    return this.page.goto(this.url + path);
  }

  async fill(values) {
    for (const [name, value] of Object.entries(values)) await this.page.fill(part(name), value);
  }

  /** Sends a form, and returns the first status of its answer once the page is done with it. */
  async #send(button, press = () => this.page.click(button)) {
    const isOne = (request) => request.method() === "POST" && (this.scripted ? !request.url().endsWith(".Listen") : request.isNavigationRequest());
    const answer = this.page.waitForResponse((response) => isOne(response.request()));
    const shown = this.scripted ? undefined : this.page.waitForNavigation();
    await press();
    await shown;
    const status = (await answer).status();
    if (this.scripted) await settled(this.page);
    return status;
  }

  /** Sends a form that the server refuses: a message is shown. The browser does not check it before. */
  async refused(button, status, message) {
    // At once: a part of the page that is loaded again in between would be checked.
    const press = () => this.page.locator(button).evaluate((button) => ((button.form.noValidate = true), button.click()));
    assert.equal(await this.#send(button, press), status, message);
    await this.page.locator("[p-error]:not([hidden])", { hasText: message }).waitFor();
  }

  /** Sends a form that succeeds, and waits for the page to which it leads. */
  async done(button, path) {
    const status = await this.#send(button);
    if (this.scripted) assert.ok([200, 204].includes(status), `${button}: ${status}`);
    else assert.equal(status, 303, button);
    if (path !== undefined) await this.page.waitForURL(this.url + path);
  }

  async openCard(title) {
    const link = card(this.page, title).locator(".card-open");
    await (this.scripted ? link.click() : Promise.all([this.page.waitForNavigation(), link.click()]));
    await this.page.locator(part("editor_form")).waitFor();
  }

  /** Saves the card that is open, and waits until it is closed: with JavaScript, saving it does so. */
  async saveCard() {
    await this.done(`${part("editor_form")} button`);
    if (!this.scripted) return this.closeCard();
    await this.page.locator(part("editor_form")).waitFor({ state: "detached" });
  }

  async closeCard() {
    await (this.scripted ? this.page.click(part("editor_close")) : Promise.all([this.page.waitForNavigation(), this.page.click(part("editor_close"))]));
  }

  async openMembers() {
    const members = this.page.locator(part("members_view"));
    if (!(await members.evaluate((details) => details.open))) await members.locator("> summary").click();
  }
}

/** Returns a row without what differs from run to run. */
function comparable(row) {
  const values = Object.entries(row).filter(([name]) => !RANDOM.includes(name));
  return Object.fromEntries(values.map(([name, value]) => [name, TIMES.includes(name) ? value !== null : value]));
}

/** Returns the files of a folder, by the rows that name them. */
async function filesOf(folder, attachments) {
  const files = await Promise.all((await readdir(folder)).map(async (key) => ({ key, bytes: await readFile(join(folder, key)) })));
  return files.map(({ key, bytes }) => {
    const row = attachments.find((row) => row.key === key);
    assert.equal(bytes.length, row?.bytes, `${key} has the bytes of its row`);
    return `${row.content_type} ${row.name}`;
  });
}
