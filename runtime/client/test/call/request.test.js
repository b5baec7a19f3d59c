import assert from "node:assert/strict";
import { test } from "node:test";

import { answerWith, settle } from "../../testing/fakes.js";
import { world } from "../../testing/world.js";

test("a_call_posts_its_input_to_the_name_of_the_action", async () => {
  const { action, requests } = world(answerWith(200, { id: 7 }));
  const output = await action.chat.Send({ username: "ada", message: "hi" }).call();
  assert.deepEqual(output, { id: 7 });
  const [{ url, init, headers }] = requests;
  assert.equal(url.href, "http://kipo.test/_kipo/actions/chat.Send");
  assert.equal(init.method, "POST");
  assert.equal(init.body, '{"username":"ada","message":"hi"}');
  assert.equal(headers.get("content-type"), "application/json");
  assert.equal(headers.get("accept"), "application/json");
});

test("namespaces_nest_and_an_input_may_be_missing", async () => {
  const { action, requests } = world(answerWith(200, 1));
  await action.admin.users.Purge().call();
  assert.equal(requests[0].url.pathname, "/_kipo/actions/admin.users.Purge");
  assert.equal(requests[0].init.body, "{}");
});

test("a_namespace_is_no_promise", async () => {
  const { action } = world(answerWith(200, 1));
  assert.equal(await action, action);
  assert.equal(typeof (await action.chat).Send, "function");
  assert.equal(`${Object.prototype.toString.call(action)}`, "[object Object]");
});

test("get_puts_the_fields_in_the_query", async () => {
  const { action, requests } = world(answerWith(200, 1));
  const input = { text: "a&b ü", page: 2, all: false, tags: ["x", "y"], none: null, missing: undefined, at: new Date(0) };
  await action.search.Find(input).withMethod("GET").call();
  const [{ url, init }] = requests;
  assert.equal(url.search, "?text=a%26b+%C3%BC&page=2&all=false&tags=x&tags=y&at=1970-01-01T00%3A00%3A00.000Z");
  assert.equal(init.method, "GET");
  assert.equal(init.body, undefined);
});

test("an_action_is_sent_with_the_method_that_the_page_names", async () => {
  const { action, document, requests } = world(answerWith(200, 1));
  document.methods = { "search.Find": "GET", "boards.Rename": "PATCH" };
  assert.equal(action.search.Find({}).build().method, "GET");
  assert.equal(action.search.Find({}).withMethod("POST").build().method, "POST");
  assert.equal(action.search.Other({}).build().method, "POST");
  await action.boards.Rename({ name: "a" }).call();
  assert.equal(requests[0].init.method, "PATCH");
  assert.equal(requests[0].init.body, '{"name":"a"}');
});

test("a_blob_is_the_body_as_it_is", async () => {
  const { action, requests } = world(answerWith(200, 1));
  const body = new Blob(["a,b"], { type: "text/csv" });
  await action.files.Import(body).call();
  const [{ init, headers }] = requests;
  assert.equal(init.body, body);
  // The browser takes the type of the blob.
  assert.equal(headers.get("content-type"), null);
});

test("an_input_with_a_file_is_sent_as_a_form", async () => {
  const { action, requests } = world(answerWith(200, 1));
  const file = new File(["x"], "a.txt", { type: "text/plain" });
  await action.files.Put({ file, others: [file, file], title: "t", page: 2, all: false, none: null, missing: undefined, at: new Date(0) }).call();
  const [{ init, headers }] = requests;
  // The browser writes the boundary.
  assert.equal(headers.get("content-type"), null);
  const sent = [...init.body].map(([name, value]) => [name, value instanceof File ? value.name : value]);
  assert.deepEqual(sent, [
    ["file", "a.txt"],
    ["others", "a.txt"],
    ["others", "a.txt"],
    ["title", "t"],
    ["page", "2"],
    ["all", "false"],
    ["at", "1970-01-01T00:00:00.000Z"],
  ]);
});

test("a_form_is_the_body_as_it_is", async () => {
  const { action, requests } = world(answerWith(200, 1));
  const form = new FormData();
  await action.files.Put(form).call();
  assert.equal(requests[0].init.body, form);
});

test("a_file_to_download_is_the_output_as_a_blob", async () => {
  const headers = { "content-disposition": "attachment", "content-type": "application/json" };
  const { action } = world(async () => new Response("[1]", { headers }));
  const output = await action.files.Get().call();
  assert.ok(output instanceof Blob);
  assert.equal(await output.text(), "[1]");
});

test("an_input_may_be_a_list_or_a_scalar", async () => {
  for (const [input, body] of [[[1, 2], "[1,2]"], ["a", '"a"'], [7, "7"]]) {
    const { action, requests } = world(answerWith(200, 1));
    await action.list.Put(input).call();
    assert.equal(requests[0].init.body, body);
  }
});

test("a_value_that_a_request_cannot_carry_is_an_error", async () => {
  const { action, requests, reported } = world(answerWith(200, 1));
  const file = new Blob(["x"]);
  await assert.rejects(action.files.Put({ parts: [{ file }] }).call(), /files\.Put: "parts" is an object/);
  await assert.rejects(action.a.B({ c: { d: 1 } }).withMethod("GET").call(), /a\.B: "c" is an object/);
  assert.equal(requests.length, 0);
  assert.equal(reported.length, 0);
  // With an `onError` the promise counts as handled, so the client reports the error.
  action.files.Put({ file, point: { x: 1 } }).withOnError(() => assert.fail("no failure of the action")).call();
  await settle();
  assert.equal(reported.length, 1);
});
