// A Redis server that syncs each write, for nodes of an app that share it.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../free-port.js";

/** The program, if there is one. The app under test needs the feature `redis` too. */
export const REDIS = process.env.KIPO_REDIS_SERVER;

const SETTINGS = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "yes", "--appendfsync", "always"];

/**
 * Starts a server on a free port, and returns its address for `--engine`.
 *
 * @param {import("../stage.js").Stage} stage
 */
export async function redis(stage) {
  const folder = await mkdtemp(join(tmpdir(), "kipo-redis-"));
  const port = await freePort();
  const child = spawn(REDIS, ["--port", String(port), "--dir", folder, ...SETTINGS], { stdio: ["ignore", "pipe", "ignore"] });
  const ended = once(child, "exit");
  stage.finally(async () => {
    child.kill("SIGKILL");
    await ended;
    await rm(folder, { recursive: true, force: true });
  });
  let log = "";
  await new Promise((resolve, reject) => {
    child.stdout.setEncoding("utf8").on("data", (text) => {
      log += text;
      if (/Ready to accept connections/.test(log)) resolve(undefined);
    });
    child.on("error", reject);
    child.on("exit", () => reject(new Error(`${REDIS} ended:\n${log}`)));
  });
  return `redis://127.0.0.1:${port}/0`;
}
