import assert from "node:assert/strict";
import { test } from "node:test";

import { SOURCES, read } from "../testing/files.js";
import { ROOMS, violations } from "../testing/floors.js";

const texts = () => new Map(SOURCES.map((name) => [name, read(name)]));

/** Checks what is wrong with the client if these files get one line more. */
function check(lines, expected) {
  const changed = texts();
  for (const [name, line] of Object.entries(lines)) changed.set(name, `${changed.get(name) ?? ""}\n${line}\n`);
  assert.deepEqual(violations(ROOMS, changed), expected);
}

test("imports_point_downward", () => check({}, []));

test("a_circle_between_two_files_is_found", () =>
  check({ "page/document.js": 'import { morph } from "./morph.js";', "page/morph.js": 'import { parse } from "./document.js";' }, [
    "page/document.js imports page/morph.js",
  ]));

test("a_circle_over_three_files_is_found", () =>
  check(
    {
      "stream/sse.js": 'export { Connection } from "./connection.js";',
      "stream/connection.js": 'import "./cursor.js";',
      "stream/cursor.js": 'const { SseParser } = await import("./sse.js");',
    },
    ["stream/cursor.js imports stream/sse.js", "stream/sse.js imports stream/connection.js"],
  ));

test("a_file_that_imports_itself_is_found", () =>
  check({ "dev/ansi.js": 'import { pieces } from "./ansi.js";' }, ["dev/ansi.js imports dev/ansi.js"]));

test("an_arrow_up_to_a_higher_floor_is_found", () =>
  check({ "stream/stream.js": 'import { Client } from "../call/action.js";', "dev/panel.js": 'import { action } from "../main.js";' }, [
    "dev/panel.js imports main.js",
    "stream/stream.js imports call/action.js",
  ]));

test("an_arrow_to_a_room_on_the_same_floor_is_found", () =>
  check({ "effect/effects.js": "const { reloadPart } = await import('../page/reload_part.js');" }, ["effect/effects.js imports page/reload_part.js"]));

test("an_arrow_up_in_a_room_is_found_in_types_too", () =>
  check({ "call/request.js": '/** @import { Client } from "./action.js" */' }, ["call/request.js imports call/action.js"]));

test("a_file_without_a_room_and_a_missing_file_are_found", () => {
  check({ "page/forms.js": "" }, ["page/forms.js has no room"]);
  check({ "page/morph.js": 'import { forms } from "./forms.js";' }, ["page/morph.js imports page/forms.js"]);
  const changed = texts();
  changed.delete("main.js");
  assert.deepEqual(violations(ROOMS, changed), ["main.js has a room and does not exist"]);
});

test("no_module_is_imported_by_an_expression", () => {
  // Such an import cannot be read from the text. Navigation runs the scripts of pages in this way, not modules of the client.
  const found = [...texts()].flatMap(([name, text]) => [...text.matchAll(/\bimport\((?!["'`]\.)[^)]*\)/g)].map(([call]) => `${name} ${call}`));
  assert.deepEqual(found, ["page/scripts.js import(href)"]);
});

test("a_folder_has_at_most_sixteen_entries", () => {
  const folders = SOURCES.map((name) => name.replace(/[^/]*$/, ""));
  for (const folder of new Set(folders)) {
    const entries = new Set(SOURCES.filter((name) => name.startsWith(folder)).map((name) => name.slice(folder.length).split("/")[0]));
    assert.ok(entries.size <= 16, `${folder} has ${entries.size}`);
  }
});
