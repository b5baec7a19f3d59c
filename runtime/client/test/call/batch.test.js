import assert from "node:assert/strict";
import { test } from "node:test";

import { batch } from "../../call/batch.js";
// Loaded before the tests, so that a GET waits for no file.
import "../../call/query.js";
import { settle } from "../../testing/fakes.js";
import { FakeElement, follow, world } from "../../testing/world.js";

/** A world whose server answers a batch with lines that the test writes. */
function batchWorld(...responders) {
  const lines = [];
  const answer = () =>
    new Response(new ReadableStream({ start: (controller) => lines.push(controller) }), {
      headers: { "content-type": "application/x-ndjson" },
    });
  const all = world(answer, ...responders);
  const write = (part, status, body, more = {}) => {
    const line = { part, status, headers: { "content-type": "application/json", ...more.headers }, cookies: more.cookies, body };
    lines[0].enqueue(new TextEncoder().encode(`${JSON.stringify(line)}\n`));
    return settle();
  };
  const send = (...parts) => batch(parts, all.client, all.platform);
  return { ...all, write, send, end: () => lines[0].close() };
}

test("a_batch_is_one_request_with_the_calls_in_their_order", async () => {
  const { action, requests, send, write, end } = batchWorld();
  const outcome = send(action.chat.Send({ text: "hi" }), action.Me().build(), action.a.B({ n: 1 }).withRetry(2));
  await settle();
  assert.equal(requests.length, 1);
  const { url, init } = requests[0];
  assert.equal(url.href, "http://kipo.test/_kipo/batch");
  assert.equal(init.method, "POST");
  assert.equal(init.headers["content-type"], "application/json");
  const [first, second, third] = JSON.parse(init.body);
  assert.deepEqual(first, { action: "chat.Send", input: { text: "hi" } });
  assert.deepEqual(second, { action: "Me", input: {} });
  assert.match(third.idempotency_key, /^"\d+-\d+-\d+-\d+"$/);
  await write(2, 200, 3);
  await write(0, 204);
  await write(1, 409, { status: 409, code: "room_full", data: { limit: 8 } });
  end();
  const [sent, me, b] = await outcome;
  assert.deepEqual([sent, b], [{ status: "fulfilled", value: null }, { status: "fulfilled", value: 3 }]);
  assert.equal(me.reason.code, "room_full");
  assert.deepEqual(me.reason.data, { limit: 8 });
});

test("a_part_of_another_method_has_its_input_as_json_and_a_further_attempt_is_its_own_request", async () => {
  const { action, requests, clock, send, write } = batchWorld(() => Response.json("again"));
  const outcome = send(
    action.a.Find({ words: ["a", "b c"], page: undefined, since: new Date(0) }).withMethod("GET").withRetry(2),
    action.a.Save({ n: 1 }).withMethod("PUT"),
    action.a.Replace([1, 2]),
  );
  await settle();
  const calls = JSON.parse(requests[0].init.body);
  assert.deepEqual(calls.map(({ action, input }) => [action, input]), [
    ["a.Find", { words: ["a", "b c"], since: "1970-01-01T00:00:00.000Z" }],
    ["a.Save", { n: 1 }],
    ["a.Replace", [1, 2]],
  ]);
  await write(0, 503, { status: 503, code: "overloaded" });
  await write(1, 204);
  await write(2, 200, 3);
  await clock.advance(5000);
  assert.equal((await outcome)[0].value, "again");
  assert.equal(requests[1].init.method, "GET");
  assert.equal(requests[1].url.search, "?words=a&words=b+c&since=1970-01-01T00%3A00%3A00.000Z");
});

test("a_get_whose_input_no_query_carries_is_the_error_of_its_part", async () => {
  const { action, requests, send, write } = batchWorld();
  const outcome = send(action.a.Find({ by: {} }).withMethod("GET"), action.a.B());
  await settle();
  assert.deepEqual(JSON.parse(requests[0].init.body), [{ action: "a.B", input: {} }]);
  await write(0, 204);
  assert.match((await outcome)[0].reason.message, /"by" is an object, which GET cannot carry/);
});

test("a_part_ends_as_soon_as_it_has_arrived", async () => {
  const { action, send, write } = batchWorld();
  const log = [];
  const button = new FakeElement();
  const outcome = follow(
    send(
      action.a.Slow().withOnComplete(() => log.push("slow")),
      action.a.Quick().withLoading(button).withOnSuccess((output) => void log.push(output)),
    ),
  );
  await settle();
  assert.equal(button.busy, true);
  await write(1, 200, "quick");
  assert.deepEqual([log, button.busy, outcome.state], [["quick"], false, "pending"]);
  await write(0, 200, 1);
  assert.deepEqual([log, outcome.state], [["quick", "slow"], "fulfilled"]);
});

