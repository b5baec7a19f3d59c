// A Redis server that syncs each write, for nodes of an app that share it.

import { freePort } from "../free-port.js";
import { serverProcess } from "./server-process.js";

/** The program, if there is one. The app under test needs the feature `redis` too. */
export const REDIS = process.env.KIPO_REDIS_SERVER;

const SETTINGS = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "yes", "--appendfsync", "always"];

/**
 * Starts a server on a free port, and returns its address for `--engine`.
 *
 * @param {import("../stage.js").Stage} stage
 */
export async function redis(stage) {
  const port = await freePort();
  const prepare = async (folder) => ["--port", String(port), "--dir", folder, ...SETTINGS];
  await serverProcess(stage, { program: REDIS, log: "stdout", ready: /Ready to accept connections/, prepare });
  return `redis://127.0.0.1:${port}/0`;
}
