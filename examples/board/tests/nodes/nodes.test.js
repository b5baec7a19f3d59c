// Two nodes over a real NATS server, with one SQLite file on one machine.

import assert from "node:assert/strict";
import { join } from "node:path";
import { NATS, nats } from "../../../../app/tests/nodes/nats.js";
import { part, reads, scene } from "../../../../app/tests/stage.js";
import { REFUSED, addCard, live, makeBoard, serve, shows, signUp } from "../board.js";

const skip = NATS === undefined ? "KIPO_NATS_SERVER names no nats-server" : false;

/** A node asks the engine for the sessions of its streams within this time. */
const END_MS = 5000;

scene("a user who signs in on one node is signed in on both, and a board is live over both", async (stage) => {
  stage.expect(REFUSED);
  const [engine, folder] = [await nats(stage), await stage.data()];
  const database = join(folder, "board.db");
  const [one, two] = [await serve(stage, { engine, database }), await serve(stage, { engine, database })];
  const page = await signUp(stage, one, "ann");
  const address = await makeBoard(page, "Kitchen");
  const other = await page.context().newPage();
  await other.goto(two.url + new URL(address).pathname);
  await live(other);
  await addCard(page, "todo", "Tea");
  await addCard(other, "doing", "Milk");
  for (const tab of [page, other]) await shows(tab, { todo: "Tea", doing: "Milk" });
  for (const tab of [page, other]) await reads(tab, part("here"), /^you$/);
  await other.click(part("sign_out"));
  await other.waitForURL(/\/login$/);
  await page.waitForURL(/\/login\?next=/, { timeout: END_MS });
  assert.deepEqual(await page.context().cookies(), []);
}, { skip });
