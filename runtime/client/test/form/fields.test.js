import assert from "node:assert/strict";
import { test } from "node:test";

import { canonical, controlsAt } from "../../form/fields.js";

test("a_path_has_one_form", () => {
  for (const path of ["items[0].name", "items.0.name", "items[0][name]", "items.0[name]"]) assert.equal(canonical(path), "items.0.name");
  assert.equal(canonical("tags[]"), "tags");
  assert.equal(canonical("name"), "name");
  assert.equal(canonical(""), "");
});

/** Checks the positions of the controls that a path finds. */
function check(names, path, expected) {
  const controls = names.map((name) => ({ name }));
  assert.deepEqual(controlsAt(controls, path).map((control) => controls.indexOf(control)), expected);
}

test("a_path_finds_the_controls_of_its_name", () => {
  check(["a", "b", "a"], "a", [0, 2]);
  check(["a"], "b", []);
  check(["items[0].name", "items[1].name"], "items.1.name", [1]);
});

test("an_item_of_a_list_finds_the_control_at_its_position", () => {
  check(["tags", "x", "tags"], "tags[1]", [2]);
  check(["tags[]", "tags[]"], "tags[0]", [0]);
  check(["tags"], "tags[1]", []);
  check(["tags[0]", "tags"], "tags[0]", [0]);
});

test("a_control_without_a_name_is_found_by_no_path", () => {
  check([""], "", []);
});
