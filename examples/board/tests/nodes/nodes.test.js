// Two nodes over a real NATS server and over a real Redis server, with one SQLite file on one machine.

import assert from "node:assert/strict";
import { join } from "node:path";
import { NATS, nats } from "../../../../app/tests/nodes/nats.js";
import { REDIS, redis } from "../../../../app/tests/nodes/redis.js";
import { part, reads, scene } from "../../../../app/tests/stage.js";
import { PASSWORD, REFUSED, addCard, live, makeBoard, serve, shows, signUp, submit } from "../board.js";

const ENGINES = [
  { name: "NATS", start: nats, skip: NATS === undefined ? "KIPO_NATS_SERVER names no nats-server" : false },
  { name: "Redis", start: redis, skip: REDIS === undefined ? "KIPO_REDIS_SERVER names no redis-server" : false },
];

/** A node asks the engine for the sessions of its streams within this time. */
const END_MS = 5000;

for (const { name, start, skip } of ENGINES) {
  scene(`over ${name} a board is live on two nodes, and a session of one is one on both until either ends it`, async (stage) => {
    stage.expect(REFUSED);
    const [engine, folder] = [await start(stage), await stage.data()];
    const database = join(folder, "board.db");
    const [one, two] = [await serve(stage, { engine, database }), await serve(stage, { engine, database })];
    const onOne = await signUp(stage, one, "ann");
    const address = await makeBoard(onOne, "Kitchen");
    const { pathname } = new URL(address);
    const onTwo = await onOne.context().newPage();
    await onTwo.goto(two.url + pathname);
    await live(onTwo);
    await addCard(onOne, "todo", "Tea");
    await addCard(onTwo, "doing", "Milk");
    for (const tab of [onOne, onTwo]) await shows(tab, { todo: "Tea", doing: "Milk" });
    for (const tab of [onOne, onTwo]) await reads(tab, part("here"), /^you$/);
    await endsOnBoth(onTwo, onOne);

    await onTwo.goto(`${two.url}/login`);
    await submit(onTwo, "ann", PASSWORD);
    await onTwo.waitForURL(`${two.url}/`);
    for (const [tab, node] of [[onOne, one], [onTwo, two]]) {
      await tab.goto(node.url + pathname);
      await live(tab);
      await shows(tab, { todo: "Tea", doing: "Milk" });
    }
    await endsOnBoth(onOne, onTwo);
  }, { skip });
}

/** Signs out in one tab: the stream of the other one, which is on another node, ends with the session. */
async function endsOnBoth(tab, other) {
  await tab.click(part("sign_out"));
  await tab.waitForURL(/\/login$/);
  await other.waitForURL(/\/login\?next=/, { timeout: END_MS });
  assert.deepEqual(await tab.context().cookies(), []);
}
