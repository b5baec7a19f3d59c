// Edits of a page's files show in open tabs, and no user state is lost.

import assert from "node:assert/strict";
import { rm, writeFile } from "node:fs/promises";
import { join as path } from "node:path";
import { holds, part, say, scene, texts } from "../stage.js";
import { Copy } from "./copy.js";
import { HalfTyped } from "./half-typed.js";
import { until } from "./until.js";

/** How often each edit is made. */
const TIMES = 10;

scene("a template is morphed into an open tab: focus, caret, text, scroll, dialog and stream stay", async (stage) => {
  const copy = await Copy.ofPages(stage);
  const server = await stage.server({ root: copy.root, watch: true });
  const tab = await HalfTyped.open(stage, server);
  const { page } = tab;
  await page.evaluate(() => {
    const dialog = document.createElement("dialog");
    dialog.id = "opened";
    document.body.append(dialog);
    dialog.show();
    document.body.dataset.mark = "first";
  });
  for (let round = 0; round < 20; round++) {
    tab.said.push(`filler ${round}`);
    await server.say("Grace", `filler ${round}`);
  }
  await holds(page, tab.said);
  const { listens } = tab;
  for (let round = 0; round < TIMES; round++) {
    await tab.begin(round);
    const scroll = await page.locator(part("feed")).evaluate(scrollUp);
    // The page itself, and its layout.
    const [file, from, to, selector] = round % 2 === 0
      ? ["pages/index.html", /id="room-title">[^<]*</, `id="room-title">Room ${round}<`, "#room-title"]
      : ["pages/_layout.html", /<span>[^<]*<\/span>\s*<\/a>/, `<span>Room ${round}</span></a>`, ".brand span"];
    await copy.write(file, (await copy.read(file)).replace(from, to));
    await page.waitForFunction(([selector, text]) => document.querySelector(selector)?.textContent === text, [selector, `Room ${round}`]);
    assert.equal(await page.locator(part("feed")).evaluate((feed) => feed.scrollTop), scroll);
    await page.locator(part("feed")).evaluate((feed) => (feed.scrollTop = feed.scrollHeight));
    await tab.check(round);
  }
  assert.equal(await page.evaluate(() => document.querySelector("#opened").open && document.body.dataset.mark), "first");
  assert.equal(tab.listens, listens, "the stream is the same");
});

/** Scrolls the feed up, once it has stopped at its end. */
async function scrollUp(feed) {
  const frame = () => new Promise(requestAnimationFrame);
  while (feed.scrollTop !== 17) {
    feed.scrollTop = 17;
    for (let count = 0; count < 3; count++) await frame();
  }
  return feed.scrollTop;
}

scene("an edit of a page whose lists a script continues shows nothing twice, and opening it fetches it once", async (stage) => {
  const copy = await Copy.ofPages(stage);
  const server = await stage.server({ root: copy.root, watch: true });
  const { status, body } = await server.post("rooms.Create", { room: "Tea" });
  assert.equal(status, 200);
  const url = server.url + body.address;
  const enter = async (name) => {
    const page = await (await stage.profile()).newPage();
    const fetches = [];
    page.on("request", (request) => request.url() === url && fetches.push(request.resourceType()));
    await page.goto(url);
    await page.fill(part("username_input"), name);
    await page.click(`${part("join_form")} button`);
    await say(page, `I am ${name}`);
    return { page, fetches };
  };
  const tabs = [await enter("Ada"), await enter("Grace")];
  const shown = ({ page }) => page.evaluate(() => [".person bdi", ".msg-text"].map((each) => [...document.querySelectorAll(each)].map((item) => item.textContent)));
  const expected = [["Ada", "Grace"], ["I am Ada", "I am Grace"]];
  for (const { page, fetches } of tabs) {
    await page.waitForFunction(() => document.querySelectorAll(".person").length === 2 && document.querySelectorAll(".msg-text").length === 2);
    assert.deepEqual(fetches, ["document"]);
  }
  for (const title of ["Around", "In the room"]) {
    await copy.write("pages/rooms/[room].html", (await copy.read("pages/rooms/[room].html")).replace(/id="people-title">[^<]*</, `id="people-title">${title} <`));
    for (const tab of tabs) {
      await tab.page.waitForFunction((title) => document.querySelector("#people-title").textContent.startsWith(title), title);
      assert.deepEqual(await shown(tab), expected);
    }
  }
});

scene("a style is swapped, and nothing else changes", async (stage) => {
  const copy = await Copy.ofPages(stage);
  const server = await stage.server({ root: copy.root, watch: true });
  const tab = await HalfTyped.open(stage, server);
  const { page, listens } = tab;
  await page.evaluate(() => (document.body.dataset.mark = "first"));
  for (let round = 0; round < TIMES; round++) {
    await tab.begin(round);
    const file = round % 2 === 0 ? "pages/index.css" : "public/app.css";
    // One property for each, so that neither hides the other.
    const property = round % 2 === 0 ? "letter-spacing" : "word-spacing";
    await copy.append(file, `\n#room-title { ${property}: ${round + 1}px !important; }\n`);
    await page.waitForFunction(
      ([property, width]) => getComputedStyle(document.querySelector("#room-title")).getPropertyValue(property) === width,
      [property, `${round + 1}px`],
    );
    await tab.check(round);
  }
  assert.equal(await page.evaluate(() => document.body.dataset.mark), "first");
  assert.equal(tab.listens, listens, "the stream is the same");
  const sheets = await page.locator("link[rel=stylesheet]").count();
  assert.equal(sheets, 3, "the older sheets are gone");
});

