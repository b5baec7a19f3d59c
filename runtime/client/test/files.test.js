import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, posix } from "node:path";
import { pathToFileURL } from "node:url";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

import { DEV, LATER, MODULES, asServed, read } from "../testing/files.js";

/** The modules that a module loads at once. */
function imports(name) {
  const paths = [...read(name).matchAll(/^(?:import|export)\b[^;]*? from "(\.[^"]+)";$/gm)].map(([, path]) => path);
  return paths.map((path) => posix.join(posix.dirname(name), path));
}

function gzipped(text) {
  return gzipSync(text, { level: 9 }).length;
}

test("a_page_loads_all_that_main_imports", () => {
  const reached = new Set(["main.js"]);
  for (const name of reached) for (const imported of imports(name)) reached.add(imported);
  assert.deepEqual([...reached].sort(), [...MODULES].sort());
});

const size = (name) => gzipped(asServed(read(name)));

test("a_page_loads_less_than_10_600_bytes_gzipped", (context) => {
  const total = MODULES.reduce((sum, name) => sum + size(name), 0);
  const later = LATER.map((name) => [name, size(name)]);
  const all = later.map((entry) => entry.join(" ")).join(", ");
  context.diagnostic(`${total} bytes in ${MODULES.length} files, and when they are used ${all}`);
  assert.ok(total < 10_600, `${total} bytes`);
  assert.ok(later.every(([, bytes]) => bytes < 3_000), all);
});

test("a_page_with_a_form_loads_less_than_5_kb_more", (context) => {
  const bytes = LATER.filter((name) => name.startsWith("form/")).map((name) => [name, size(name)]);
  const total = bytes.reduce((sum, [, bytes]) => sum + bytes, 0);
  context.diagnostic(`${total} bytes: ${bytes.map((entry) => entry.join(" ")).join(", ")}`);
  assert.ok(total < 5_000, `${total} bytes`);
});

test("comment_lines_are_recognised_by_their_first_characters", async () => {
  const folder = mkdtempSync(join(tmpdir(), "kipo-client-"));
  try {
        writeFileSync(join(folder, "package.json"), '{"type":"module"}');
    for (const name of [...MODULES, ...LATER, ...DEV]) {
      const text = read(name);
      // The last line of a comment block has no code, and no line of code looks like a comment.
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
