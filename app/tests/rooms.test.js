// The rooms as people use them: the list, a room in several tabs, names that are no names.

import assert from "node:assert/strict";
import { getPath } from "./request.js";
import { AWAY, holds, part, reads, say, scene, state, texts } from "./stage.js";

/** Makes a room without a page, and returns its path. */
async function make(server, room) {
  const { status, body } = await server.post("rooms.Create", { room });
  assert.equal(status, 200, JSON.stringify(body));
  return body.address;
}

/** Sends a message without a page. */
async function sayIn(server, room, username, message) {
  const { status, body } = await server.post("rooms.Send", { room, username, message });
  assert.equal(status, 200, JSON.stringify(body));
  return body.id;
}

/** Opens a room in a tab of a profile, with a name. */
async function enter(profile, url, name) {
  const page = await profile.newPage();
  await page.goto(url);
  await state(page, "connected");
  if (await page.isVisible(part("username_input"))) {
    await page.fill(part("username_input"), name);
    await page.click(`${part("join_form")} button`);
  }
  return page;
}

const names = (page) => page.locator(".room-link bdi").allTextContents();

scene("a room is made in the list, and two tabs talk in it", async (stage) => {
  const server = await stage.server();
  const profile = await stage.profile();
  const page = await profile.newPage();
  await page.goto(`${server.url}/rooms`);
  await reads(page, ".no-rooms", /There are no rooms yet/);
  await page.fill(part("room_input"), "  Tea & biscuits? ");
  await page.press(part("room_input"), "Enter");
  await page.waitForURL(`${server.url}/rooms/Tea%20%26%20biscuits%3F`);
  await reads(page, "h1", /^Tea & biscuits\?$/);
  assert.equal(await page.title(), "Tea & biscuits? · Kipo");
  await reads(page, ".mark", /^The room was made on /);
  assert.ok(await page.isVisible(part("empty_note")));

  const [ada, grace] = [await enter(profile, page.url(), "Ada"), await enter(profile, page.url(), "Grace")];
  await say(ada, "hello");
  for (const tab of [ada, grace, page]) await holds(tab, ["hello"]);
  await say(grace, "good morning");
  const said = ["hello", "good morning"];
  for (const tab of [ada, grace, page]) await holds(tab, said);
  assert.ok(await ada.isHidden(part("empty_note")));
  await ada.waitForFunction(() => document.querySelector("[data-own='yes'] .msg-text")?.textContent === "hello");
  assert.equal(await page.locator("[data-own='yes']").count(), 0);

  // A reload has the messages from the server, and knows its own ones.
  await ada.waitForFunction(() => sessionStorage.getItem("chat.sent/Tea & biscuits?"));
  await ada.reload();
  await state(ada, "connected");
  await holds(ada, said);
  assert.deepEqual(await ada.locator("[data-own='yes'] .msg-text").allTextContents(), ["hello"]);
  await say(ada, "again");
  for (const tab of [ada, grace, page]) await holds(tab, [...said, "again"]);

  await page.click(".back");
  await page.waitForSelector(".room-list");
  assert.deepEqual(await names(page), ["Tea & biscuits?"]);
  // A name that is taken leads to its room.
  await page.fill(part("room_input"), "Tea & biscuits?");
  await page.click(`${part("make_form")} button`);
  await page.waitForURL(/\/rooms\/Tea/);
  await holds(page, [...said, "again"]);
});

scene("messages of one room are in no other, nor in the chat", async (stage) => {
  const server = await stage.server();
  const profile = await stage.profile();
  const [one, two] = [await make(server, "one"), await make(server, "two")];
  const tabs = [await enter(profile, server.url + one, "Ada"), await enter(profile, server.url + two, "Ada")];
  const chat = await stage.chat(server.url, "Ada", profile);
  await sayIn(server, "one", "Eve", "in one");
  await sayIn(server, "two", "Eve", "in two");
  await server.say("Eve", "in the chat");
  await holds(tabs[0], ["in one"]);
  await holds(tabs[1], ["in two"]);
  await holds(chat, ["in the chat"]);
});

