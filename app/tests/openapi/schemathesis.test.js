// The server conforms to its openapi.json: schemathesis generates valid and invalid requests from it, and checks each
// answer and each event against it. KIPO_PYTHON names a Python that has the package.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Server } from "../server.js";

/** A run takes half a minute on a quiet machine. */
const RUN_MS = 120_000;

/** The room has messages, so that no request waits for one: a stream is read for three events. */
const SAID = ["one", "two", "three"];

const here = (name) => fileURLToPath(new URL(name, import.meta.url));

test("about 300 generated requests are answered as openapi.json describes", { timeout: RUN_MS }, async (context) => {
  const { signal } = context;
  const server = await Server.start();
  // It writes a cache into its folder and would read an older one.
  const cwd = await mkdtemp(join(tmpdir(), "kipo-openapi-"));
  try {
    for (const text of SAID) await server.say("Ada", text);
    const python = process.env.KIPO_PYTHON ?? "python3";
    const args = ["-m", "schemathesis.cli", "--config-file", here("schemathesis.toml"), "run", "--no-color", `${server.url}/_kipo/openapi.json`];
    const env = { ...process.env, SCHEMATHESIS_HOOKS: here("hooks.py"), PYTHONDONTWRITEBYTECODE: "1" };
    const { code, printed } = await output(spawn(python, args, { cwd, env, signal, stdio: ["ignore", "pipe", "pipe"] }));
    assert.equal(code, 0, printed);
    context.diagnostic(/\d+ generated.*/.exec(printed)?.[0] ?? printed);
  } finally {
    await rm(cwd, { recursive: true, force: true });
    await server.stop();
  }
});

/** Waits for the end of a process, and returns its exit code and all that it printed. */
async function output(child) {
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (printed += text));
  const [code] = await once(child, "close");
  return { code, printed };
}
