// Every page for people who do not see it, or have no pointer: the rules of axe, the keyboard, and what is announced.

import assert from "node:assert/strict";
import { listen, violations } from "./axe.js";
import { Copy } from "./edits/copy.js";
import { open } from "./forms-page.js";
import { invalid } from "./forms-server.js";
import { join, part, reads, say, scene, settled } from "./stage.js";

const REFUSED = /the server responded with a status of (404|413|422|429|500)/;

/** A page whose template fails when it renders. */
const BROKEN = "{% extends \"_layout.html\" %}\n{% block main %}{{ path / 2 }}{% endblock %}\n";

/** Chooses a file that is made in the page: a large one takes the driver seconds to pass. */
async function choose(page, name, size) {
  await page.evaluate(
    ([name, size]) => {
      const input = document.querySelector("#file-input");
      const files = new DataTransfer();
      files.items.add(new File([new Uint8Array(size)], name, { type: "video/mp4" }));
      input.files = files.files;
      input.dispatchEvent(new Event("change"));
    },
    [name, size],
  );
}

/** Sends the form without the checks of the browser. */
const sendUnchecked = (page) => page.evaluate(() => (document.querySelector("#contact-form").noValidate = true)).then(() => page.click("#contact-form button"));

const post = (page) => Promise.all([page.waitForNavigation(), page.evaluate(() => HTMLFormElement.prototype.submit.call(document.querySelector("#contact-form")))]);

async function fillContact(page) {
  for (const [name, text] of [["name", "Ann"], ["email", "ann@example.org"], ["message", "Hello"]]) await page.fill(`#${name}`, text);
}

/** Returns the rules that the page breaks, and whether it scrolls sideways. */
async function problems(page) {
  const isTooWide = await page.evaluate(() => document.scrollingElement.scrollWidth > innerWidth);
  return [...(await violations(page)), ...(isTooWide ? ["scrolls sideways"] : [])];
}

/** What a page shows after some steps. Each state begins with its page. */
const STATES = [
  ["the chat", "/"],
  ["the chat with a name that is missing", "/", (page) => page.click(".login-row button").then(() => reads(page, part("username_error"), /./))],
  ["the room of the chat", "/", async (page) => {
    await join(page, "Ada");
    await say(page, "hello");
    await page.waitForSelector("[data-own='yes']");
    // The stream may bring the message before the answer.
    await settled(page);
    await page.click(part("send_btn"));
    await reads(page, part("message_error"), /./);
  }],
  ["the rooms", "/rooms"],
  ["the rooms with a name that is none", "/rooms", (page) => page.fill("#room", "a/b").then(() => page.click(".make button")).then(() => reads(page, part("make_error"), /./))],
  ["a room", "/rooms/Tea"],
  ["a room that nobody has made", "/rooms/Nobody"],
  ["a room that cannot be", `/rooms/${"N".repeat(60)}`],
  ["progress", "/progress"],
  ["progress that is complete", "/progress", (page) => page.click("#start-btn").then(() => reads(page, part("status"), /complete/))],
  ["the rate limit", "/limited", (page) => page.click("#test-btn").then(() => reads(page, part("result"), /rate_limited/))],
  ["the cached call", "/cached", (page) => page.click("#test-btn").then(() => reads(page, part("result"), /cache/))],
  ["the contact form", "/contact"],
  ["the contact form with its errors", "/contact", (page) => sendUnchecked(page).then(() => page.waitForSelector("[aria-invalid=true]"))],
  ["the contact form with the errors of the server's page", "/contact", post],
  ["the contact form with its result", "/contact", (page) => fillContact(page).then(() => page.click("#contact-form button")).then(() => reads(page, part("result_name"), /Ann/))],
  ["the contact form after a post", "/contact", (page) => fillContact(page).then(() => post(page))],
  ["upload", "/upload"],
  ["upload of a file", "/upload", (page) => choose(page, "a.bin", 1000).then(() => page.click("#upload-btn:enabled")).then(() => reads(page, ".status", /arrived/))],
  ["upload of a file that is too large", "/upload", async (page) => {
    await choose(page, `${"film".repeat(20)}.mp4`, (20 << 20) + 1);
    await page.click("#upload-btn:enabled");
    await page.waitForFunction(() => document.querySelector(".status").dataset.state === "refused", null, { timeout: 60_000 });
  }],
  ["a page that is not there", "/no-such-page"],
  ["a page that fails", "/broken"],
];