/** Opens a room, and runs `meanwhile` when the server has rendered the page and before its stream begins. */
async function openSlowly(stage, url, meanwhile) {
  const page = await (await stage.profile()).newPage();
  const streams = [];
  page.on("request", (request) => request.url().endsWith("/rooms.Listen") && streams.push(request));
  await page.route("**/rooms.Listen", async (route) => {
    await meanwhile(page);
    await route.continue();
  }, { times: 1 });
  await page.goto(url);
  await state(page, "connected");
  return { page, streams };
}

scene("a message between the page and its stream is shown once", async (stage) => {
  const server = await stage.server();
  const path = await make(server, "between");
  const before = await sayIn(server, "between", "Ada", "before");
  const { page, streams } = await openSlowly(stage, server.url + path, async (page) => {
    await holds(page, ["before"]);
    await sayIn(server, "between", "Ada", "between");
  });
  await holds(page, ["before", "between"]);
  await sayIn(server, "between", "Ada", "after");
  await holds(page, ["before", "between", "after"]);
  const sent = streams[0].headers()["kipo-position"];
  assert.equal(sent, await page.locator("meta[name=kipo-position]").getAttribute("content"));
  // Base64 of the topic (two bytes), its generation (one), the number of the message, and the fingerprint.
  const number = Buffer.from(sent.replaceAll(".", "+").replaceAll("_", "/"), "base64")[3];
  assert.equal(String(number), before.split("-")[1], "the stream starts after the rendered messages");
});

scene("messages between the page and its stream that are not retained any more are a gap", async (stage) => {
  const server = await stage.server();
  const path = await make(server, "busy");
  await sayIn(server, "busy", "Ada", "before");
  const many = Array.from({ length: 150 }, (_, n) => `message ${n}`);
  const { page } = await openSlowly(stage, server.url + path, async () => {
    for (const text of many) await sayIn(server, "busy", "Ada", text);
  });
  await holds(page, ["before", ...many.slice(50)]);
  await reads(page, ".mark[data-kind='gap']", /^You missed 50 messages while away/);
});

scene("a stream that has failed goes on after its last message", async (stage) => {
  stage.expect(/the server responded with a status of 403/);
  const server = await stage.server();
  const path = await make(server, "failed");
  await sayIn(server, "failed", "Ada", "before");
  const page = await (await stage.profile()).newPage();
  const problem = JSON.stringify({ status: 403, code: "forbidden", detail: "not now" });
  await page.route("**/rooms.Listen", (route) => route.fulfill({ status: 403, contentType: "application/problem+json", body: problem }), { times: 1 });
  await page.goto(server.url + path);
  await reads(page, part("room_error"), /^Not now\. Try again$/);
  await state(page, "disconnected");
  await sayIn(server, "failed", "Ada", "meanwhile");
  await page.click("text=Try again");
  await state(page, "connected");
  await holds(page, ["before", "meanwhile"]);
  await reads(page, part("room_error"), /^$/);
});

scene("a room is read without JavaScript", async (stage) => {
  const server = await stage.server();
  const path = await make(server, "plain");
  const long = Array.from({ length: 30 }, (_, n) => `message ${n}`);
  for (const text of long) await sayIn(server, "plain", "<b>Eve</b>", text);
  const page = await stage.tab(`${server.url}/rooms`, { javaScriptEnabled: false });
  await page.click("text=plain");
  assert.equal(page.url(), server.url + path);
  assert.deepEqual(await texts(page), long);
  assert.equal(await page.locator(".msg-name").first().textContent(), "<b>Eve</b>");
  assert.equal(await page.locator(".feed b").count(), 0);
  assert.ok(await page.locator(".msg").last().isVisible());
  const [last, feed] = [await page.locator(".msg").last().boundingBox(), await page.locator(".feed").boundingBox()];
  assert.ok(last.y + last.height <= feed.y + feed.height, "the feed shows its end");
  await reads(page, "noscript", /Writing needs JavaScript/);
  for (const form of ["join_form", "send_form", "badge"]) assert.ok(await page.isHidden(part(form)), form);
  assert.match(await page.locator(".msg-time").first().textContent(), /^\d+ [A-Z][a-z]{2}, \d\d:\d\d UTC$/);
});

