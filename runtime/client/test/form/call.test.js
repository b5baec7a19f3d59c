// What the path of every call does with a form: form/forms.js is tested in a browser, by app/tests/forms.test.js and
// controls.test.js.

import assert from "node:assert/strict";
import { test } from "node:test";

import { actions } from "../../call/action.js";
import { batch } from "../../call/batch.js";
import { answerWith } from "../../testing/fakes.js";
import { FakeForm, follow, world } from "../../testing/world.js";

/** The fields of a form, which a fake cannot have. */
function data(fields) {
  const data = new FormData();
  for (const [name, value] of Object.entries(fields)) data.append(name, value);
  return data;
}

/** A client whose calls of forms are bound by the test. */
function bound(bindCall, ...responders) {
  const it = world(...responders);
  it.client.bindCall = bindCall;
  return it;
}

test("a_form_data_is_the_body_as_it_is", async () => {
  const { action, requests } = world(answerWith(200, 1));
  const body = data({ name: "Ada" });
  await action.a.B(body).call();
  const [{ init, headers }] = requests;
  assert.equal(init.body, body);
  // The browser writes the type with the boundary.
  assert.equal(headers.get("content-type"), null);
});

test("a_form_data_is_a_query_with_get_and_a_file_is_refused", async () => {
  const { action, requests } = world(answerWith(200, 1));
  const body = data({ q: "a&b" });
  body.append("q", "c");
  await action.a.Find(body).withMethod("GET").call();
  assert.equal(requests[0].url.search, "?q=a%26b&q=c");
  body.append("file", new Blob(["x"]));
  await assert.rejects(action.a.Find(body).withMethod("GET").call(), /a\.Find: "file" is a file/);
});

test("a_call_with_a_form_is_bound_and_any_other_is_not", async () => {
  const seen = [];
  const { action, requests } = bound((settings, run) => {
    seen.push(settings.element);
    return run({ ...settings, input: data({ name: "Ada" }) });
  }, answerWith(200, { id: 7 }));
  const form = new FakeForm();
  assert.deepEqual(await action.a.B(form).call(), { id: 7 });
  await action.a.B({ form }).call();
  await action.a.B().call();
  assert.deepEqual(seen, [form]);
  assert.deepEqual([...requests[0].init.body], [["name", "Ada"]]);
});

test("a_form_whose_control_is_named_constructor_is_a_form", async () => {
  let isBound = false;
  const { action } = bound(async () => (isBound = true));
  await action.a.B(Object.assign(new FakeForm(), { constructor: {}, nodeName: {}, tagName: {} })).call();
  assert.ok(isBound);
});

test("forms_are_debounced_each_for_itself", async () => {
  const seen = [];
  const { action, clock } = bound(async ({ element }) => seen.push(element), answerWith(200, 1));
  const [one, two] = [new FakeForm(), new FakeForm()];
  for (const form of [one, two, one]) action.a.B(form).withDebounce(300).call();
  await clock.advance(300);
  assert.deepEqual(seen, [two, one]);
});

test("the_outcome_of_a_form_may_be_ignored_and_can_be_awaited", async () => {
  const { action } = bound((settings, run) => run({ ...settings, input: data({}) }), answerWith(422, { status: 422, code: "validation_failed", errors: { name: ["is taken"] } }));
  const seen = follow(action.a.B(new FakeForm()).call());
  await assert.rejects(action.a.B(new FakeForm()).call(), ({ fields }) => fields.name[0] === "is taken");
  assert.equal(seen.state, "rejected");
  // A rejection that nobody handles would fail this test.
  action.a.B(new FakeForm()).call();
  await new Promise((resolve) => setTimeout(resolve, 20));
});

test("effects_know_the_form_of_their_call", async () => {
  const seen = [];
  const { client } = bound((settings, run) => run({ ...settings, input: data({}), onEffects: (field) => seen.push(field) }), answerWith(200, 1, { "kipo-effects": "[]" }));
  client.performEffects = (field, report, element) => seen.push(element);
  const form = new FakeForm();
  await actions(client).a.B(form).call();
  assert.deepEqual(seen, ["[]", form]);
});

test("a_part_of_a_batch_carries_no_form", async () => {
  const { action, client, platform } = world();
  for (const input of [new FakeForm(), data({})]) {
    await assert.rejects(batch([action.a.B(input)], client, platform), /a\.B: a part of a batch cannot carry a form/);
  }
});