for (const [colorScheme, width] of [["light", 1000], ["dark", 320]]) {
  scene(`axe finds nothing on any page, and a screen reader misses no change, ${colorScheme} and ${width} px wide`, async (stage) => {
    stage.expect(REFUSED);
    const copy = await Copy.ofPages(stage);
    await copy.write("pages/broken.html", BROKEN);
    const server = await stage.server({ root: copy.root });
    await server.post("rooms.Create", { room: "Tea" });
    await server.post("rooms.Send", { room: "Tea", username: "Ben", message: "hello" });
    await server.enter("Tea", "Ben");
    const page = await (await stage.profile({ viewport: { width, height: 700 }, colorScheme, reducedMotion: "reduce" })).newPage();
    const found = [];
    const { heard } = await listen(page);
    for (const [name, path, act] of STATES) {
      await page.goto(server.url + path);
      await page.waitForSelector("#app");
      await act?.(page);
      const missed = (await heard()).filter((each) => each.startsWith("missed"));
      found.push(...[...missed, ...(await problems(page))].map((problem) => `${name}: ${problem}`));
      await page.evaluate(() => sessionStorage.clear());
    }
    await page.goto(`${server.url}/rooms/Tea`);
    if (await page.isVisible(".people-open")) {
      await page.click(".people-open");
      found.push(...(await problems(page)));
    }
    assert.deepEqual(found, []);
  });
}

scene("axe finds nothing in the panel, in the errors of development, and in toasts and dialogs", async (stage) => {
  stage.expect(REFUSED, /math operations/);
  const copy = await Copy.ofPages(stage);
  await copy.write("pages/broken.html", BROKEN);
  const server = await stage.server({ root: copy.root, watch: true });
  const page = await stage.tab(`${server.url}/contact`);
  const found = [];
  await page.keyboard.press("Alt+Shift+K");
  for (const tab of await page.locator("kipo-panel [role=tab]").all()) {
    await tab.click();
    await page.locator("kipo-panel [role=tabpanel] :not(:empty)").first().waitFor();
    found.push(...(await problems(page)));
  }
  await page.keyboard.press("Alt+Shift+K");
  await page.goto(`${server.url}/broken`);
  await page.locator("kipo-error .errors").waitFor();
  found.push(...(await problems(page)));

  const { tab } = await small(stage, `<dialog p-ref="edit" aria-label="Edit"><form p-action="a.Save"><button>Save</button></form></dialog><form p-action="a.Open"><button>Open</button></form>`, {
    "a.Open": () => ({ body: null, effects: [{ effect: "toast", text: "Opened" }, { effect: "openModal", name: "edit" }] }),
    "a.Save": () => ({ body: null, effects: [{ effect: "toast", text: "Not saved", level: "error", undo: { action: "a.Undo" } }] }),
  });
  await tab.click("main > form button");
  await tab.locator("dialog:modal").waitFor();
  found.push(...(await problems(tab)));
  await tab.click("dialog button");
  await tab.locator("dialog .kipo-toast").waitFor();
  found.push(...(await problems(tab)));
  assert.deepEqual(found, []);
  await tab.evaluate(() => document.querySelector("dialog").append(document.createElement("img")));
  assert.match((await violations(tab)).join(), /^image-alt /, "a fault is found");
});

/** Opens a page with these elements, whose actions answer as given. */
const small = (stage, body, actions) => open(stage, `<main><h1>Cards</h1>${body}</main>`, actions);

