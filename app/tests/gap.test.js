// How the chat shows people that messages are missing. (`outage.test.js` has `trimmed` and `new_generation`.)

import assert from "node:assert/strict";
import { cp, rm } from "node:fs/promises";
import { AWAY, holds, say, scene, state } from "./stage.js";

/** Longer than the longest pause between two attempts of the chat page. */
const COMEBACK_MS = 20_000;

const lines = (page) => page.locator("[p-ref='messages'] > li").evaluateAll((items) => items.map((item) => (item.querySelector(".msg-text") ?? item).textContent));

scene("a room that was restored from an older copy shows that, and no message twice", async (stage) => {
  stage.expect(...AWAY);
  const [data, copy] = [await stage.data(), await stage.data()];
  const start = (port) => stage.server({ data, port });
  let server = await start();
  const port = Number(new URL(server.url).port);
  await server.say("Ada", "kept");
  await server.stop();
  await cp(data, copy, { recursive: true });

  server = await start(port);
  const page = await stage.chat(server.url, "Grace", await stage.steadyProfile());
  await server.say("Ada", "lost");
  await holds(page, ["kept", "lost"]);
  await server.stop();
  await rm(data, { recursive: true });
  await cp(copy, data, { recursive: true });

  server = await start(port);
  await server.say("Ada", "said instead");
  await holds(page, ["kept", "lost", "said instead"], COMEBACK_MS);
  assert.deepEqual(await lines(page), [
    "kept",
    "lost",
    "The room was put back to an earlier copy. Its last messages above this line are gone for everyone else.",
    "said instead",
  ]);
  await state(page, "connected");
  await say(page, "on we go");
  await holds(page, ["kept", "lost", "said instead", "on we go"]);
});

scene("each reason of a gap has a sentence, with the count where it is known", async (stage) => {
  const server = await stage.server();
  const cases = [
    [{ reason: "trimmed", missed: 1 }, "You missed 1 message while away: the room keeps only its last ones."],
    [{ reason: "trimmed", missed: 30 }, "You missed 30 messages while away: the room keeps only its last ones."],
    // The demo's room replays all retained messages. A server can be set to replay fewer.
    [{ reason: "too_many", missed: 250 }, "You missed 250 messages while away: too many to show here."],
    [{ reason: "new_generation", missed: null }, "The room began anew while you were away. What was said in between may be missing here."],
    [{ reason: "diverged", missed: null }, "The room was put back to an earlier copy. Its last messages above this line are gone for everyone else."],
  ];
  for (const [gap, words] of cases) {
    const profile = await stage.profile();
    const frames = [`event: kipo:ready\ndata: {"resume":"gap","ping_ms":15000}`, `event: kipo:gap\ndata: ${JSON.stringify({ ...gap, first: 7 })}`];
    const body = frames.map((frame) => `${frame}\n\n`).join("");
    // There is no second answer, so the page stays as it is.
    await profile.route("**/chat.Listen", (route) => route.fulfill({ contentType: "text/event-stream", body }), { times: 1 });
    const page = await profile.newPage();
    await page.goto(server.url);
    await page.fill("[p-ref='username_input']", "Ada");
    await page.click(".login-row button");
    await page.waitForSelector(".mark[data-kind='gap']");
    assert.deepEqual(await lines(page), [words]);
  }
});
