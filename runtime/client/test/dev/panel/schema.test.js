import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { controls, example, inputOf, reached, textsOf } from "../../../dev/panel/schema.js";

/** Every form that Rust gives a type, as the server describes it. */
const golden = JSON.parse(readFileSync(new URL("../../../../src/schema/golden/shapes.openapi.json", import.meta.url), "utf8"));
const definitions = Object.fromEntries(Object.entries(golden.components.schemas).map(([key, schema]) => [key, { schema, text: key }]));

const SEND = {
  type: "object",
  required: ["username", "count", "urgent", "kind", "near", "tags"],
  properties: {
    username: { type: "string", minLength: 1, maxLength: 20, description: "Who says it." },
    count: { type: "integer", minimum: 1, maximum: 9 },
    urgent: { type: "boolean" },
    kind: { enum: ["a", "b"] },
    near: { type: "object", required: ["x"], properties: { x: { type: "number" } } },
    tags: { type: "array", items: { type: "string" } },
    note: { type: ["string", "null"] },
    maybe: { type: ["boolean", "null"] },
  },
};

/** @param {object} texts */
function read(texts, schema = SEND) {
  return inputOf(controls(schema, definitions), texts);
}

const RIGHT = { username: "Ada", count: "2", urgent: "true", kind: "b", "near.x": "0.5", tags: '["x"]' };

test("each_field_is_what_its_schema_says", () => {
  const kinds = controls(SEND, definitions).map(({ path, kind, isRequired }) => [path.join(), kind, isRequired]);
  assert.deepEqual(kinds, [
    ["username", "text", true],
    ["count", "integer", true],
    ["urgent", "flag", true],
    ["kind", "choice", true],
    ["near", "group", true],
    ["tags", "json", true],
    ["note", "text", false],
    ["maybe", "choice", false],
  ]);
  const [username, count] = controls(SEND, definitions);
  assert.equal(username.hint, "string, 1 to 20 characters");
  assert.equal(username.doc, "Who says it.");
  assert.equal(count.hint, "integer, 1 to 9");
});

test("texts_become_the_input", () => {
  assert.deepEqual(read(RIGHT), {
    input: { username: "Ada", count: 2, urgent: true, kind: "b", near: { x: 0.5 }, tags: ["x"] },
    wrong: {},
  });
  assert.deepEqual(read({ ...RIGHT, note: "n", maybe: "false" }).input.maybe, false);
});

test("an_input_becomes_texts_and_itself_again", () => {
  const { input } = read(RIGHT);
  assert.deepEqual(textsOf(controls(SEND, definitions), input), RIGHT);
});

test("a_text_that_is_wanted_may_be_empty_as_the_server_is_to_say_so", () => {
  assert.equal(read({ ...RIGHT, username: "" }).input.username, "");
});

test("what_cannot_be_read_is_told_by_field", () => {
  const { wrong } = read({ ...RIGHT, count: "two", "near.x": "", tags: "[" });
  assert.deepEqual(Object.keys(wrong), ["count", "near.x", "tags"]);
  assert.match(wrong.count, /no number/);
  assert.match(wrong["near.x"], /wanted/);
  assert.match(wrong.tags, /no JSON/);
});

test("a_number_that_javascript_would_change_is_not_sent", () => {
  assert.match(read({ ...RIGHT, count: "9007199254740993" }).wrong.count, /too many digits/);
});

test("what_may_be_null_but_has_to_be_there_is_null_when_empty", () => {
  const schema = { type: "object", required: ["at"], properties: { at: { anyOf: [{ type: "integer" }, { type: "null" }] } } };
  assert.deepEqual(read({}, schema).input, { at: null });
});

test("what_has_no_fixed_fields_is_json", () => {
  assert.equal(controls({ type: "object", additionalProperties: true }, definitions), null);
  assert.equal(controls({ oneOf: [{ type: "string" }] }, definitions), null);
  assert.deepEqual(controls({ type: "object" }, definitions), []);
});

test("a_type_that_holds_itself_has_an_end", () => {
  const own = { Tree: { schema: { type: "object", required: ["left"], properties: { left: { $ref: "#/components/schemas/Tree" } } }, text: "" } };
  const schema = { $ref: "#/components/schemas/Tree" };
  assert.equal(controls(schema, own).length, 1);
  assert.ok(JSON.stringify(example(schema, own)).length < 100);
  const circle = { A: { schema: { $ref: "#/components/schemas/A" }, text: "" } };
  assert.equal(example({ $ref: "#/components/schemas/A" }, circle), null);
});

test("the_example_of_every_input_goes_through_its_form", () => {
  let forms = 0;
  for (const { post } of Object.values(golden.paths)) {
    const { schema } = post.requestBody.content["application/json"];
    const fields = controls(schema, definitions);
    if (fields === null) continue;
    forms += 1;
    // Numbers that are nothing else, and texts, are as the example has them; so is all that is JSON.
    const sample = example(schema, definitions);
    const { input, wrong } = inputOf(fields, textsOf(fields, sample));
    assert.deepEqual(wrong, {}, post.operationId);
    assert.deepEqual(input, sample, post.operationId);
  }
  assert.ok(forms > 5);
});

test("definitions_are_found_once_each_through_others", () => {
  const own = { A: { schema: { properties: { b: { $ref: "#/components/schemas/B" } } }, text: "" }, B: { schema: { items: { $ref: "#/components/schemas/A" } }, text: "" } };
  assert.deepEqual(reached([{ $ref: "#/components/schemas/A" }, { $ref: "#/components/schemas/Unknown" }], own), ["A", "B"]);
});