/** Presses Tab until an element has the focus. */
async function tabTo(page, selector) {
  const isThere = () => page.evaluate((selector) => document.activeElement?.matches(selector), selector);
  for (let times = 0; times < 20 && !(await isThere()); times += 1) await page.keyboard.press("Tab");
  assert.ok(await isThere(), `Tab reaches ${selector}`);
}

const focused = (page) => page.evaluate(() => document.activeElement?.id);

scene("the contact form is used by keyboard alone, and a screen reader announces what is wrong and what was sent", async (stage) => {
  stage.expect(REFUSED);
  const { url } = await stage.server();
  const page = await stage.tab(`${url}/contact`);
  const { heard } = await listen(page);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  assert.equal(await focused(page), "app", "the skip link leads to the content");
  await page.keyboard.press("Tab");
  assert.equal(await focused(page), "name");
  await page.keyboard.type("Ann");

  // The server refuses what the browser does not check.
  await page.evaluate(() => (document.querySelector("#contact-form").noValidate = true));
  await page.keyboard.press("Tab");
  await page.keyboard.type("ann@-x.org");
  await tabTo(page, "#contact-form button");
  await heard();
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.activeElement?.id === "email");
  assert.deepEqual(await heard(), ["focus: Email, invalid, must be an email address"]);
  // The focus is already in the wrong field.
  await page.keyboard.press("Enter");
  await page.waitForSelector("[p-error=email][role=alert]");
  assert.deepEqual(await heard(), ["alert: must be an email address"]);
  await page.keyboard.press("Tab");
  assert.deepEqual(await heard(), ["focus: Message, invalid, must have 1 to 2000 characters"]);
  await page.keyboard.type("Hello");
  assert.equal(await page.getAttribute("#message", "aria-invalid"), null);
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.type("ann@example.org");
  assert.deepEqual([await page.getAttribute("#email", "aria-invalid"), await page.locator("[p-error][role=alert]").count()], [null, 1], "of the form alone");
  await tabTo(page, "#contact-form button");
  await heard();
  await page.keyboard.press("Space");
  await reads(page, part("result_name"), /^Ann$/);
  assert.deepEqual(await heard(), ["status: Sent Name Ann Email ann@example.org Message Hello"]);
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), "Send", "the focus stays");
});

scene("the page that answers a form without the client announces what is wrong, and what was sent", async (stage) => {
  stage.expect(REFUSED);
  const { url } = await stage.server();
  const page = await stage.tab(`${url}/contact`);
  const { heard } = await listen(page);
  const hasFocus = () => page.waitForFunction(() => document.activeElement !== document.body);
  await post(page);
  await hasFocus();
  assert.deepEqual(await heard(), ["focus: Name, invalid, must have 1 to 60 characters"]);
  await fillContact(page);
  await post(page);
  await hasFocus();
  assert.deepEqual(await heard(), ["focus: Your message was sent."]);
});

scene("an error of a form as a whole is announced, also to a user who has gone elsewhere", async (stage) => {
  stage.expect(/status of (403|422)/);
  const { server, tab } = await small(stage, `<form p-action="a.B"><label>Name <input name="name"></label><button>Go</button></form><input id="search" aria-label="Search">`, {
    "a.B": () => ({ status: 403, body: { status: 403, code: "forbidden", detail: "the list is closed" } }),
  });
  const { heard } = await listen(tab);
  await tab.click("button");
  await tab.locator("[p-error='']").waitFor();
  assert.deepEqual(await heard(), ["focus: Go", "alert: the list is closed"]);

  let answer;
  server.actions["a.B"] = () => new Promise((resolve) => (answer = () => resolve(invalid({ name: ["is taken"] }))));
  const request = tab.waitForRequest(/a\.B/);
  await tab.click("button");
  await request;
  await tab.click("#search");
  await heard();
  while (answer === undefined) await new Promise((resolve) => setImmediate(resolve));
  answer();
  await tab.locator("[p-error=name]").waitFor();
  assert.deepEqual(await heard(), ["alert: is taken"]);
  assert.equal(await focused(tab), "search");
});

