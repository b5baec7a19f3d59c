// A message that is sent again is published once.

import assert from "node:assert/strict";
import { until } from "./edits/until.js";
import { AWAY, holds, part, reads, say, scene, state } from "./stage.js";

const SEND = "/_kipo/actions/chat.Send";

/** Longer than the longest pause between two attempts of the chat page. */
const COMEBACK_MS = 20_000;

scene("the answer to a send is cut off: the message is sent again and published once", async (stage) => {
  stage.expect(...AWAY);
  const server = await stage.server();
  const proxy = await stage.proxy(server.url);
  const page = await stage.chat(proxy.url, "Ada");

  for (const [index, bytes] of [0, 40].entries()) {
    const cut = proxy.cutAfter(bytes, SEND);
    await say(page, `message ${index}`);
    await cut;
    await proxy.pass();
    await reads(page, part("send_note"), /^$/);
    await state(page, "connected", COMEBACK_MS);
  }
  await holds(page, ["message 0", "message 1"], COMEBACK_MS);
  await page.waitForFunction(() => document.querySelectorAll("[data-own='yes']").length === 2);
  assert.equal(await page.inputValue(part("message_input")), "", "the field is empty: the message was sent");
  // The proxy counts, because a browser repeats a request by itself when an idle connection closes without an answer.
  const keys = () => proxy.asked.filter(({ path }) => path === SEND).map(({ head }) => /^idempotency-key: (.+)\r$/im.exec(head)?.[1]);
  // The stream may bring a message before it is sent again.
  await until(() => keys().length >= 4, () => `each was sent again: ${keys()}`);
  assert.equal(new Set(keys()).size, 2, "one key for each message");
  await holds(await stage.chat(server.url, "Grace"), ["message 0", "message 1"]);
});

for (const end of ["kill", "stop"]) {
  const how = { kill: "kill -9", stop: "a graceful stop" }[end];
  scene(`a restart after ${how} shows the same room, without a gap`, async (stage) => {
    stage.expect(...AWAY);
    const data = await stage.data();
    const first = await stage.server({ data });
    const page = await stage.chat(first.url, "Ada", await stage.steadyProfile());
    await say(page, "before");
    await holds(page, ["before"]);
    await first[end]();
    await state(page, "reconnecting");
    // The page sends it again until a server answers.
    await say(page, "meanwhile");
    const second = await stage.server({ data, port: Number(new URL(first.url).port) });
    await holds(page, ["before", "meanwhile"], COMEBACK_MS);
    await state(page, "connected", COMEBACK_MS);
    await second.say("Grace", "after");
    await holds(page, ["before", "meanwhile", "after"]);
    assert.equal(await page.locator(".mark[data-kind='gap']").count(), 0, "nothing is missing");
    await holds(await stage.chat(second.url, "Eve"), ["before", "meanwhile", "after"]);
  });
}

scene("a page sends several calls in one request, and each has its own outcome", async (stage) => {
  const { url } = await stage.server();
  const page = await stage.tab(url);
  const requests = [];
  page.on("request", (request) => request.method() === "POST" && requests.push(new URL(request.url()).pathname));
  const outcomes = await page.evaluate(async () => {
    const { action, batch } = await import("kipo");
    const parts = [action.rooms.Create({ room: "Tea" }), action.chat.Send({ username: "", message: "x" }), action.chat.Send({ username: "Ada", message: "hello" })];
    const settled = await batch(...parts);
    return settled.map(({ status, reason }) => (status === "fulfilled" ? status : [reason.code, Object.keys(reason.fields), reason instanceof Error]));
  });
  assert.deepEqual(outcomes, ["fulfilled", ["validation_failed", ["username"], true], "fulfilled"]);
  assert.deepEqual(requests, ["/_kipo/batch"]);
});
