// Tests of one node once more, with a real NATS server behind it in place of the disk.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { scene } from "../stage.js";
import { APP } from "../server.js";
import { NATS, nats } from "./nats.js";

const skip = NATS === undefined ? "KIPO_NATS_SERVER names no nats-server" : false;

const RUNS = {
  "many tabs share a connection": ["tests/tabs.test.js"],
  "other readers follow the room": ["tests/follow.test.js"],
  "a stream that is cut at each of its bytes": ["tests/every-byte/client.test.js"],
  "connections that are cut, and a server that is away": ["--test-name-pattern=cut in the middle|is away for", "tests/outage.test.js"],
  "a new version takes over from the one before": ["--test-name-pattern=the stream misses nothing", "tests/edits/rust.test.js"],
};

/** Each test that is run has a limit of its own. One of them compiles the app first, which takes minutes on a new machine. */
const RUN_MS = 20 * 60_000;

for (const [name, args] of Object.entries(RUNS)) {
  scene(`with an engine behind: ${name}`, async (stage) => {
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    env.KIPO_TEST_ENGINE = await nats(stage);
    const child = spawn(process.execPath, ["--test", ...args], { cwd: APP, env, stdio: ["ignore", "pipe", "inherit"] });
    let report = "";
    child.stdout.setEncoding("utf8").on("data", (text) => (report += text));
    const [code] = await once(child, "close");
    assert.equal(code, 0, report);
    // A pattern that no test has would pass too.
    assert.doesNotMatch(report, /^(#|\u2139) pass 0$/m, report);
  }, { skip, timeout: RUN_MS });
}