scene("a toast is announced once, and its undo is reached by keyboard and gives the focus back", async (stage) => {
  let number = 0;
  const { server, tab } = await small(stage, `<form p-action="a.Delete"><button id="delete">Delete</button></form>`, {
    "a.Delete": () => ({ body: null, effects: [{ effect: "toast", text: `Deleted card ${(number += 1)}`, undo: { action: "a.Restore" } }] }),
    "a.Restore": () => ({ body: null, effects: [{ effect: "toast", text: "The card is back" }] }),
  });
  const { heard } = await listen(tab);
  await tabTo(tab, "#delete");
  await heard();
  await tab.keyboard.press("Enter");
  await tab.locator(".kipo-toast").first().waitFor();
  await tab.keyboard.press("Enter");
  await tab.locator(".kipo-toast").nth(1).waitFor();
  assert.deepEqual(await heard(), ["status: Deleted card 1 Undo", "status: Deleted card 2 Undo"]);
  await tabTo(tab, ".kipo-toast button");
  assert.deepEqual(await heard(), ["focus: Undo"]);
  await tab.keyboard.press("Enter");
  await tab.locator(".kipo-toast", { hasText: "back" }).waitFor();
  assert.deepEqual(await heard(), ["focus: Delete", "status: The card is back"]);
  assert.equal(server.calls.at(-1).name, "a.Restore");
});

scene("a file is sent by keyboard alone, and its progress is announced at each quarter", async (stage) => {
  stage.expect(REFUSED);
  const { url } = await stage.server();
  const page = await stage.tab(`${url}/upload`);
  // The driver catches choosers from here on.
  const chosen = page.waitForEvent("filechooser");
  const { heard } = await listen(page);
  await tabTo(page, "#file-input");
  await page.keyboard.press("Enter");
  await (await chosen).setFiles({ name: "film.mp4", mimeType: "application/octet-stream", buffer: Buffer.alloc(2 << 20) });
  await tabTo(page, "#upload-btn");
  await heard();
  const network = await page.context().newCDPSession(page);
  await network.send("Network.enable");
  await network.send("Network.emulateNetworkConditions", { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 1 << 20 });
  await page.evaluate(() => {
    globalThis.values = new Set();
    new MutationObserver(() => globalThis.values.add(document.querySelector("progress").value)).observe(document.querySelector("progress"), { attributes: true });
  });
  await page.keyboard.press("Enter");
  await reads(page, ".status", /arrived/);
  const announced = await heard();
  const quarters = ["status: Sending film.mp4 …", ...[25, 50, 75].map((percent) => `status: Sending film.mp4: ${percent} %`)];
  // A busy browser may report no byte for more than a quarter.
  assert.deepEqual(announced.slice(0, -1), quarters.filter((each) => announced.includes(each)));
  assert.ok(announced.length > 2, announced.join());
  assert.match(announced.at(-1), /^status: film\.mp4 arrived: 2097152 bytes/);
  // The bar shows what the server has acknowledged: 256 KB, and then larger parts.
  const steps = await page.evaluate(() => [...globalThis.values]);
  assert.ok(steps.some((value) => value > 0 && value < 0.25) && steps.length > 3, `the bar has more steps: ${steps}`);
  assert.equal(await focused(page), "upload-btn");

  await network.send("Network.emulateNetworkConditions", { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: -1 });
  await choose(page, "film.mp4", (20 << 20) + 1);
  await page.keyboard.press("Enter");
  page.setDefaultTimeout(60_000);
  await page.waitForSelector("#file-input[aria-invalid=true]");
  assert.equal((await heard()).at(-1), "status: The file must be at most 20 MB.");
  await page.keyboard.press("Shift+Tab");
  assert.deepEqual(await heard(), ["focus: File, invalid, The file must be at most 20 MB."]);
});
