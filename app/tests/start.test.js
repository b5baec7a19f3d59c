// What a process does before it serves.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { connect } from "node:net";
import { test } from "node:test";
import { setTimeout as pass } from "node:timers/promises";
import { freePort } from "./free-port.js";
import { APP, BIN, Server, dataFolder } from "./server.js";

/** @returns {Promise<boolean>} whether the system accepts a connection to that port */
function accepts(port) {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("connect", () => resolve(true)).on("error", () => resolve(false));
    socket.on("connect", () => socket.destroy());
  });
}

test("a second process on a data directory ends before it accepts a connection", async (t) => {
  const data = await dataFolder();
  t.after(() => rm(data, { recursive: true, force: true }));
  const first = await Server.start({ data });
  t.after(() => first.stop());

  const port = await freePort();
  const second = spawn(BIN, ["--no-watch", "--port", String(port), "--data-dir", data], { cwd: APP, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [second.stdout, second.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text));
  const ended = once(second, "close");
  let accepted = 0;
  while (second.exitCode === null) {
    if (await accepts(port)) accepted += 1;
    await pass(1);
  }
  assert.deepEqual(await ended, [1, null], output);
  assert.equal(accepted, 0);
  assert.match(output, /the data directory .* is in use/);
  assert.doesNotMatch(output, /listening on/);
  assert.equal((await first.post("chat.Send", { username: "Ada", message: "still here" })).status, 200);
});

test("a debug build logs nothing about a low limit of open files", async (t) => {
  const data = await dataFolder();
  t.after(() => rm(data, { recursive: true, force: true }));
  const command = 'ulimit -n 4096 && exec "$0" --no-watch --port 0 --data-dir "$1"';
  const child = spawn("sh", ["-c", command, BIN, data], { cwd: APP, stdio: ["ignore", "pipe", "pipe"] });
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text) => (log += text));
  await once(child.stdout, "data");
  child.kill("SIGTERM");
  await once(child, "close");
  assert.doesNotMatch(log, /open files|connections_max/);
});