scene("a room that is not there is a 404 that offers to make it", async (stage) => {
  stage.expect(/the server responded with a status of 404/);
  const server = await stage.server();
  const page = await stage.tab(`${server.url}/rooms/%D7%A9%D7%9C%D7%95%D7%9D%20%22x%22`);
  await reads(page, "h1", /^There is no room “שלום "x"” yet$/);
  assert.equal((await fetch(page.url())).status, 404);
  assert.deepEqual((await server.post("rooms.List", {})).body, { rooms: [], has_more: false }, "to look makes no room");
  for (const [action, input] of [["rooms.Send", { room: "no", username: "Ada", message: "x" }], ["rooms.Listen", { room: "no" }]]) {
    const response = await fetch(`${server.url}/_kipo/actions/${action}`, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json, text/event-stream" },
      body: JSON.stringify(input),
    });
    assert.match(await response.text(), /"code":"not_found"/, action);
  }
  await page.click("text=Make this room");
  await page.waitForSelector(part("room_view"));
  await reads(page, "h1", /^שלום "x"$/);
  await state(page, "connected");
});

/** Names that a room can have, with the segment of its path. */
const GOOD = [
  ["a", "a"],
  ["é".repeat(40), "%C3%A9".repeat(40)],
  ["🦀".repeat(32), "%F0%9F%A6%80".repeat(32)],
  ["%2F", "%252F"],
  ["a?b#c&d=e+f", "a%3Fb%23c%26d%3De%2Bf"],
  ["...", "..."],
  ["<script>", "%3Cscript%3E"],
  ["\u202eabc", "%E2%80%AEabc"],
  ["index", "index"],
];

/** Names that no room can have. */
const BAD = ["", " ", "a".repeat(41), "🦀".repeat(33), "a\0b", "a\nb", "\u007f", "\u200b", "/", "a/b", "a\\b", ".", "..", "../a"];

scene("every name that is a name works, by form and by address", async (stage) => {
  const server = await stage.server();
  const page = await stage.tab(`${server.url}/rooms`);
  for (const [name, segment] of GOOD) {
    await page.goto(`${server.url}/rooms`);
    await page.fill(part("room_input"), name);
    await page.press(part("room_input"), "Enter");
    await page.waitForURL((url) => url.pathname === `/rooms/${segment}`);
    assert.equal(await page.locator("h1").textContent(), name);
    await state(page, "connected");
  }
  await page.goto(`${server.url}/rooms`);
  assert.deepEqual((await names(page)).sort(), GOOD.map(([name]) => name).sort());
  for (const [name, segment] of GOOD) {
    const link = page.locator(".room-link", { hasText: name === "a" ? /^\s*a\s+a\s*$/ : name }).first();
    assert.equal(await link.getAttribute("href"), `/rooms/${segment}`, name);
  }
});

scene("a name that is none is refused, by form, by action and by address", async (stage) => {
  stage.expect(/the server responded with a status of (404|422)/);
  const server = await stage.server();
  for (const room of BAD) {
    const { status, body } = await server.post("rooms.Create", { room });
    assert.equal(status, 422, JSON.stringify(room));
    assert.deepEqual(Object.keys(body.errors), ["room"], JSON.stringify(room));
  }
  for (const segment of ["a".repeat(41), "%F0%9F%A6%80".repeat(33), "%20", "%20a", "a%00b", "a%0Ab", "%E2%80%8B", "a%2Fb", "%2F", "a%5Cb", "%2E%2E", "..%2F..", "%ff", "%2E"]) {
    const { status, text } = await getPath(server.url, `/rooms/${segment}`);
    assert.equal(status, 404, segment);
    assert.doesNotMatch(text, /Make this room/, segment);
  }
  assert.deepEqual((await server.post("rooms.List", {})).body.rooms, []);

  const page = await stage.tab(`${server.url}/rooms`);
  const submit = async (name) => {
    await page.fill(part("room_input"), name);
    await page.press(part("room_input"), "Enter");
  };
  for (const [name, why] of [
    ["", /^Give the room a name first\.$/],
    [" \u00a0", /^Give the room a name first\.$/],
    ["a".repeat(41), /^A name has at most 40 characters; this one has 41\.$/],
    ["a/b", /^The name must not contain slashes\.$/],
    ["..", /^The name must not be one or two dots\.$/],
    ["a\u0007", /^The name must not contain control characters\.$/],
    ["\u200b", /^The name must not be blank\.$/],
    ["🦀".repeat(33), /^The name must have at most 128 bytes\.$/],
  ]) {
    await submit(name);
    await reads(page, part("make_error"), why);
    assert.equal(await page.getAttribute(part("room_input"), "aria-invalid"), "true");
    assert.equal(new URL(page.url()).pathname, "/rooms");
  }
  await page.goto(`${server.url}/rooms/${"a".repeat(41)}`);
  await reads(page, "h1", /^No room can have this name$/);
});