scene("a script loads the page again, with the typed text", async (stage) => {
  const copy = await Copy.ofPages(stage);
  const server = await stage.server({ root: copy.root, watch: true });
  const tab = await HalfTyped.open(stage, server);
  for (let round = 0; round < TIMES; round++) {
    await tab.begin(round);
    const [file, name] = round % 2 === 0 ? ["pages/index.js", "script"] : ["pages/_chat/feed.js", "module"];
    await copy.append(file, `\ndocument.body.dataset.${name} = "${round}";\n`);
    await tab.page.waitForFunction(([name, round]) => document.body.dataset[name] === round, [name, String(round)]);
    await tab.check(round);
  }
});

scene("a page and a public file come and go without a restart", async (stage) => {
  const copy = await Copy.ofPages(stage);
  const server = await stage.server({ root: copy.root, watch: true });
  stage.expect(/status of 404/);
  const status = async (address) => (await fetch(server.url + address)).status;
  const page = await stage.tab(`${server.url}/extra`);
  for (let round = 0; round < TIMES; round++) {
    assert.deepEqual([await status("/extra"), await status("/extra.txt")], [404, 404]);
    await copy.write("public/extra.txt", "extra");
    await until(async () => (await status("/extra.txt")) === 200);
    await copy.write("pages/extra.html", `{% extends "_layout.html" %}{% block main %}<h1>Extra ${round}</h1>{% endblock %}`);
    // The tab is at its address and shows it appear and disappear.
    await page.waitForSelector(`h1:text-is("Extra ${round}")`);
    await copy.remove("public/extra.txt");
    await until(async () => (await status("/extra.txt")) === 404);
    await copy.remove("pages/extra.html");
    await page.waitForSelector(`h1:not(:text-is("Extra ${round}"))`);
  }
  assert.doesNotMatch(server.stdout, /listening|serving/, "no other process serves");
});

scene("several saves are one change, a save without a change is none, and files of editors are ignored", async (stage) => {
  const copy = await Copy.ofPages(stage);
  const server = await stage.server({ root: copy.root, watch: true });
  const page = await stage.tab(server.url);
  const lines = () => server.stdout.match(/^.* ms$/gm) ?? [];
  // The server logs changes in their order, some of them after a tab has shown them. The line of a style comes after all others.
  const logged = async (spacing) => {
    const before = lines().length;
    await copy.append("pages/index.css", `\nbody { letter-spacing: ${spacing}px; }\n`);
    await page.waitForFunction((width) => getComputedStyle(document.body).letterSpacing === width, `${spacing}px`);
    const last = () => lines().slice(before).findIndex((line) => line.startsWith("pages/index.css: "));
    await until(() => last() >= 0, () => server.stdout);
    return lines().slice(0, before + last());
  };
  for (const word of ["One", "Two", "Three", "Four"]) {
    await copy.write("pages/index.html", (await copy.read("pages/index.html")).replace(/id="room-title">[^<]*</, `id="room-title">${word}<`));
  }
  await page.waitForFunction(() => document.querySelector("#room-title")?.textContent === "Four");
  const saved = await logged(1);
  // On a busy machine there can be two.
  assert.ok(saved.length <= 2, server.stdout);

  await copy.write("pages/index.html", await copy.read("pages/index.html"));
  for (const name of [".index.html.swp", "index.html~", "#index.html#", ".#index.html"]) await writeFile(path(copy.root, "pages", name), "x");
  // Vim makes such a file for a moment, to see whether it may.
  await writeFile(path(copy.root, "pages", "4913"), "x");
  await rm(path(copy.root, "pages", "4913"));
  const since = await logged(2);
  assert.equal(since.length, saved.length + 1, server.stdout);
});

scene("twenty tabs follow each edit, and each keeps its typed text", async (stage) => {
  const copy = await Copy.ofPages(stage);
  const server = await stage.server({ root: copy.root, watch: true });
  const profile = await stage.profile();
  const pages = [];
  for (let index = 0; index < 20; index++) {
    const page = await stage.chat(server.url, `Tab ${index}`, profile);
    await page.fill(part("message_input"), `typed in ${index}`);
    pages.push(page);
  }
  for (let round = 0; round < 3; round++) {
    await copy.write("pages/index.html", (await copy.read("pages/index.html")).replace(/id="room-title">[^<]*</, `id="room-title">Round ${round}<`));
    for (const page of pages) {
      await page.waitForFunction((text) => document.querySelector("#room-title")?.textContent === text, `Round ${round}`);
    }
  }
  for (const [index, page] of pages.entries()) assert.equal(await page.inputValue(part("message_input")), `typed in ${index}`);
  await server.say("Grace", "to all");
  for (const page of pages) {
    await page.waitForSelector(`.msg-text:text-is("to all")`);
    assert.deepEqual(await texts(page), ["to all"]);
  }
});
