// A NATS server with JetStream, for nodes of the app that share it.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The program, if there is one. The app under test (`KIPO_APP_BIN`) needs the feature `nats` too. */
export const NATS = process.env.KIPO_NATS_SERVER;

/**
 * Starts a server on a free port, and returns its address for `--engine`.
 *
 * @param {import("../stage.js").Stage} stage
 */
export async function nats(stage) {
  const folder = await mkdtemp(join(tmpdir(), "kipo-nats-"));
  await writeFile(join(folder, "nats.conf"), `listen: "127.0.0.1:-1"\njetstream { store_dir: "${folder}", sync_interval: always }\n`);
  const child = spawn(NATS, ["-c", join(folder, "nats.conf")], { stdio: ["ignore", "ignore", "pipe"] });
  const ended = once(child, "exit");
  stage.finally(async () => {
    child.kill("SIGKILL");
    await ended;
    await rm(folder, { recursive: true, force: true });
  });
  let log = "";
  const port = await new Promise((resolve, reject) => {
    child.stderr.setEncoding("utf8").on("data", (text) => {
      log += text;
      if (/Server is ready/.test(log)) resolve(/client connections on 127\.0\.0\.1:(\d+)/.exec(log)?.[1]);
    });
    child.on("error", reject);
    child.on("exit", () => reject(new Error(`${NATS} ended:\n${log}`)));
  });
  return `nats://127.0.0.1:${port}?assume_synced`;
}
