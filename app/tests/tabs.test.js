// Many tabs of one browser over HTTP/1.1, where a browser opens at most six connections to a host.

import assert from "node:assert/strict";
import { holds, say, scene, state, texts } from "./stage.js";

const LISTEN = "/_kipo/actions/chat.Listen";

/** How long it may take until another tab leads. */
const NEW_LEADER_MS = 1000;

/** Waits until exactly this number of connections of the stream is open. */
async function connections(proxy, count) {
  const end = Date.now() + 10_000;
  while (proxy.open(LISTEN) !== count && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(proxy.open(LISTEN), count, "open connections of the stream");
}

scene("24 tabs of one browser, each chatting, and a 25th", async (stage) => {
  const server = await stage.server();
  const proxy = await stage.proxy(server.url);
  const profile = await stage.profile();
  // All at once, as a browser restores its session.
  const tabs = await Promise.all(Array.from({ length: 24 }, (_, n) => stage.chat(proxy.url, `tab ${n}`, profile)));
  await connections(proxy, 1);

  await Promise.all(tabs.map((tab, n) => say(tab, `from ${n}`)));
  const sent = tabs.map((_, n) => `from ${n}`).sort();
  await holds(tabs[0], await order(tabs[0], sent));
  const said = await texts(tabs[0]);
  for (const tab of tabs) await holds(tab, said);

  const started = performance.now();
  const last = await stage.chat(proxy.url, "tab 25", profile);
  await holds(last, said);
  assert.ok(performance.now() - started < 3000, `the 25th page took ${performance.now() - started} ms`);
  await connections(proxy, 1);
});

/** Waits until all of these texts are shown in any order, and returns that order. */
async function order(tab, sent) {
  await tab.waitForFunction((count) => document.querySelectorAll(".msg-text").length === count, sent.length);
  const said = await texts(tab);
  assert.deepEqual([...said].sort(), sent);
  return said;
}

scene("the leading tab is closed again and again while messages arrive", async (stage) => {
  const server = await stage.server();
  const proxy = await stage.proxy(server.url);
  const profile = await stage.profile();
  const tabs = [];
  for (const n of [0, 1, 2, 3, 4]) tabs.push(await stage.chat(proxy.url, `tab ${n}`, profile));
  await connections(proxy, 1);

  /** The messages by their numbers in the room. @type {string[]} */
  const said = [];
  const post = async (text) => (said[Number((await server.say("Ada", text)).split("-")[1]) - 1] = text);
  let isOver = false;
  const saying = (async () => {
    for (let n = 1; !isOver; n += 1) {
      await post(`message ${n}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  })();
  // The tabs lead in this order.
  while (tabs.length > 1) {
    await tabs.shift().close();
    const wanted = await post(`after a lead ended, ${tabs.length} left`);
    const seen = (tab) =>
      tab.waitForFunction(
        (wanted) => [...document.querySelectorAll(".msg-text")].some((text) => text.textContent === wanted),
        wanted,
        { timeout: NEW_LEADER_MS, polling: 20 },
      );
    await Promise.all(tabs.map(seen));
  }
  isOver = true;
  await saying;
  await holds(tabs[0], said);
  await state(tabs[0], "connected");
  await connections(proxy, 1);
});

scene("after an outage all tabs are connected again, over one connection", async (stage) => {
  stage.expect(/net::ERR_/);
  const server = await stage.server();
  const proxy = await stage.proxy(server.url);
  const profile = await stage.profile();
  const tabs = await Promise.all(Array.from({ length: 8 }, (_, n) => stage.chat(proxy.url, `tab ${n}`, profile)));
  await server.say("Ada", "before");
  for (const tab of tabs) await holds(tab, ["before"]);
  await proxy.refuse();
  for (const tab of tabs) await state(tab, "reconnecting");
  await server.say("Ada", "meanwhile");
  await proxy.pass();
  for (const tab of tabs) {
    await holds(tab, ["before", "meanwhile"], 20_000);
    await state(tab, "connected", 20_000);
  }
  await server.say("Ada", "after");
  for (const tab of tabs) await holds(tab, ["before", "meanwhile", "after"]);
  await connections(proxy, 1);
});

scene("without locks each tab has its own connection", async (stage) => {
  const server = await stage.server();
  const proxy = await stage.proxy(server.url);
  const profile = await stage.profile();
  await profile.addInitScript(() => Object.defineProperty(navigator, "locks", { value: undefined }));
  const tabs = [await stage.chat(proxy.url, "one", profile), await stage.chat(proxy.url, "two", profile)];
  await connections(proxy, 2);
  await say(tabs[0], "hello");
  for (const tab of tabs) await holds(tab, ["hello"]);
});