test("effects_run_in_the_order_of_the_parts", async () => {
  const { action, effects, send, write } = batchWorld();
  const log = [];
  effects.set("log", ({ name }) => log.push(name));
  send(action.a.First(), action.a.Second(), action.a.Third());
  await settle();
  const asks = (name) => ({ headers: { "kipo-effects": JSON.stringify([{ effect: "log", name }]) } });
  await write(2, 200, 3, asks("third"));
  await write(1, 200, 2);
  assert.deepEqual(log, []);
  await write(0, 500, { status: 500, code: "internal" }, asks("first"));
  assert.deepEqual(log, ["first", "third"]);
});

test("parts_without_a_response_fail_when_the_connection_breaks", async () => {
  const { action, send, write, end } = batchWorld();
  const outcome = send(action.a.B(), action.a.C());
  await settle();
  await write(0, 200, 1);
  end();
  const [b, c] = await outcome;
  assert.equal(b.value, 1);
  assert.equal(c.reason.code, "network");
});

test("a_refused_batch_refuses_each_part", async () => {
  const problem = { status: 413, code: "payload_too_large" };
  const all = world(() => Response.json(problem, { status: 413 }));
  const outcomes = await batch([all.action.a.B(), all.action.a.C()], all.client, all.platform);
  assert.deepEqual(outcomes.map(({ reason }) => reason.code), ["payload_too_large", "payload_too_large"]);
});

test("a_further_attempt_of_a_part_goes_alone", async () => {
  const { action, requests, clock, send, write } = batchWorld(() => Response.json("again"));
  const outcome = send(action.a.B().withRetry(2), action.a.C());
  await settle();
  await write(0, 503, { status: 503, code: "overloaded" });
  await write(1, 204);
  await clock.advance(5000);
  assert.equal((await outcome)[0].value, "again");
  assert.equal(requests[1].url.pathname, "/_kipo/actions/a.B");
});

test("an_aborted_part_does_not_abort_the_others", async () => {
  const { action, requests, send, write } = batchWorld();
  const abort = new AbortController();
  const outcome = send(action.a.B().withSignal(abort.signal), action.a.C());
  await settle();
  abort.abort(new Error("enough"));
  await settle();
  assert.equal(requests[0].init.signal.aborted, false);
  await write(0, 200, 1);
  await write(1, 200, 2);
  const [b, c] = await outcome;
  assert.deepEqual([b.reason.message, c.value], ["enough", 2]);
});

test("the_request_is_aborted_when_no_part_waits", async () => {
  const { action, client, requests, send } = batchWorld();
  const outcome = send(action.a.B(), action.a.C());
  await settle();
  client.page.abort(new Error("left"));
  assert.deepEqual((await outcome).map(({ reason }) => reason.message), ["left", "left"]);
  assert.equal(requests[0].init.signal.aborted, true);
});

test("a_part_that_is_aborted_before_is_not_sent", async () => {
  const { action, requests, send, write } = batchWorld();
  const outcome = send(action.a.B().withSignal(AbortSignal.abort(new Error("no"))), action.a.C());
  await settle();
  assert.deepEqual(JSON.parse(requests[0].init.body), [{ action: "a.C", input: {} }]);
  await write(0, 200, 2);
  assert.deepEqual((await outcome)[1], { status: "fulfilled", value: 2 });
});

test("a_late_cookie_is_claimed_before_its_part_ends", async () => {
  const { action, requests, send, write } = batchWorld(() => new Response(null, { status: 204 }));
  const outcome = send(action.a.Login());
  await settle();
  await write(0, 200, 1, { cookies: "0123" });
  assert.equal((await outcome)[0].value, 1);
  assert.equal(requests[1].url.href, "http://kipo.test/_kipo/batch/cookies");
  assert.deepEqual([requests[1].init.method, requests[1].init.body], ["POST", "0123"]);
});

test("a_late_cookie_that_is_lost_is_the_error_of_its_part", async () => {
  const lost = () => Response.json({ status: 404, code: "not_found" }, { status: 404 });
  const { action, send, write } = batchWorld(lost);
  const outcome = send(action.a.Login());
  await settle();
  await write(0, 200, 1, { cookies: "0123" });
  assert.equal((await outcome)[0].reason.code, "not_found");
});

test("what_cannot_be_a_part_is_refused_before_anything_is_sent", async () => {
  const { action, requests, send } = batchWorld();
  const parts = Array.from({ length: 101 }, () => action.a.B());
  await assert.rejects(send(...parts), /at most 100 calls, not 101/);
  await assert.rejects(send(action.a.B().withOnProgress(() => {})), /a\.B: a part of a batch cannot stream/);
  await assert.rejects(send(action.a.B(new Blob(["x"]))), /a\.B: a part of a batch cannot carry a file/);
  await assert.rejects(send(action.a.B({ files: [new Blob(["x"])] })), /a\.B: a part of a batch cannot carry a file/);
  await assert.rejects(send(Promise.resolve()), /a call that is not sent/);
  assert.deepEqual(await send(), []);
  assert.equal(requests.length, 0);
});
