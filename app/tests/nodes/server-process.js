// The process of a server that nodes of an app share.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Starts a server in a folder of its own, and returns what its log matches when it is ready. Both end with the test.
 *
 * @param {import("../stage.js").Stage} stage
 * @param {object} server
 * @param {string} server.program
 * @param {"stdout" | "stderr"} server.log where it writes its log
 * @param {RegExp} server.ready
 * @param {(folder: string) => Promise<string[]>} server.prepare writes its files, and returns its arguments
 * @returns {Promise<RegExpExecArray>}
 */
export async function serverProcess(stage, { program, log, ready, prepare }) {
  const folder = await mkdtemp(join(tmpdir(), "kipo-server-"));
  const child = spawn(program, await prepare(folder), {
    stdio: ["ignore", log === "stdout" ? "pipe" : "ignore", log === "stderr" ? "pipe" : "ignore"],
  });
  const ended = once(child, "exit");
  stage.finally(async () => {
    child.kill("SIGKILL");
    await ended;
    await rm(folder, { recursive: true, force: true });
  });
  let text = "";
  return new Promise((resolve, reject) => {
    child[log].setEncoding("utf8").on("data", (more) => {
      text += more;
      const found = ready.exec(text);
      if (found) resolve(found);
    });
    child.on("error", reject);
    child.on("exit", () => reject(new Error(`${program} ended:\n${text}`)));
  });
}
