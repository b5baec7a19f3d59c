import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, posix } from "node:path";
import { pathToFileURL } from "node:url";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

import { DEV, LATER, MODULES, asServed, read } from "../testing/files.js";

/** Each module by the floor it stands on. It may import from lower floors only. */
const FLOORS = {
  "dev/panel.js": 5,
  "main.js": 4,
  "dev/panel/view.js": 4,
  "dev/reload.js": 4,
  "dev/update_page.js": 3,
  "call/action.js": 3,
  "dev/panel/actions_tab.js": 3,
  "effect/effects.js": 2,
  "page/navigate.js": 3,
  "dev/overlay.js": 2,
  "dev/panel/runner.js": 2,
  "page/reload_part.js": 3,
  "stream/share.js": 2,
  "stream/stream.js": 2,
  "stream/connection.js": 1,
  "call/call.js": 1,
  "dev/panel/activity.js": 1,
  "dev/panel/build_tab.js": 1,
  "dev/panel/client_tab.js": 1,
  "dev/panel/form.js": 1,
  "dev/panel/pages_tab.js": 1,
  "dev/panel/resize.js": 1,
  "dev/panel/activity_tab.js": 1,
  "dev/ansi.js": 0,
  "stream/backoff.js": 0,
  "stream/cursor.js": 0,
  "error.js": 0,
  "page/user_state.js": 1,
  "dev/saved_state.js": 2,
  "call/loading.js": 0,
  "page/match_nodes.js": 1,
  "page/morph.js": 2,
  "page/document.js": 0,
  "page/history.js": 2,
  "dev/panel/dom.js": 0,
  "dev/panel/storage.js": 0,
  "dev/panel/observe.js": 0,
  "dev/panel/schema.js": 0,
  "dev/panel/style.js": 0,
  "page/selector.js": 0,
  "platform.js": 0,
  "call/request.js": 0,
  "stream/sse.js": 0,
  "dev/swap_assets.js": 0,
  "page/traversal.js": 0,
};

function imports(name) {
  const paths = [...read(name).matchAll(/^(?:import|export)\b[^;]*? from "(\.[^"]+)";$/gm)].map(([, path]) => path);
  return paths.map((path) => posix.join(posix.dirname(name), path));
}

function gzipped(text) {
  return gzipSync(text, { level: 9 }).length;
}

test("imports_point_downward", () => {
  assert.deepEqual([...MODULES, ...LATER, ...DEV].sort(), Object.keys(FLOORS).sort(), "add it to FLOORS");
  for (const [name, floor] of Object.entries(FLOORS)) {
    for (const imported of imports(name)) {
      assert.ok(FLOORS[imported] < floor, `${name} imports ${imported}`);
    }
  }
});

test("a_page_begins_with_all_that_main_imports", () => {
  const reached = new Set(["main.js"]);
  for (const name of reached) for (const imported of imports(name)) reached.add(imported);
  assert.deepEqual([...reached].sort(), [...MODULES].sort());
});

test("a_page_begins_with_less_than_10_kb_gzipped", (context) => {
  const size = (name) => gzipped(asServed(read(name)));
  const total = MODULES.reduce((sum, name) => sum + size(name), 0);
  const later = LATER.map((name) => [name, size(name)]);
  const all = later.map((entry) => entry.join(" ")).join(", ");
  context.diagnostic(`${total} bytes in ${MODULES.length} files, and when they are used ${all}`);
  assert.ok(total < 10_000, `${total} bytes`);
  assert.ok(later.every(([, bytes]) => bytes < 3_000), all);
});

test("comment_lines_may_be_dropped_by_their_first_characters", async () => {
  const folder = mkdtempSync(join(tmpdir(), "kipo-client-"));
  try {
        writeFileSync(join(folder, "package.json"), '{"type":"module"}');
    for (const name of [...MODULES, ...LATER, ...DEV]) {
      const text = read(name);
      // A comment block must not share its last line with code, nor a line of code look like a comment.
      for (const line of text.match(/^[ \t]*\/\*.*\*\/.*$/gm) ?? []) assert.match(line, /\*\/$/, name);
      assert.doesNotMatch(text, /^[ \t]*\*\/[ \t]*\S/m, name);
      mkdirSync(join(folder, posix.dirname(name)), { recursive: true });
      writeFileSync(join(folder, name), asServed(text));
      assert.equal(asServed(text).split("\n").length, text.split("\n").length);
    }
    const main = await import(pathToFileURL(join(folder, "main.js")).href);
    assert.equal(typeof main.action.chat.Send({}).withRetryStream().call, "function");
    await import(pathToFileURL(join(folder, "dev/reload.js")).href);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("the_lock_file_names_no_registry", () => {
  assert.doesNotMatch(read("package-lock.json"), /"resolved"|https?:\/\/[^"]*registry/);
});
