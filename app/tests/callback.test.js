// Errors in the callbacks of a page: the browser's console shows them, and they have no other effect.

import assert from "node:assert/strict";
import { say, scene } from "./stage.js";

scene("errors of callbacks are in the console and lose neither a message nor the connection", async (stage) => {
  const server = await stage.server();
  stage.expect(/^uncaught: Error: error in (progress|state|success)/);
  const tab = await stage.chat(server.url, "ada");
  const thrown = [];
  tab.on("pageerror", ({ message }) => thrown.push(message));
  let requests = 0;
  tab.on("request", (request) => (requests += request.url().endsWith("chat.Listen") ? 1 : 0));
  await tab.evaluate(() => {
    globalThis.heard = [];
    globalThis.fail = (name) => {
      throw new Error(`error in ${name}`);
    };
    action.chat
      .Listen({})
      .withOnProgress(({ message }) => {
        heard.push(message);
        fail("progress");
      })
      .withOnState(() => fail("state"))
      .withRetryStream({ share: false, baseDelay: 0 })
      .call();
  });
  for (const text of ["one", "two"]) {
    await say(tab, text);
    await tab.waitForFunction((text) => heard.at(-1) === text, text);
  }
  assert.deepEqual(await tab.evaluate(() => heard), ["one", "two"]);
  assert.equal(requests, 1);
  // The state is connecting, then open.
  assert.deepEqual(thrown.sort(), ["error in progress", "error in progress", "error in state", "error in state"]);

  const outcome = await tab.evaluate(() =>
    action.chat
      .Send({ username: "ada", message: "three" })
      .withOnSuccess(() => fail("success"))
      .call(),
  );
  assert.equal(typeof outcome.id, "string");
  await tab.waitForFunction(() => heard.at(-1) === "three");
  assert.ok(thrown.includes("error in success"));
});
