import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { controls, example, inputOf, reached, textsOf } from "../../../dev/panel/schema.js";

/** A schema for every kind of Rust type, as the server describes it. */
const golden = JSON.parse(readFileSync(new URL("../../../../src/schema/golden/shapes.openapi.json", import.meta.url), "utf8"));
const definitions = Object.fromEntries(Object.entries(golden.components.schemas).map(([key, schema]) => [key, { schema, text: key }]));

const SEND = {
  type: "object",
  required: ["username", "count", "urgent", "kind", "near", "tags"],
  properties: {
    username: { type: "string", minLength: 1, maxLength: 20, description: "The sender." },
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

test("each_field_has_the_kind_of_its_schema", () => {
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
  assert.equal(username.doc, "The sender.");
  assert.equal(count.hint, "integer, 1 to 9");
});

test("texts_become_the_input", () => {
  assert.deepEqual(read(RIGHT), {
    input: { username: "Ada", count: 2, urgent: true, kind: "b", near: { x: 0.5 }, tags: ["x"] },
    wrong: {},
  });
  assert.deepEqual(read({ ...RIGHT, note: "n", maybe: "false" }).input.maybe, false);
});

test("an_input_becomes_texts_and_the_same_input_again", () => {
  const { input } = read(RIGHT);
  assert.deepEqual(textsOf(controls(SEND, definitions), input), RIGHT);
});

test("a_required_text_may_be_empty_since_the_server_validates_it", () => {
  assert.equal(read({ ...RIGHT, username: "" }).input.username, "");
});

test("invalid_texts_are_reported_by_field", () => {
  const { wrong } = read({ ...RIGHT, count: "two", "near.x": "", tags: "[" });
  assert.deepEqual(Object.keys(wrong), ["count", "near.x", "tags"]);
  assert.match(wrong.count, /not a number/);
  assert.match(wrong["near.x"], /required/);
  assert.match(wrong.tags, /not JSON/);
});

test("a_number_with_too_many_digits_is_not_sent", () => {
  assert.match(read({ ...RIGHT, count: "9007199254740993" }).wrong.count, /too many digits/);
});

test("a_required_nullable_field_is_null_when_empty", () => {
  const schema = { type: "object", required: ["at"], properties: { at: { anyOf: [{ type: "integer" }, { type: "null" }] } } };
  assert.deepEqual(read({}, schema).input, { at: null });
});

test("an_input_without_fixed_fields_is_json", () => {
  assert.equal(controls({ type: "object", additionalProperties: true }, definitions), null);
  assert.equal(controls({ oneOf: [{ type: "string" }] }, definitions), null);
  assert.deepEqual(controls({ type: "object" }, definitions), []);
});

test("a_recursive_type_has_an_end", () => {
  const own = { Tree: { schema: { type: "object", required: ["left"], properties: { left: { $ref: "#/components/schemas/Tree" } } }, text: "" } };
  const schema = { $ref: "#/components/schemas/Tree" };
  assert.equal(controls(schema, own).length, 1);
  assert.ok(JSON.stringify(example(schema, own)).length < 100);
  const circle = { A: { schema: { $ref: "#/components/schemas/A" }, text: "" } };
  assert.equal(example({ $ref: "#/components/schemas/A" }, circle), null);
});

test("the_example_of_every_input_goes_through_its_form", () => {
  let forms = 0;
  for (const operation of Object.values(golden.paths).flatMap(Object.values)) {
    // A GET has no body, and one of any bytes has no form.
    const { schema } = operation.requestBody?.content["application/json"] ?? {};
    if (!schema) continue;
    const fields = controls(schema, definitions);
    if (fields === null) continue;
    forms += 1;
    // Numbers, texts and JSON are as in the example.
    const sample = example(schema, definitions);
    const { input, wrong } = inputOf(fields, textsOf(fields, sample));
    assert.deepEqual(wrong, {}, operation.operationId);
    assert.deepEqual(input, sample, operation.operationId);
  }
  assert.ok(forms > 5);
});

test("definitions_are_found_once_each_also_through_other_definitions", () => {
  const own = { A: { schema: { properties: { b: { $ref: "#/components/schemas/B" } } }, text: "" }, B: { schema: { items: { $ref: "#/components/schemas/A" } }, text: "" } };
  assert.deepEqual(reached([{ $ref: "#/components/schemas/A" }, { $ref: "#/components/schemas/Unknown" }], own), ["A", "B"]);
});
