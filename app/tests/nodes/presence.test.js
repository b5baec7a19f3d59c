// People in a room of two nodes, over a real NATS server.

import assert from "node:assert/strict";
import { part, reads, scene, state } from "../stage.js";
import { NATS, nats } from "./nats.js";

/** Longer than a node without a sign of life counts. */
const SILENCE_MS = 40_000;

const skip = NATS === undefined ? "KIPO_NATS_SERVER names no nats-server" : false;

const names = (page) => page.locator(".person bdi").allTextContents();

/** Opens a room on a node under a name. */
async function enter(stage, url, name) {
  const page = await (await stage.steadyProfile()).newPage();
  await page.goto(url);
  await page.fill(part("username_input"), name);
  await page.click(`${part("join_form")} button`);
  await page.waitForSelector(".person[data-own='yes']");
  return page;
}

scene("people on two nodes see each other, and those of a killed node are gone", async (stage) => {
  stage.expect(/net::ERR_/);
  const engine = await nats(stage);
  const [one, two] = [await stage.server({ engine }), await stage.server({ engine })];
  const { address } = (await one.post("rooms.Create", { room: "Tea" })).body;
  const ada = await enter(stage, one.url + address, "Ada");
  // The other node has nobody, and knows it all the same.
  const lobby = await stage.tab(`${two.url}/rooms`, { javaScriptEnabled: false });
  await reads(lobby, ".room-people", /^1 here$/);
  await lobby.click(".room-link");
  assert.deepEqual(await names(lobby), ["Ada"]);
  const bob = await enter(stage, two.url + address, "Bob");
  for (const page of [ada, bob]) await reads(page, part("people_count"), /^2$/);
  for (const page of [ada, bob]) assert.deepEqual(await names(page), ["Ada", "Bob"]);
  assert.equal(await bob.locator(part("people_news")).textContent(), "", "those who were there first are not announced");
  for (const { url } of [one, two]) {
    const page = await stage.tab(url + address, { javaScriptEnabled: false });
    assert.deepEqual(await names(page), ["Ada", "Bob"]);
    await page.click(".back");
    await reads(page, ".room-people", /^2 here$/);
  }
  await two.kill();
  await state(bob, "reconnecting");
  await ada.waitForFunction((count) => document.querySelector(count).textContent === "1", part("people_count"), { timeout: SILENCE_MS });
  assert.deepEqual(await names(ada), ["Ada"]);
}, { skip });
