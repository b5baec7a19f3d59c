// The room over GET, for other clients than ours.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { scene } from "./stage.js";

const LISTEN = "/_kipo/actions/chat.Listen";

scene("the browser's own EventSource follows the room", async (stage) => {
  const server = await stage.server();
  const first = await server.say("Ada", "before");
  const page = await stage.tab(`${server.url}/progress`);
  await page.evaluate((url) => {
    globalThis.got = [];
    const source = new EventSource(url);
    source.addEventListener("chat", (event) => globalThis.got.push([JSON.parse(event.data).message, event.lastEventId]));
  }, LISTEN);
  await page.waitForFunction(() => globalThis.got.length === 1);
  const second = await server.say("Ada", "live");
  await page.waitForFunction(() => globalThis.got.length === 2);
  assert.deepEqual(await page.evaluate(() => globalThis.got), [["before", first], ["live", second]]);
});

scene("curl -N follows the room", async (stage) => {
  const server = await stage.server();
  const first = await server.say("Ada", "before");
  const curl = spawn("curl", ["-sSN", "-D", "-", server.url + LISTEN], { stdio: ["ignore", "pipe", "inherit"] });
  stage.finally(() => curl.kill());
  let out = "";
  let look = () => {};
  curl.stdout.setEncoding("utf8").on("data", (text) => {
    out += text;
    look();
  });
  const shows = (needle) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`curl has not shown ${needle}, but:\n${out}`)), 10_000);
      look = () => {
        if (!out.includes(needle)) return;
        clearTimeout(timer);
        resolve();
      };
      look();
    });
  await shows(`\nid: ${first}\n\n`);
  const second = await server.say("Ada", "live");
  await shows(`\nid: ${second}\n\n`);

  const [head, body] = out.replaceAll("\r", "").split(/\n\n(.*)/s);
  assert.match(head, /^HTTP\/1\.1 200/);
  assert.match(head, /content-type: text\/event-stream/i);
  const frames = body.split("\n\n").filter((frame) => frame !== "" && !frame.startsWith(":"));
  assert.match(frames[0], /^event: kipo:ready\ndata: \{.*"resume":"fresh".*\}\nid: \S+$/);
  const chat = frames.filter((frame) => frame.startsWith("event: chat\n"));
  assert.equal(chat.length, 2);
  assert.match(chat[1], new RegExp(`^event: chat\ndata: \\{.*"live".*\\}\nid: ${second}$`));
});
