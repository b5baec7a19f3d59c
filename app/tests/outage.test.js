// The chat while the connection to the server fails.

import assert from "node:assert/strict";
import { setTimeout as pass } from "node:timers/promises";
import { AWAY, holds, part, reads, say, scene, state } from "./stage.js";

const LISTEN = "/_kipo/actions/chat.Listen";

/** Longer than the longest pause between two attempts of the chat page. */
const COMEBACK_MS = 20_000;

scene("a connection cut in the middle of a frame: each message once, in order", async (stage) => {
  stage.expect(...AWAY);
  const server = await stage.server();
  const proxy = await stage.proxy(server.url);
  const said = ["before"];
  await server.say("Ada", "before");
  const page = await stage.chat(proxy.url, "Grace");
  await holds(page, said);

  const cut = proxy.cutAfter(60, LISTEN);
  said.push("torn, and long enough that the cut falls within its data and not behind it");
  await server.say("Ada", said.at(-1));
  const torn = await cut;
  assert.match(torn, /event: chat\ndata: \{/);
  assert.doesNotMatch(torn, /\n\n/, "the frame is not complete");
  await state(page, "reconnecting");
  for (let n = 1; n <= 10; n += 1) {
    said.push(`meanwhile ${n}`);
    await server.say("Ada", said.at(-1));
  }
  assert.equal(await page.locator(".msg-text").count(), 1, "half of a frame shows nothing");
  await proxy.pass();
  await holds(page, said, COMEBACK_MS);
  await state(page, "connected");
  await say(page, "after");
  await holds(page, [...said, "after"]);
  assert.equal(await page.locator(".mark[data-kind='gap']").count(), 0, "nothing is missing");
});

scene("the server is away for 10 s, refuses and answers 502: the tab reconnects by itself", async (stage) => {
  stage.expect(...AWAY);
  const server = await stage.server();
  const proxy = await stage.proxy(server.url);
  const said = ["before"];
  await server.say("Ada", "before");
  const page = await stage.chat(proxy.url, "Grace");
  await holds(page, said);

  // The claim is about time: 10 s without a server, absent in three ways.
  await proxy.answer502();
  await state(page, "reconnecting");
  await pass(3500);
  await proxy.refuse();
  said.push("while away");
  await server.say("Ada", said.at(-1));
  await pass(3500);
  await proxy.answer502();
  await pass(3000);
  assert.equal(await page.textContent(part("connection_state")), "reconnecting");
  assert.ok(proxy.turnedAway > 0, "it tried, and was answered with 502");

  await proxy.pass();
  await state(page, "connected", COMEBACK_MS);
  await holds(page, said);
  await say(page, "after");
  await holds(page, [...said, "after"]);
});

scene("a message that could not be sent stays in the field", async (stage) => {
  stage.expect(...AWAY);
  const server = await stage.server();
  const proxy = await stage.proxy(server.url);
  const page = await stage.chat(proxy.url, "Ada");
  await proxy.refuse();
  await say(page, "worth keeping");
  await reads(page, part("message_error"), /cannot be reached.*still here/);
  assert.equal(await page.inputValue(part("message_input")), "worth keeping");
  await proxy.answer502();
  await page.click(part("send_btn"));
  await reads(page, part("message_error"), /not available/);
  assert.equal(await page.inputValue(part("message_input")), "worth keeping");

  await proxy.pass();
  await state(page, "connected", COMEBACK_MS);
  await reads(page, part("send_note"), /^Not sent yet$/);
  await reads(page, part("message_error"), /^$/);
  await page.click(part("send_btn"));
  await holds(page, ["worth keeping"]);
  assert.equal(await page.inputValue(part("message_input")), "");
});

scene("the page shows how many messages it missed that the room no longer retains", async (stage) => {
  stage.expect(...AWAY);
  const server = await stage.server();
  const proxy = await stage.proxy(server.url);
  await server.say("Ada", "before");
  const page = await stage.chat(proxy.url, "Grace");
  await holds(page, ["before"]);
  await proxy.refuse();
  await state(page, "reconnecting");
  const said = Array.from({ length: 130 }, (_, n) => `meanwhile ${n + 1}`);
  for (const text of said) await server.say("Ada", text);
  await proxy.pass();
  await holds(page, ["before", ...said.slice(-100)], COMEBACK_MS);
  const lines = await page.locator("[p-ref='messages'] > li").allTextContents();
  assert.equal(lines[1], "You missed 30 messages while away: the room keeps only its last ones.");
});

scene("the page shows that another generation of the room has begun", async (stage) => {
  stage.expect(...AWAY);
  const first = await stage.server();
  const proxy = await stage.proxy(first.url);
  await first.say("Ada", "in the first room");
  const page = await stage.chat(proxy.url, "Grace", await stage.steadyProfile());
  await holds(page, ["in the first room"]);

  const second = await stage.server();
  await second.say("Ada", "in the second room");
  proxy.target = second.url;
  await first.stop();
  await holds(page, ["in the first room", "in the second room"], COMEBACK_MS);
  const lines = await page.locator("[p-ref='messages'] > li").allTextContents();
  assert.match(lines[1], /began anew/);
  await state(page, "connected");
});

scene("a run that loses its connection shows that, and can be started again", async (stage) => {
  stage.expect(...AWAY);
  const server = await stage.server();
  const proxy = await stage.proxy(server.url);
  const page = await stage.tab(`${proxy.url}/progress`);
  await page.click("#start-btn");
  await page.waitForSelector(".step[data-state='done']");
  await proxy.refuse();
  await reads(page, part("status"), /^failed$/);
  await reads(page, part("run_error"), /cannot be reached/);
  await proxy.pass();
  await page.click("#start-btn");
  await reads(page, part("status"), /^complete$/);
  await reads(page, part("run_error"), /^$/);
});
