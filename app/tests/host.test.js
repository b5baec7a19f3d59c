// The development server serves this machine and the hosts that it is told of, and no other name.

import assert from "node:assert/strict";
import { appendFile, cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { getAs } from "./request.js";
import { APP, Server } from "./server.js";

/** Pages, files, descriptions, actions, and what only a development server has. */
const PATHS = ["/", "/app.css", "/_kipo/openapi.json", "/_kipo/client.d.ts", "/_kipo/actions/chat.Listen", "/_kipo/dev/panel", "/_kipo/dev/reload"];

/** @param {{ after: (end: () => Promise<void>) => void }} t @param {object} options */
async function start(t, options) {
  const server = await Server.start(options);
  t.after(() => server.stop());
  return server;
}

test("another name is a 421 for every address, and the response says what to do", async (t) => {
  const { url } = await start(t, { watch: true });
  for (const path of PATHS) {
    const { status, text } = await getAs(url + path, "evil.example");
    assert.equal(status, 421, path);
    assert.match(JSON.parse(text).detail, /--allow-host evil\.example/);
    assert.equal((await getAs(url + path, "chat.localhost:8080")).status, 200, path);
  }
});

test("ALLOW_HOST names hosts, with commas between them", async (t) => {
  const { url } = await start(t, { watch: true, env: { ALLOW_HOST: "app.example,*.tunnel.example" } });
  for (const [host, expected] of [
    ["App.example:443", 200],
    ["a.tunnel.example", 200],
    ["192.168.1.7:8080", 200],
    ["www.app.example", 421],
  ]) {
    assert.equal((await getAs(`${url}/_kipo/dev/panel`, host)).status, expected, host);
  }
});

test("while no version of the app serves, another name is a 421 as well", async (t) => {
  const root = await mkdtemp(join(tmpdir(), "kipo-host-"));
  t.after(() => rm(root, { recursive: true, force: true }));
  for (const folder of ["pages", "public"]) await cp(join(APP, folder), join(root, folder), { recursive: true });
  await appendFile(join(root, "pages/index.html"), "{% if %}");
  const { url } = await start(t, { root, watch: true, env: { ALLOW_HOST: "app.example" } });
  assert.equal((await getAs(url, "evil.example")).status, 421);
  assert.equal((await getAs(`${url}/_kipo/dev/reload`, "evil.example")).status, 421);
  for (const host of ["app.example", "localhost"]) assert.equal((await getAs(url, host)).status, 503, host);
});

test("a debug build without the development loop checks the host too", async (t) => {
  const { url } = await start(t, {});
  assert.equal((await getAs(url, "evil.example")).status, 421);
  assert.equal((await getAs(url, "localhost")).status, 200);
});
