// Python's `httpx-sse` in one process that reads all sessions.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import assert from "node:assert/strict";
import { LISTEN, SAID, everyByte } from "./every-byte.js";

/** A Python with the packages of requirements.txt; `cargo xtask test` makes one. */
const PYTHON = process.env.KIPO_PYTHON ?? fileURLToPath(new URL("../../../target/python/bin/python", import.meta.url));

const SCRIPT = fileURLToPath(new URL("follow.py", import.meta.url));

everyByte("Python httpx-sse", {
  async read({ sessions, port, got }) {
    const python = spawn(PYTHON, [SCRIPT, `http://127.0.0.1:${port}`, LISTEN, String(SAID.length)], { stdio: ["pipe", "pipe", "inherit"] });
    const exit = once(python, "exit");
    python.stdin.end(sessions.join("\n"));
    for await (const line of createInterface(python.stdout)) {
      const [session, messages] = JSON.parse(line);
      got(session, messages);
    }
    assert.deepEqual(await exit, [0, null]);
  },
});
