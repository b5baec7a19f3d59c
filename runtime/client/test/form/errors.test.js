import assert from "node:assert/strict";
import { test } from "node:test";

import { distribute } from "../../form/errors.js";

const CONTROLS = [{ name: "name" }, { name: "tags" }, { name: "tags" }];

/** Checks which errors stand beside which controls, and which at the form. */
function check(fields, { beside = {}, whole = [] }, elements = []) {
  const found = distribute(fields, CONTROLS, (path) => elements.includes(path));
  const byPath = found.beside.map(({ path, text, found }) => [path, [text, ...found.map((control) => CONTROLS.indexOf(control))]]);
  assert.deepEqual([Object.fromEntries(byPath), found.whole], [beside, whole]);
}

test("an_error_stands_beside_its_control", () => {
  check({ name: ["is taken", "is too short"] }, { beside: { name: ["is taken, is too short", 0] } });
  check({ "tags[1]": ["is too long"], tags: ["are too few"] }, { beside: { "tags[1]": ["is too long", 2], tags: ["are too few", 1, 2] } });
});

test("an_error_without_a_control_stands_at_the_form_with_its_path", () => {
  check({ id: ["is required"], "": ["is a duplicate"] }, { whole: ["id: is required", "is a duplicate"] });
});

test("an_error_without_a_control_stands_in_an_element_of_its_own_if_there_is_one", () => {
  check({ "items[0]": ["is sold out"] }, { beside: { "items[0]": ["is sold out"] } }, ["items.0"]);
});
