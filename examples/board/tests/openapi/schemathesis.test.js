// The board conforms to its openapi.json: schemathesis generates valid and invalid requests from it, and checks each
// answer against it. KIPO_PYTHON names a Python that has the package.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Stage } from "../../../../app/tests/stage.js";
import { PASSWORD, serve } from "../board.js";

/** A run takes half a minute on a quiet machine. */
const RUN_MS = 180_000;

/** The settings are those of the demo's run. */
const settings = (name) => fileURLToPath(new URL(`../../../../app/tests/openapi/${name}`, import.meta.url));

/** These end the session of the run. The browser tests call them. */
const LEFT_OUT = ["users.SignOut", "admin.EndSessions"];

test("generated requests of an admin are answered as openapi.json describes", { timeout: RUN_MS }, async (context) => {
  const stage = new Stage();
  // It writes a cache into its folder and would read an older one.
  const cwd = await mkdtemp(join(tmpdir(), "kipo-openapi-"));
  try {
    const server = await serve(stage);
    const cookie = await signUp(server, "ann");
    const board = await call(server, cookie, "boards.Create", { title: "Kitchen" });
    for (const title of ["Tea", "Milk"]) await call(server, cookie, "cards.Add", { board, column: "todo", title });
    const python = process.env.KIPO_PYTHON ?? "python3";
    // Each scheme is the cookie of the session. As credentials, and not as a header field of every request, so that the run
    // also sends requests without them: those are refused.
    const credentials = ["User", "Admin"].map((scheme) => `\n[auth.openapi.${scheme}]\napi_key = "${token(cookie)}"\n`);
    const config = join(cwd, "schemathesis.toml");
    await writeFile(config, (await readFile(settings("schemathesis.toml"), "utf8")) + credentials.join(""));
    const excluded = LEFT_OUT.flatMap((name) => ["--exclude-path", `/_kipo/actions/${name}`]);
    const args = ["-m", "schemathesis.cli", "--config-file", config, "run", "--no-color", ...excluded, `${server.url}/_kipo/openapi.json`];
    const env = { ...process.env, SCHEMATHESIS_HOOKS: settings("hooks.py"), PYTHONDONTWRITEBYTECODE: "1" };
    const { code, printed } = await output(spawn(python, args, { cwd, env, signal: context.signal, stdio: ["ignore", "pipe", "pipe"] }));
    assert.equal(code, 0, printed);
    context.diagnostic(/\d+ generated.*/.exec(printed)?.[0] ?? printed);
  } finally {
    await rm(cwd, { recursive: true, force: true });
    await stage.clear();
  }
});

/** Signs a user up, and returns the cookie of the session. */
async function signUp(server, name) {
  const response = await post(server, "users.SignUp", { name, password: PASSWORD });
  assert.equal(response.status, 204);
  return response.headers.getSetCookie()[0].split(";")[0];
}

/** Returns the value of a cookie. */
const token = (cookie) => cookie.slice(cookie.indexOf("=") + 1);

async function call(server, cookie, action, input) {
  const response = await post(server, action, input, { cookie });
  assert.equal(response.status, 200, action);
  return response.json();
}

function post(server, action, input, headers = {}) {
  return fetch(`${server.url}/_kipo/actions/${action}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(input),
  });
}

/** Waits for the end of a process, and returns its exit code and all that it printed. */
async function output(child) {
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (printed += text));
  const [code] = await once(child, "close");
  return { code, printed };
}