scene("a thousand rooms are pages of a hundred, and are found by how they begin", async (stage) => {
  const server = await stage.server();
  const all = Array.from({ length: 1000 }, (_, n) => `${n < 150 ? "Tea" : "Room"} ${String(n).padStart(4, "0")}`).sort();
  for (let n = 0; n < all.length; n += 50) await Promise.all(all.slice(n, n + 50).map((room) => make(server, room)));
  const page = await stage.tab(`${server.url}/rooms`);
  const seen = await names(page);
  assert.equal(seen.length, 100);
  for (let n = 2; n <= 10; n += 1) {
    await page.click("[rel='next']");
    await page.waitForFunction((last) => !document.body.textContent.includes(last), seen.at(-1));
    seen.push(...(await names(page)));
  }
  assert.deepEqual(seen, all);
  assert.equal(await page.locator("[rel='next']").count(), 0);
  await page.click("text=from the first");
  await page.fill("#begins", "Tea ");
  await page.press("#begins", "Enter");
  await page.waitForURL(/begins=Tea/);
  assert.deepEqual(await names(page), all.filter((name) => name.startsWith("Tea")).slice(0, 100));
  await page.click("[rel='next']");
  await page.waitForURL(/after=/);
  assert.equal((await names(page)).length, 50);
  await page.goto(`${server.url}/rooms?begins=nothing`);
  await reads(page, ".no-rooms", /There is no such room/);
});

scene("a list that comes to the front shows the rooms that others have made", async (stage) => {
  const server = await stage.server();
  const page = await stage.tab(`${server.url}/rooms`);
  await make(server, "new");
  await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  await page.waitForSelector(".room-link");
  assert.deepEqual(await names(page), ["new"]);
});

scene("a room survives a restart, and its tabs go on", async (stage) => {
  stage.expect(...AWAY);
  const data = await stage.data();
  const server = await stage.server({ data });
  const path = await make(server, "lasting");
  const page = await enter(await stage.steadyProfile(), server.url + path, "Ada");
  await say(page, "before");
  await holds(page, ["before"]);
  await server.kill();
  await state(page, "reconnecting");
  await say(page, "meanwhile");
  const next = await stage.server({ data, port: Number(new URL(server.url).port) });
  await state(page, "connected", 20_000);
  // The page sends it again for a few seconds. If the restart took longer, the text is back in the field.
  await page.waitForFunction(([field, form]) => document.querySelector(field).value || document.querySelector(form).ariaBusy !== "true", [part("message_input"), part("send_form")]);
  if (await page.inputValue(part("message_input"))) await page.click(part("send_btn"));
  await holds(page, ["before", "meanwhile"]);
  await sayIn(next, "lasting", "Grace", "after");
  await holds(page, ["before", "meanwhile", "after"]);
  assert.deepEqual((await next.post("rooms.List", {})).body.rooms, ["lasting"]);
});

scene("a reader needs a name to write, and can change it", async (stage) => {
  const server = await stage.server();
  const path = await make(server, "names");
  const page = await stage.tab(server.url + path);
  assert.ok(await page.isHidden(part("send_form")));
  await page.click(`${part("join_form")} button`);
  await reads(page, part("username_error"), /Say who you are/);
  await page.keyboard.type("Ada");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement?.id), "message");
  await page.keyboard.type("one");
  await page.keyboard.press("Enter");
  await holds(page, ["one"]);
  await page.click(part("leave_btn"));
  assert.equal(await page.evaluate(() => document.activeElement?.id), "username");
  assert.equal(await page.inputValue(part("username_input")), "Ada");
  await page.fill(part("username_input"), "Grace");
  await page.keyboard.press("Enter");
  await say(page, "two");
  await holds(page, ["one", "two"]);
  const { text } = await getPath(server.url, path);
  assert.deepEqual([...text.matchAll(/class="msg-name">([^<]*)/g)].map(([, name]) => name), ["Ada", "Grace"]);
});
