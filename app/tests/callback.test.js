// Mistakes in the callbacks of a page, in a browser: its console tells them as they are, and nothing else is harmed.

import assert from "node:assert/strict";
import { say, scene } from "./stage.js";

scene("callbacks that throw are told by the console, and cost neither message nor connection", async (stage) => {
  const server = await stage.server();
  stage.expect(/^uncaught: Error: mistake in (progress|state|success)/);
  const tab = await stage.chat(server.url, "ada");
  const told = [];
  tab.on("pageerror", ({ message }) => told.push(message));
  let requests = 0;
  tab.on("request", (request) => (requests += request.url().endsWith("chat.Listen") ? 1 : 0));
  await tab.evaluate(() => {
    globalThis.heard = [];
    globalThis.fail = (name) => {
      throw new Error(`mistake in ${name}`);
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
  assert.deepEqual(told.sort(), ["mistake in progress", "mistake in progress", "mistake in state", "mistake in state"]);

  const outcome = await tab.evaluate(() =>
    action.chat
      .Send({ username: "ada", message: "three" })
      .withOnSuccess(() => fail("success"))
      .call(),
  );
  assert.equal(typeof outcome.id, "string");
  await tab.waitForFunction(() => heard.at(-1) === "three");
  assert.ok(told.includes("mistake in success"));
});
