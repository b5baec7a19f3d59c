// The panel of debug builds: a key opens it, and it shows the app and this tab.

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join as path } from "node:path";
import { Copy } from "./edits/copy.js";
import { AWAY, holds, part, say, scene } from "./stage.js";

const KEY = "Alt+Shift+K";

/** The folder for pictures of the panel, if there is one. */
const PICTURES = process.env.KIPO_PICTURES;

const inPanel = (page, selector, options) => page.locator(`kipo-panel ${selector}`, options);

/** Opens the panel with this tab. */
async function open(page, tab) {
  await page.keyboard.press(KEY);
  await inPanel(page, `[role=tab]#${tab}`).click();
}

/** Returns the folded item with this name. */
const item = (page, name) => inPanel(page, ".item", { has: page.locator(`.name:text-is("${name}")`) });

async function picture(page, name) {
  if (PICTURES === undefined) return;
  await mkdir(PICTURES, { recursive: true });
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: path(PICTURES, `${name}-${colorScheme}.png`) });
  }
}

scene("its key opens it, and closing it returns the focus", async (stage) => {
  const { url } = await stage.server({ watch: true });
  const page = await stage.chat(url, "Ada");
  const loaded = [];
  page.on("request", (request) => loaded.push(request.url()));
  assert.equal(await page.locator("kipo-panel").count(), 0);

  const field = page.locator(part("message_input"));
  await field.pressSequentially("half a message");
  await page.evaluate(() => {
    window.heard = [];
    for (const name of ["keydown", "click", "focusin"]) document.addEventListener(name, (event) => window.heard.push(event.type));
  });
  await page.keyboard.press("Alt+Shift+J");
  assert.equal(await page.locator("kipo-panel").count(), 0);
  await page.evaluate(() => (window.heard.length = 0));

  await page.keyboard.press(KEY);
  const first = inPanel(page, "[role=tab]#actions");
  await first.waitFor();
  assert.ok(loaded.some((url) => url.endsWith("/panel/view.js")), "it is loaded at its first use");
  assert.equal(await first.evaluate((tab) => tab.getRootNode().activeElement === tab), true);
  await page.keyboard.press("ArrowRight");
  assert.equal(await inPanel(page, "[role=tab][aria-selected=true]").textContent(), "Activity");
  await inPanel(page, "[role=tab]#actions").click();
  await inPanel(page, "input[type=search]").fill("send");
  await inPanel(page, "input[type=search]").press("x");
  assert.deepEqual((await page.evaluate(() => window.heard)).filter((type) => type !== "keydown"), [], "what happens in the panel");

  const edge = inPanel(page, "[role=separator]");
  const size = Number(await edge.getAttribute("aria-valuenow"));
  await edge.press("ArrowUp");
  assert.equal(await edge.getAttribute("aria-valuenow"), String(size + 5));
  await inPanel(page, "button[title='Dock to the right']").click();
  assert.equal(await edge.getAttribute("aria-orientation"), "vertical");

  await page.keyboard.press("Escape");
  assert.equal(await page.locator("kipo-panel").count(), 0);
  assert.equal(await field.inputValue(), "half a message");
  await page.keyboard.type(" more");
  assert.equal(await field.inputValue(), "half a message more", "the caret stays");

  // After a load it is open again with the same tab, and does not take the focus.
  await open(page, "pages");
  await page.reload();
  await inPanel(page, "[role=tab][aria-selected=true]:text-is('Pages')").waitFor();
  assert.equal(await page.evaluate(() => document.activeElement?.localName === "kipo-panel"), false);
});

