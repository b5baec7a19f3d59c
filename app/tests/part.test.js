// Parts of a page that are fetched again, for a script or as the effect of an action; and other effects.

import assert from "node:assert/strict";
import { reads, scene } from "./stage.js";
import { site } from "./site.js";

const FILES = {
  "pages/index.html": `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Parts</title><link rel="icon" href="data:,"></head>
<body><main id="app">
  <h1>Parts</h1>
  <section p-part="list"><p id="count">Loads: 0</p><input id="field"><ul><li>a</li></ul></section>
  <section p-part="other"><p id="other">Loads: 0</p></section>
  <p id="outside">Loads: 0</p>
</main></body></html>`,
  "pages/index.js": `
    import * as kipo from "kipo";
    globalThis.kipo = kipo;
    globalThis.seen = [];
    kipo.effect("toast", ({ text }) => globalThis.seen.push(text));
    document.addEventListener("said", ({ detail }) => globalThis.seen.push(detail));`,
  "pages/next.html": `<!doctype html><html lang="en"><head><title>Next</title><link rel="icon" href="data:,"></head><body><main id="app">Next</main></body></html>`,
};

/** Opens the page, which counts its loads. */
async function open(stage) {
  const { root } = await site(stage, FILES);
  const server = await stage.server({ root });
  const tab = await (await stage.profile()).newPage();
  const files = [];
  tab.on("request", (request) => files.push(new URL(request.url()).pathname.split("/").at(-1)));
  let loads = 0;
  await tab.route(`${server.url}/`, async (route) => {
    const response = await route.fetch();
    const text = await response.text();
    await route.fulfill({ response, body: text.replaceAll("Loads: 0", `Loads: ${loads++}`) });
  });
  await tab.goto(server.url);
  await tab.waitForFunction(() => globalThis.kipo);
  return { tab, files, server, loads: () => loads };
}

/** Adds these effects to the next answers of `chat.Send`. */
async function asks(tab, effects, init = {}) {
  await tab.route("**/actions/chat.Send", async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, ...init, headers: { ...response.headers(), "kipo-effects": JSON.stringify(effects) } });
  });
}

const send = (tab, builder = "") =>
  tab.evaluate((builder) => {
    const call = globalThis.kipo.action.chat.Send({ username: "ada", message: "hi" });
    return (builder ? call[builder]() : call).call().then(() => "sent", (error) => error.code);
  }, builder);

scene("a reloaded part follows the server, and the rest of the page does not", async (stage) => {
  const { tab, files, loads } = await open(stage);
  assert.deepEqual(files.filter((name) => ["reload_part.js", "effects.js", "morph.js", "navigate.js"].includes(name)), [], "loaded when they are used");
  await tab.fill("#field", "half typ");
  await tab.focus("#field");
  await tab.evaluate(() => {
    globalThis.field = document.querySelector("#field");
    field.setSelectionRange(2, 4);
    document.querySelector("#other").append("!");
  });
  await tab.evaluate(() => globalThis.kipo.reloadPart("list"));
  assert.deepEqual(
    await tab.evaluate(() => ({
      texts: ["count", "other", "outside"].map((id) => document.getElementById(id).textContent),
      typed: field.value,
      caret: [field.selectionStart, field.selectionEnd],
      same: document.activeElement === field,
    })),
    { texts: ["Loads: 1", "Loads: 0!", "Loads: 0"], typed: "half typ", caret: [2, 4], same: true },
  );
  await tab.evaluate(() => Promise.all(["list", "other", "list"].map((name) => globalThis.kipo.reloadPart(name))));
  assert.deepEqual(await tab.locator("#app p").allTextContents(), ["Loads: 2", "Loads: 2", "Loads: 0"]);
  assert.equal(loads(), 3, "one request for all");
});

scene("a part whose element changes its tag keeps what is typed in it, and follows an edit", async (stage) => {
  const { root, write } = await site(stage, FILES);
  const server = await stage.server({ root, watch: true });
  const tab = await stage.tab(server.url);
  await tab.waitForFunction(() => globalThis.kipo);
  await tab.fill("#field", "half typ");
  await tab.focus("#field");
  await tab.evaluate(() => {
    globalThis.field = document.querySelector("#field");
    field.setSelectionRange(2, 4);
    document.addEventListener("kipo:sent", ({ target }) => globalThis.seen.push(target.localName));
  });
  const page = (text) => FILES["pages/index.html"].replace(/<section p-part="list">(.*)<\/section>/, `<div p-part="list">$1${text}</div>`);
  const answer = { contentType: "text/html", body: page("<i>fetched</i>").replace("Loads: 0", "Loads: 1") };
  await tab.route(`${server.url}/`, (route) => route.fulfill(answer), { times: 1 });
  await tab.evaluate(() => globalThis.kipo.reloadPart("list"));
  const state = () =>
    tab.evaluate(() => {
      const part = document.querySelector("[p-part=list]");
      return [part.localName, part.querySelector("#count").textContent, part.querySelector("i").textContent, part.contains(field) && field.value];
    });
  assert.deepEqual(await state(), ["div", "Loads: 1", "fetched", "half typ"]);
  assert.deepEqual(
    await tab.evaluate(() => [document.activeElement === field, field.selectionStart, field.selectionEnd, globalThis.seen]),
    [true, 2, 4, ["div"]],
  );
  await write("pages/index.html", page("<i>edited</i>").replace("<h1>Parts</h1>", "<h1>Parts, edited</h1>"));
  await reads(tab, "h1", /edited/);
  assert.deepEqual(await state(), ["div", "Loads: 0", "edited", "half typ"]);
});

