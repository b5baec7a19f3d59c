// A real nginx before the app, with the settings that the guide shows.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "./free-port.js";

/** The program, if there is one. Debian keeps it in a folder that the `PATH` of most users does not have. */
export const NGINX = process.env.KIPO_NGINX ?? ["/usr/sbin/nginx", "/usr/bin/nginx"].find((path) => existsSync(path));

const GUIDE = new URL("../../runtime/docs/prefix.md", import.meta.url);

/** How long a start may take on a busy machine. */
const START_MS = 10_000;

/**
 * Starts nginx with a `location /app/` of the guide, and returns its address.
 *
 * @param {import("./stage.js").Stage} stage
 * @param {string} target the URL of the app
 * @param {"keeps" | "removes"} what nginx does with the prefix
 */
export async function nginx(stage, target, what) {
  const { origin } = new URL(target);
  const [keeps, removes] = (await readFile(GUIDE, "utf8")).matchAll(/# nginx\n(location [^`]+)```/g);
  const location = (what === "keeps" ? keeps : removes)[1].replaceAll("http://127.0.0.1:8080", origin);
  const [folder, port] = [await mkdtemp(join(tmpdir(), "kipo-nginx-")), await freePort()];
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${name};`);
  await writeFile(join(folder, "nginx.conf"), `
    daemon off;
    master_process off;
    pid nginx.pid;
    error_log stderr warn;
    events {}
    http {
      access_log off;
      ${temporary.join("\n")}
      server {
        listen 127.0.0.1:${port};
        ${location}
      }
    }`);
  const child = spawn(NGINX, ["-p", folder, "-c", "nginx.conf", "-e", "stderr"], { stdio: ["ignore", "ignore", "pipe"] });
  const ended = once(child, "exit");
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text) => (log += text));
  stage.finally(async () => {
    child.kill("SIGTERM");
    await ended;
    await rm(folder, { recursive: true, force: true });
  });
  const start = Date.now();
  while (!(await listens(port))) {
    if (child.exitCode !== null || Date.now() - start > START_MS) throw new Error(`${NGINX} does not listen:\n${log}`);
    await sleep(20);
  }
  return `http://127.0.0.1:${port}/app`;
}

/** @param {number} port */
function listens(port) {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => resolve(true));
    socket.on("error", () => resolve(false));
    socket.on("connect", () => socket.destroy());
  });
}