scene("an action is called from its form, by the client of the page", async (stage) => {
  stage.expect(/status of 422/);
  const { url } = await stage.server({ watch: true });
  const page = await stage.chat(url, "Ada");
  await open(page, "actions");
  await inPanel(page, ".list > .item").first().waitFor();
  assert.deepEqual(await inPanel(page, ".list > .item > summary > .name").allTextContents(), ["cached.Report", "chat.Listen", "chat.Send", "contact.Submit", "limited.Call", "progress.Run", "rooms.Create", "rooms.List", "rooms.Listen", "rooms.Send", "upload.Store"]);

  const send = item(page, "chat.Send");
  await send.locator("summary").first().click();
  // The types of its input and output load with the form.
  await send.locator("pre").filter({ hasText: "interface Sent {" }).first().waitFor({ state: "attached" });
  assert.match(await send.locator("pre").allTextContents().then((texts) => texts.join()), /interface Send \{[^]*username: string;[^]*interface Sent \{/);
  await send.getByLabel("username").fill("Grace");
  await send.getByLabel("message").fill("from the panel");
  await send.getByRole("button", { name: "Call" }).click();
  await send.locator(".status[data-state=done]").waitFor();
  assert.match(await send.locator("pre[aria-label=Result]").textContent(), /"id": "[0-9a-f]+-/);
  assert.match(await send.locator(".status").textContent(), /done in \d+ ms/);
  await holds(page, ["from the panel"]);
  await picture(page, "actions");

  await send.getByLabel("message").fill("");
  await send.getByRole("button", { name: "Call" }).click();
  await send.locator(".status[data-state=failed]").waitFor();
  assert.match(await send.locator("pre[aria-label=Result]").textContent(), /"code": "validation_failed"/);
  assert.match(await send.locator("[id='run-chat.Send-message-error']").textContent(), /1 to 500 characters/);
  await send.getByRole("button", { name: "As JSON" }).click();
  assert.deepEqual(JSON.parse(await send.getByLabel("Input as JSON").inputValue()), { username: "Grace", message: "" });

  // The last input is there again after the page was loaded again, as happens after each build.
  await page.reload();
  assert.equal(await send.getByLabel("username").inputValue(), "Grace");

  const run = item(page, "progress.Run");
  await run.locator("summary").first().click();
  await run.getByLabel("steps").fill("10");
  await run.getByRole("button", { name: "Start" }).click();
  await run.locator(".events li").nth(1).waitFor();
  assert.equal(await run.getByRole("button", { name: "Stop" }).isVisible(), true);
  await run.locator(".status[data-state=done]").waitFor();
  assert.match(await run.locator("pre[aria-label=Result]").textContent(), /"steps": 10/);

  const listen = item(page, "chat.Listen");
  await listen.locator("summary").first().click();
  await listen.getByRole("button", { name: "Start" }).click();
  await listen.locator(".events li", { hasText: "from the panel" }).waitFor();
  await listen.getByRole("button", { name: "Stop" }).click();
  await listen.locator(".status[data-state=aborted]").waitFor();
});

scene("the stream of the chat is shown live, with its events and its reconnect", async (stage) => {
  stage.expect(...AWAY);
  const server = await stage.server({ watch: true });
  const proxy = await stage.proxy(server.url);
  const page = await stage.chat(proxy.url, "Ada");
  await open(page, "activity");
  const stream = item(page, "chat.Listen");
  await stream.locator(".state:text-is('open')").waitFor();
  await server.say("Grace", "one");
  await stream.locator(".numbers:text-is('1 event')").waitFor();
  await stream.locator("summary").click();
  await stream.locator(".events li", { hasText: '"message":"one"' }).waitFor();

  await proxy.refuse();
  await stream.locator(".state:text-is('waiting')").waitFor();
  await server.say("Grace", "two");
  await proxy.pass();
  await stream.locator("[data-kind=back]", { hasText: /reconnected with attempt \d/ }).waitFor();
  await stream.locator(".numbers", { hasText: "2 events · 1 reconnect" }).waitFor();
  assert.equal(await stream.locator(".state").textContent(), "open");
  assert.match(await stream.locator("[data-kind=lost]").first().textContent(), /attempt 1 in \d+ ms/);

  await page.keyboard.press(KEY);
  await say(page, "three");
  await holds(page, ["one", "two", "three"]);
  await page.keyboard.press(KEY);
  await item(page, "chat.Send").locator(".state:text-is('done')").waitFor();
  await picture(page, "activity");
});

scene("forms and uploads are shown with their state, what was refused and how much was sent", async (stage) => {
  stage.expect(/status of (413|422)/);
  const { url } = await stage.server({ watch: true });
  const page = await stage.tab(`${url}/contact`);
  await open(page, "forms");
  const row = (name) => inPanel(page, "tbody tr", { has: page.locator(`th:text-is("${name}")`) });
  const cells = async (name) => (await row(name).locator("td").allTextContents()).join(" | ");
  const form = row("contact.Submit");
  await form.waitFor();
  assert.equal(await cells("contact.Submit"), "idle |  | ");
  await inPanel(page, ".empty", { hasText: "No file has been sent" }).waitFor();

  let answer;
  const answered = new Promise((resolve) => (answer = resolve));
  await page.route("**/contact.Submit", async (route) => (await answered, route.continue()));
  await page.evaluate(() => {
    const form = document.querySelector("#contact-form");
    form.noValidate = true;
    form.requestSubmit();
  });
  await form.locator("td:text-is('sending')").waitFor();
  answer();
  await form.locator("td[data-state=failed]:text-is('refused')").waitFor();
  assert.equal(await cells("contact.Submit"), "refused | email, message, name | ");
  await picture(page, "forms");
  for (const [name, text] of [["name", "Ann"], ["email", "ann@example.org"], ["message", "Hello"]]) await page.fill(`#${name}`, text);
  await page.evaluate(() => document.querySelector("#contact-form").requestSubmit());
  await form.locator("td[data-state=done]:text-is('done')").waitFor();
  assert.equal(await cells("contact.Submit"), "done |  | ");

  await page.goto(`${url}/upload`);
  const file = (size) => ({ name: "film.mp4", mimeType: "video/mp4", buffer: Buffer.alloc(size) });
  await page.setInputFiles("#file-input", file(2_000_000));
  await page.evaluate(() => document.querySelector("#upload-btn").click());
  await row("film.mp4").locator("td[data-state=done]").waitFor();
  // The whole form counts, with its heads.
  assert.match(await cells("film.mp4"), /^done \| upload\.Store \| 2\.0 MB of 2\.0 MB \(100 %\) \| [\d.]+ .?B\/s$/);
  await page.route("**/upload.Store", (route) => route.fulfill({ status: 413, contentType: "application/problem+json", body: '{"status":413,"code":"too_large"}' }));
  await page.evaluate(() => document.querySelector("#upload-btn").click());
  await row("film.mp4").locator("td:text-is('failed: too_large')").waitFor();
  await picture(page, "uploads");
});

scene("pages, builds and sizes", async (stage) => {
  const copy = await Copy.ofPages(stage);
  const { url } = await stage.server({ root: copy.root, watch: true });
  const page = await stage.tab(`${url}/progress`);
  await open(page, "pages");
  await inPanel(page, "tr[aria-current=page]", { hasText: "/progress" }).waitFor();
  assert.match(await inPanel(page, "tr[aria-current=page] .location").getAttribute("href"), /\/pages\/progress\.html/);
  await picture(page, "pages");
  await inPanel(page, "#build").click();
  await inPanel(page, ".empty", { hasText: "Nothing has been built" }).waitFor();
  await copy.edit("pages/progress.html", "</h1>", ", edited</h1>");
  await inPanel(page, ".entry", { hasText: /pages\/progress\.html\s*morphed/ }).waitFor();
  await picture(page, "build");
  await inPanel(page, "#client").click();
  const total = inPanel(page, ".total", { hasText: "Loaded by every page" });
  await total.waitFor();
  const [bytes, packed] = (await total.locator("td").allTextContents()).map((text) => Number(text.replace(",", "")));
  assert.ok(bytes > 20_000 && packed > 5_000 && packed < 12_000, `${bytes} bytes, ${packed} with gzip`);
  await picture(page, "client");
});

scene("topics and families of topics are counted, and the counts follow", async (stage) => {
  const server = await stage.server({ watch: true });
  await server.say("Ada", "one");
  const page = await stage.chat(server.url, "Ada");
  await open(page, "topics");
  const row = (name) => inPanel(page, "tbody tr", { has: page.locator(`th:text-matches("^${name} ")`) });
  const cells = async (name) => (await row(name).locator("td.number").allTextContents()).join(" ");
  await row("rooms").waitFor();
  assert.match(await row("chat").locator(".tag").textContent(), /topic, Fsync/);
  assert.match(await row("rooms").locator(".tag").textContent(), /family, Fsync/);
  assert.match(await row("rooms").locator(".location").getAttribute("href"), /rooms\/hub\.rs/);
  assert.equal(await cells("rooms"), "0 0 0 0 0");
  assert.equal(await cells("chat"), "– 1 1 1 1");
  await server.say("Ada", "two");
  await row("chat").locator("td:text-is('2')").waitFor();
  await picture(page, "topics");
});

scene("the styles of the page and of the panel do not affect each other", async (stage) => {
  const { url } = await stage.server({ watch: true });
  const page = await stage.tab(url);
  const rules = "html > :not(head, body) { color: red !important; font: 40px serif !important; display: none; letter-spacing: 9px; position: static !important; }";
  const before = await page.evaluate(() => getComputedStyle(document.body).color);
  await open(page, "pages");
  await inPanel(page, "table").waitFor();
  const look = () =>
    page.evaluate(() => {
      const section = document.querySelector("kipo-panel").shadowRoot.querySelector("section");
      const { color, fontSize, display, letterSpacing, position, width, height } = getComputedStyle(section);
      return { color, fontSize, display, letterSpacing, position, width, height };
    });
  const alone = await look();
  const size = () => page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.scrollHeight]);
  const wide = await size();
  await page.evaluate((rules) => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(rules);
    document.adoptedStyleSheets = [sheet];
  }, rules);
  assert.deepEqual(await look(), alone);
  assert.equal(alone.position, "fixed");
  await page.evaluate(() => (document.adoptedStyleSheets = []));
  assert.equal(await page.evaluate(() => getComputedStyle(document.body).color), before);
  await page.keyboard.press(KEY);
  assert.deepEqual(await size(), wide, "the page has the room that it had");
});

scene("without the development loop there is no panel", async (stage) => {
  const { url } = await stage.server();
  const page = await stage.tab(url);
  await page.keyboard.press(KEY);
  assert.equal((await fetch(`${url}/_kipo/dev/panel`)).status, 404);
  assert.equal(await page.locator("kipo-panel").count(), 0);
});
