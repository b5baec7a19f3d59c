// A NATS server with JetStream, for nodes of the app that share it.

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { serverProcess } from "./server-process.js";

/** The program, if there is one. The app under test (`KIPO_APP_BIN`) needs the feature `nats` too. */
export const NATS = process.env.KIPO_NATS_SERVER;

/** The address comes first in the log. */
const READY = /client connections on 127\.0\.0\.1:(\d+)[^]*Server is ready/;

/**
 * Starts a server on a free port, and returns its address for `--engine`.
 *
 * @param {import("../stage.js").Stage} stage
 */
export async function nats(stage) {
  const prepare = async (folder) => {
    const file = join(folder, "nats.conf");
    await writeFile(file, `listen: "127.0.0.1:-1"\njetstream { store_dir: "${folder}", sync_interval: always }\n`);
    return ["-c", file];
  };
  const [, port] = await serverProcess(stage, { program: NATS, log: "stderr", ready: READY, prepare });
  return `nats://127.0.0.1:${port}?assume_synced`;
}
