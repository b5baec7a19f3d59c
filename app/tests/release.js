// The release binary needs nothing beside it. `npm run test:release` runs this; KIPO_APP_BIN names the binary.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join as path } from "node:path";
import { getAs } from "./request.js";
import { BIN } from "./server.js";
import { holds, say, scene, state } from "./stage.js";

/** Modules that only a development server serves. */
const DEV = ["dev/reload.js", "dev/overlay.js", "dev/panel.js", "dev/panel/view.js"];

scene("no reload and no panel: a release neither serves nor contains what development needs", async (stage) => {
  const { url } = await stage.server();
  const client = /src="(\/_kipo\/[0-9a-f]+)\/main\.js"/.exec(await (await fetch(url)).text())?.[1];
  assert.ok(client, "the page loads the client");
  for (const address of ["/_kipo/dev/panel", "/_kipo/dev/reload", ...DEV.map((name) => `${client}/${name}`)]) {
    assert.equal((await fetch(url + address)).status, 404, address);
  }
  const binary = await readFile(BIN);
  for (const name of ["kipo-panel", "kipo-error"]) assert.ok(!binary.includes(name), `the binary holds ${name}`);
});

scene("the descriptions of all actions are not published", async (stage) => {
  const { url } = await stage.server();
  for (const address of ["/_kipo/openapi.json", "/_kipo/client.d.ts"]) {
    const response = await fetch(url + address);
    assert.equal(response.status, 404, address);
    assert.equal(response.headers.get("content-type"), "application/problem+json");
  }
});

scene("any host is served, or only those that are named", async (stage) => {
  const any = await stage.server();
  assert.equal((await getAs(any.url, "app.example")).status, 200);
  const only = await stage.server({ env: { ALLOW_HOST: "app.example" } });
  for (const [host, expected] of [
    ["app.example", 200],
    ["127.0.0.1", 200],
    ["evil.example", 421],
  ]) {
    assert.equal((await getAs(only.url, host)).status, expected, host);
  }
});

scene("a limit of open files that is too low for all connections is one line of the log", async (stage) => {
  const data = await stage.data();
  const command = 'ulimit -n 4096 && exec "$0" --port 0 --data-dir "$1"';
  const child = spawn("sh", ["-c", command, BIN, data], { stdio: ["ignore", "pipe", "pipe"] });
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text) => (log += text));
  await once(child.stdout, "data");
  child.kill("SIGTERM");
  await once(child, "close");
  const lines = log.split("\n").filter((line) => line.includes("WARN"));
  assert.equal(lines.length, 1, log);
  assert.match(lines[0], /open files.*connections_max.*open_files=4096 needed=20100/);
});

scene("from an empty folder: page, script, style, favicon, and the chat", async (stage) => {
  const cwd = await mkdtemp(path(tmpdir(), "kipo-release-"));
  stage.finally(() => rm(cwd, { recursive: true, force: true }));
  const { url } = await stage.server({ cwd });

  const html = await (await fetch(url)).text();
  assert.doesNotMatch(html, /reload\.js|panel\.js/, "no module of development");
  const linked = [...html.matchAll(/(?:href|src)="(\/[^"]+\.(?:js|css|svg))"/g)].map(([, link]) => link);
  for (const kind of [/\/main\.js$/, /\/index\.js$/, /\/index\.css$/, /^\/app\.[0-9a-f]{16}\.css$/, /^\/favicon\.[0-9a-f]{16}\.svg$/]) {
    assert.ok(linked.some((link) => kind.test(link)), `the page links ${kind}`);
  }
  for (const link of linked) {
    const response = await fetch(url + link);
    assert.equal(response.status, 200, link);
    assert.ok((await response.text()).length > 0, link);
    if (/[/.][0-9a-f]{16,}[/.]/.test(link)) assert.match(response.headers.get("cache-control") ?? "", /immutable/, link);
  }

  const page = await stage.chat(url, "Ada");
  await say(page, "alone, and well");
  await holds(page, ["alone, and well"]);
  await page.reload();
  await state(page, "connected");
  assert.deepEqual(await readdir(cwd), [], "it leaves nothing behind");
});
