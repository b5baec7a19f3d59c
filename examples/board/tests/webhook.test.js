// Another program adds cards.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { part, reads, scene } from "../../../app/tests/stage.js";
import { WEBHOOK_SECRET, makeBoard, serve, shows, signUp } from "./board.js";

/** Sends a body with its signature, or with another one. */
async function deliver(server, body, signature = sign(body)) {
  const headers = { "content-type": "application/json", "x-signature-256": signature };
  const response = await fetch(`${server.url}/webhooks/cards`, { method: "POST", headers, body });
  return response.status;
}

const sign = (body, secret = WEBHOOK_SECRET) => `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`;

scene("a signed delivery is a card in every open tab, once", async (stage) => {
  const server = await serve(stage);
  const page = await signUp(stage, server, "ann");
  const board = Number((await makeBoard(page, "Kitchen")).split("/").at(-1));
  const body = JSON.stringify({ id: "7", board, title: "The tap drips" });
  assert.equal(await deliver(server, body), 201);
  await shows(page, { todo: "The tap drips" });
  await reads(page, part("news"), /^The webhook added “The tap drips” in To do\.$/);
  assert.equal(await deliver(server, body), 200, "the same delivery again");
  assert.equal(await deliver(server, `${body} `, sign(body)), 401, "other bytes");
  assert.equal(await deliver(server, body, sign(body, "another secret")), 401);
  assert.equal(await deliver(server, body, ""), 401);
  const unknown = JSON.stringify({ id: "8", board: 99, title: "x" });
  assert.equal(await deliver(server, unknown), 404);
  assert.equal(await deliver(server, "{}"), 400);
  await page.reload();
  await shows(page, { todo: "The tap drips" });
});
