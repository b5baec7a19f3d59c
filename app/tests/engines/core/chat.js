// The chat: joining, sending, history, many tabs, a cut connection.

import assert from "node:assert/strict";
import { part, reads, settled, shows } from "../stage.js";
import { chat, holds, isConnected, owns, say } from "./room.js";

const LISTEN = "/_kipo/actions/chat.Listen";

/** @param {import("../stage.js").Scene} scene */
export function chatting(scene) {
  scene("a reader joins, sees the history, sends, and others see it", async (stage) => {
    const server = await stage.server();
    const said = [];
    for (let n = 1; n <= 30; n += 1) {
      said.push(`message ${n}`);
      await server.say("Grace", `message ${n}`);
    }
    const ada = await chat(stage, server.url, "Ada");
    await holds(ada, said);
    said.push("from Ada");
    await say(ada, "from Ada");
    await holds(ada, said);
    await owns(ada, 1);
    await shows(ada, "", (selector) => document.querySelector(selector).value, part("message_input"));

    const eve = await chat(stage, server.url, "Eve");
    await holds(eve, said);
    await say(eve, "from Eve");
    for (const tab of [ada, eve]) await holds(tab, [...said, "from Eve"]);
    await owns(ada, 1);
  });

  scene("eight tabs share one connection, and the first one is closed", async (stage) => {
    const server = await stage.server();
    const proxy = await stage.proxy(server.url);
    const profile = await stage.profile();
    const tabs = [];
    for (let n = 0; n < 8; n += 1) tabs.push(await chat(stage, proxy.url, `tab ${n}`, profile));
    const connections = async (count) => assert.equal(await settled(count, () => proxy.open(LISTEN)), count);
    await connections(1);
    await say(tabs[7], "before");
    for (const tab of tabs) await holds(tab, ["before"]);

    await stage.close(tabs.shift());
    await server.say("Grace", "after");
    for (const tab of tabs) await holds(tab, ["before", "after"]);
    await connections(1);
    await say(tabs[0], "from the next one");
    for (const tab of tabs) {
      await holds(tab, ["before", "after", "from the next one"]);
      await isConnected(tab);
    }
  });

  scene("a connection is cut in the middle of a frame: each message once, in order", async (stage) => {
    const server = await stage.server();
    const proxy = await stage.proxy(server.url);
    const said = ["before"];
    await server.say("Ada", "before");
    const tab = await chat(stage, proxy.url, "Grace");
    await holds(tab, said);

    const cut = proxy.cutAfter(60, LISTEN);
    said.push("torn, and long enough that the cut falls within its data and not behind it");
    await server.say("Ada", said[1]);
    assert.doesNotMatch(await cut, /\n\n/, "the frame is not complete");
    await reads(tab, part("connection_state"), "reconnecting");
    said.push("meanwhile");
    await server.say("Ada", "meanwhile");
    await proxy.pass();
    await holds(tab, said);
    await isConnected(tab);
    await say(tab, "after");
    await holds(tab, [...said, "after"]);
    await shows(tab, 0, () => document.querySelectorAll(".mark[data-kind='gap']").length);
  });
}
