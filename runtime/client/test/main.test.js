import assert from "node:assert/strict";
import { test } from "node:test";

import { settle } from "../testing/fakes.js";

// Only main.js has state of its own, so the test sets the globals before it loads it.
const requests = [];
globalThis.fetch = async (url, init) => {
  requests.push({ url, init });
  return Response.json({ id: 1 });
};
const main = await import("../main.js");

test("loading_the_client_sends_nothing", async () => {
  await settle();
  assert.deepEqual(requests, []);
});

test("action_is_exported_and_global", () => {
  assert.equal(globalThis.action, main.action);
});

test("the_base_path_is_one_folder_above_the_module", async () => {
  await main.action.chat.Send({ message: "hi" }).call();
  assert.equal(requests[0].url.href, new URL("../../actions/chat.Send", import.meta.url).href);
});

test("the_error_class_of_the_page_is_the_one_that_is_thrown", async () => {
  globalThis.fetch = async () => new Response(null, { status: 500 });
  await assert.rejects(main.action.chat.Send({}).call(), (error) => error instanceof main.ActionError);
});

test("refs_find_elements_by_name_and_name_the_missing_one", async () => {
  const input = { name: "an element" };
  const selectors = [];
  globalThis.CSS = { escape: (text) => text.replaceAll('"', '\\"') };
  globalThis.document = {
    querySelector(selector) {
      selectors.push(selector);
      return selector === '[p-ref="username_input"]' ? input : null;
    },
  };
  assert.equal(main.refs.username_input, input);
  assert.throws(() => main.refs.usrname_input, /no element with p-ref="usrname_input"/);
  assert.throws(() => main.refs['"]'], Error);
  assert.equal(selectors.at(-1), '[p-ref="\\"]"]');
  assert.equal(await main.refs, main.refs, "it may pass through an await");
  delete globalThis.document;
});

test("an_error_is_recognised_and_has_the_data_of_its_action", async () => {
  globalThis.fetch = async () => Response.json({ status: 409, code: "room_full", data: { limit: 8 } }, { status: 409 });
  await assert.rejects(main.action.chat.Send({}).call(), (error) => {
    assert.deepEqual([main.isError(error, main.action.chat.Send), error.code, error.data], [true, "room_full", { limit: 8 }]);
    return true;
  });
  assert.equal(main.isError(new Error("another"), main.action.chat.Send), false);
});

test("the_first_batch_loads_its_module", async () => {
  const seen = [];
  globalThis.fetch = async (url, init) => {
    seen.push([url.href, init.body]);
    return new Response('{"part":0,"status":200,"headers":{},"body":1}\n');
  };
  assert.deepEqual(await main.batch(main.action.a.B()), [{ status: "fulfilled", value: 1 }]);
  assert.deepEqual(seen, [[new URL("../../batch", import.meta.url).href, '[{"action":"a.B","input":{}}]']]);
});