scene("an edit shows in a tab with a reloaded part", async (stage) => {
  const { root, write } = await site(stage, FILES);
  const server = await stage.server({ root, watch: true });
  const tab = await stage.tab(server.url);
  await tab.waitForFunction(() => globalThis.kipo);
  const items = (text) => FILES["pages/index.html"].replace("<li>a</li>", text);
  // As if there were more of them now.
  await tab.route(`${server.url}/`, (route) => route.fulfill({ contentType: "text/html", body: items("<li>a</li><li>b</li>") }), { times: 1 });
  await tab.evaluate(() => globalThis.kipo.reloadPart("list"));
  assert.deepEqual(await tab.locator("li").allTextContents(), ["a", "b"]);
  await write("pages/index.html", items("<li>c</li>").replace("<h1>Parts</h1>", "<h1>Parts, edited</h1>"));
  await reads(tab, "h1", /edited/);
  assert.deepEqual(await tab.locator("li").allTextContents(), ["c"]);
});

scene("a part that cannot be loaded gives the reason", async (stage) => {
  const { tab, server } = await open(stage);
  stage.expect(/status of 500/, /ERR_FAILED/);
  const outcome = (name, ms = 10_000) =>
    tab.evaluate(
      ([name, ms]) =>
        globalThis.kipo.reloadPart(name, { signal: AbortSignal.timeout(ms) }).then(
          () => "done",
          (error) => [error instanceof globalThis.kipo.ActionError, error.status, error.code],
        ),
      [name, ms],
    );
  assert.deepEqual(await outcome("nothing"), [true, 404, "missing_part"]);
  await tab.unroute(`${server.url}/`);
  await tab.route(`${server.url}/`, (route) => route.fulfill({ contentType: "text/html", body: "<p>another page" }), { times: 1 });
  assert.deepEqual(await outcome("list"), [true, 404, "missing_part"]);
  await tab.route(`${server.url}/`, (route) => route.fulfill({ status: 500, contentType: "text/html", body: "<p>sorry" }), { times: 1 });
  assert.deepEqual(await outcome("list"), [true, 500, "http_500"]);
  await tab.route(`${server.url}/`, (route) => route.abort(), { times: 1 });
  assert.deepEqual(await outcome("list"), [true, 0, "network"]);
  await tab.route(`${server.url}/`, () => {}, { times: 1 });
  assert.deepEqual(await outcome("list", 100), [false, undefined, 23], "the reason of the signal");
  assert.equal(await outcome("list"), "done");
  assert.equal(await tab.textContent("#count"), "Loads: 0");
});

scene("an action asks for a part, an event, an effect of the app", async (stage) => {
  const { tab } = await open(stage);
  await asks(tab, [{ effect: "reloadPart", name: "list" }, { effect: "dispatchEvent", name: "said", detail: { n: 1 } }, { effect: "toast", text: "Saved" }]);
  assert.equal(await send(tab), "sent");
  await tab.waitForFunction(() => globalThis.seen.length === 2);
  assert.deepEqual(await tab.evaluate(() => globalThis.seen), [{ n: 1 }, "Saved"]);
  assert.equal(await tab.textContent("#count"), "Loads: 1");

  assert.equal(await send(tab, "suppressHelpers"), "sent");
  await tab.waitForTimeout(200);
  assert.equal(await tab.evaluate(() => globalThis.seen.length), 2);
});

scene("an action redirects the page within the site", async (stage) => {
  const { tab, server } = await open(stage);
  stage.expect(/leads to another site/, /status of 409/);
  await asks(tab, [{ effect: "redirect", path: "//other.test/" }, { effect: "toast", text: "after" }]);
  await send(tab);
  await reads(tab, "h1", /Parts/);
  await tab.waitForFunction(() => globalThis.seen.at(-1) === "after");

  // Also if it failed.
  await asks(tab, [{ effect: "redirect", path: "/next?a", replace: true }], { status: 409, body: `{"code":"conflict"}` });
  const before = await tab.evaluate(() => history.length);
  assert.equal(await send(tab), "conflict");
  await tab.waitForURL(`${server.url}/next?a`);
  assert.equal(await tab.evaluate(() => history.length), before);
});
