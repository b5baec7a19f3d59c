import assert from "node:assert/strict";
import { test } from "node:test";

import { FakeStream, answerText, answerWith, chat, cursor, frame, ready, settle } from "../../testing/fakes.js";
import { FakeElement, follow, world } from "../../testing/world.js";

// Callbacks

test("callbacks_run_in_order_around_a_success", async () => {
  const { action } = world(answerWith(200, 5));
  const log = [];
  const output = await action.a
    .B()
    .withOptimistic(() => void log.push("optimistic"))
    .withOnSuccess((output) => void log.push(["success", output]))
    .withOnError(() => log.push("error"))
    .withOnComplete(() => log.push("complete"))
    .call();
  assert.equal(output, 5);
  assert.deepEqual(log, ["optimistic", ["success", 5], "complete"]);
});

test("a_failure_undoes_the_optimistic_change", async () => {
  const { action } = world(answerWith(409, { status: 409, code: "conflict" }));
  const log = [];
  const call = action.a
    .B()
    .withOptimistic(() => () => log.push("undone"))
    .withOnSuccess(() => void log.push("success"))
    .withOnError((error) => log.push(error.code))
    .withOnComplete(() => log.push("complete"))
    .call();
  await assert.rejects(call);
  assert.deepEqual(log, ["undone", "conflict", "complete"]);
});

test("a_callback_that_throws_is_reported_and_ends_nothing", async () => {
  const fail = () => {
    throw new Error("callback");
  };
  const failLater = () => Promise.reject(new Error("callback"));
  for (const callback of [fail, failLater]) {
    const good = world(answerWith(200, 5));
    const output = await good.action.a.B().withOptimistic(callback).withOnSuccess(callback).withOnComplete(callback).call();
    await settle();
    assert.equal(output, 5);
    assert.equal(good.reported.length, 3);

    const bad = world(answerWith(404, { status: 404, code: "not_found" }));
    await assert.rejects(bad.action.a.B().withOnError(callback).withOnComplete(callback).call(), { code: "not_found" });
    await settle();
    assert.equal(bad.reported.length, 2);
  }
});

test("on_success_may_return_the_next_action", async () => {
  const { action, requests } = world(answerWith(200, { id: 7 }), answerWith(200, "next"));
  const outputs = [];
  const next = ({ id }) => action.a.Next({ id }).withOnSuccess((output) => void outputs.push(output));
  assert.deepEqual(await action.a.First().withOnSuccess(next).call(), { id: 7 });
  await settle();
  assert.equal(requests[1].url.pathname, "/_kipo/actions/a.Next");
  assert.equal(requests[1].init.body, '{"id":7}');
  assert.deepEqual(outputs, ["next"]);
});

test("on_success_may_be_async_and_return_a_plan", async () => {
  const { action, requests } = world(answerWith(200, 1));
  await action.a.First().withOnSuccess(async () => action.a.Next().build()).call();
  await settle();
  assert.deepEqual(requests.map(({ url }) => url.pathname), ["/_kipo/actions/a.First", "/_kipo/actions/a.Next"]);
});

test("a_call_with_on_error_needs_no_catch", async () => {
  const { action } = world(answerText(404, ""));
  const unhandled = [];
  const listen = (reason) => unhandled.push(reason);
  process.on("unhandledRejection", listen);
  action.a.B().withOnError(() => {}).call();
  await settle();
  process.off("unhandledRejection", listen);
  assert.deepEqual(unhandled, []);
});

// Debounce

test("of_calls_within_the_delay_only_the_last_runs", async () => {
  const { action, requests, clock } = world(answerWith(200, "found"));
  const successes = [];
  const find = (text) =>
    follow(action.search.Find({ text }).withDebounce(300).withOnSuccess(() => void successes.push(text)).call());
  const calls = [find("k")];
  await clock.advance(200);
  calls.push(find("ki"));
  await clock.advance(200);
  calls.push(find("kip"));
  await clock.advance(299);
  assert.equal(requests.length, 0);
  await clock.advance(1);
  assert.deepEqual(requests.map(({ init }) => init.body), ['{"text":"kip"}']);
  assert.deepEqual(calls.map(({ value }) => value), ["found", "found", "found"]);
  assert.deepEqual(successes, ["kip"]);
  find("kipo");
  await clock.advance(300);
  assert.equal(requests.length, 2);
});

test("debounce_is_per_action_and_element", async () => {
  const { action, requests, clock } = world(answerWith(200, 1));
  const [one, two] = [new FakeElement(), new FakeElement()];
  action.a.B().withDebounce(10).call();
  action.a.C().withDebounce(10).call();
  action.a.C().withDebounce(10).withLoading(one).call();
  action.a.C().withDebounce(10).withLoading(two).call();
  await clock.advance(10);
  assert.equal(requests.length, 4);
});

test("an_abort_ends_the_delay_of_a_debounced_call", async () => {
  const { action, requests, clock } = world(answerWith(200, 1));
  const controller = new AbortController();
  const call = follow(action.a.B().withDebounce(10).withSignal(controller.signal).call());
  controller.abort("left");
  await settle();
  assert.deepEqual(call, { state: "rejected", value: "left" });
  await clock.advance(100);
  assert.equal(requests.length, 0);
});

// Streams

test("a_stream_calls_back_with_data_and_event_and_resolves_with_the_output", async () => {
  const wire = new FakeStream();
  const { action, requests } = world(wire.respond);
  const log = [];
  const call = follow(
    action.chat
      .Listen({})
      .withOnProgress((data, event) => log.push([event, data]))
      .withOnSuccess((output) => void log.push(["success", output]))
      .withOnComplete(() => log.push("complete"))
      .call(),
  );
  await settle();
  assert.equal(requests[0].headers.get("accept"), "text/event-stream");
  assert.equal(requests[0].init.method, "POST");
  assert.equal(requests[0].init.body, "{}");
  await wire.send(ready(cursor(0)) + chat(1) + frame("tick", null) + frame("complete", [1]));
  assert.deepEqual(call, { state: "fulfilled", value: [1] });
  assert.deepEqual(log, [["chat", { n: 1 }], ["tick", null], ["success", [1]], "complete"]);
});

test("a_progress_callback_that_throws_is_reported_and_loses_no_connection", async () => {
  const wire = new FakeStream();
  const { action, requests, reported } = world(wire.respond);
  let calls = 0;
  const call = follow(
    action.chat
      .Listen()
      .withOnProgress(() => {
        calls += 1;
        throw new Error("callback");
      })
      .withRetryStream({ baseDelay: 0 })
      .call(),
  );
  await settle();
  await wire.send(ready(cursor(0)) + chat(1) + chat(2) + frame("complete", null));
  assert.equal(calls, 2);
  assert.equal(reported.length, 2);
  assert.equal(requests.length, 1);
  assert.deepEqual(call, { state: "fulfilled", value: null });
});

test("stream_callbacks_that_throw_are_reported_and_do_not_end_the_stream", async () => {
  const wires = [new FakeStream(), new FakeStream()];
  const { action, reported, clock } = world(...wires.map(({ respond }) => respond));
  const fail = () => {
    throw new Error("callback");
  };
  const call = follow(
    action.chat.Listen().withOnState(fail).withRetryStream({ onDisconnect: fail, onReconnect: fail, onGap: fail }).call(),
  );
  await settle();
  await wires[0].send(ready());
  await wires[0].end();
  await clock.advance(3000);
  await wires[1].send(ready(cursor(1), "gap") + frame("kipo:gap", { reason: "trimmed" }) + frame("complete", "done"));
  assert.deepEqual(call, { state: "fulfilled", value: "done" });
  // connecting, open, waiting, connecting, open, closed; and one of each other.
  assert.equal(reported.length, 9);
});

test("a_stream_over_get_resumes_with_the_header_and_the_same_query", async () => {
  const wires = [new FakeStream(), new FakeStream()];
  const { action, requests, clock } = world(...wires.map(({ respond }) => respond));
  action.chat.Listen({ room: "ü" }).withMethod("GET").withRetryStream().call();
  // The first GET loads a module.
  await import("../../call/query.js");
  await settle();
  await wires[0].send(ready("schlüssel"));
  await wires[0].end();
  await clock.advance(3000);
  const [first, second] = requests;
  assert.equal(first.url.search, "?room=%C3%BC");
  assert.equal(second.url.href, first.url.href);
  assert.equal(first.headers.get("last-event-id"), null);
  assert.equal(Buffer.from(second.headers.get("last-event-id"), "latin1").toString("utf8"), "schlüssel");
});

test("a_stream_without_a_position_starts_at_the_position_of_its_page", async () => {
  const [wire, again] = [new FakeStream(), new FakeStream()];
  const { action, document, clock, requests } = world(answerText(503, ""), wire.respond, again.respond);
  const sent = () => requests.map(({ headers }) => [headers.get("kipo-position"), headers.get("last-event-id")]);
  document.position = cursor(3);
  follow(action.a.Listen().withRetryStream().call());
  await settle();
  // In development an edit has morphed the page by then.
  document.position = cursor(9);
  await clock.advance(3000);
  assert.deepEqual(sent(), [[cursor(3), null], [cursor(3), null]]);
  await wire.send(ready(cursor(3), "resumed") + chat(4));
  await wire.tear();
  await clock.advance(6000);
  assert.deepEqual(sent()[2], [null, cursor(4)]);
});

test("a_page_from_the_back_forward_cache_resumes_its_stream", async () => {
  const wires = [new FakeStream(), new FakeStream(), new FakeStream()];
  const { action, document, window, requests } = world(...wires.map(({ respond }) => respond));
  document.position = cursor(3);
  follow(action.a.Listen().withRetryStream().call());
  const comeBack = async () => {
    window.dispatchEvent(new Event("pagehide"));
    await settle();
    window.dispatchEvent(new Event("pageshow"));
    await settle();
    const { headers } = requests.at(-1);
    return [headers.get("kipo-position"), headers.get("last-event-id")];
  };
  await settle();
  assert.deepEqual(await comeBack(), [cursor(3), null], "it has received nothing yet");
  await wires[1].send(ready(cursor(3), "resumed") + chat(4));
  assert.deepEqual(await comeBack(), [null, cursor(4)]);
});

test("a_position_of_its_own_replaces_that_of_the_page", async () => {
  const { action, document, requests } = world(new FakeStream().respond);
  document.position = cursor(3);
  follow(action.a.Listen().from(cursor(2)).withRetryStream().call());
  follow(action.a.Listen().setFrom("hand-made").events().next());
  follow(action.a.Listen().withFrom(undefined).events().next());
  await settle();
  assert.deepEqual(
    requests.map(({ headers }) => [headers.get("kipo-position"), headers.get("last-event-id")]),
    [[null, cursor(2)], [null, "hand-made"], [cursor(3), null]],
  );
});

test("a_stream_of_several_topics_starts_at_their_positions_and_resumes_there", async () => {
  const [wire, again] = [new FakeStream(), new FakeStream()];
  const { action, document, clock, requests } = world(wire.respond, again.respond, wire.respond);
  const [before, after, skipped] = ["64DPAZLPOVoQGw_", "64DPApLPOVoQGw_", "64DPA5LPOV.QGw_"];
  document.position = before;
  const received = [];
  follow(action.a.Watch().withRetryStream().withOnProgress(({ n }) => received.push(n)).call());
  await settle();
  await wire.send(ready(before, "resumed") + frame("chat", { n: 1 }, after) + `id: ${skipped}\n\n`);
  await wire.tear();
  await clock.advance(3000);
  await again.send(ready(skipped, "resumed") + frame("chat", { n: 2 }, after));
  follow(action.a.Watch().from(after).events().next());
  await settle();
  assert.deepEqual(
    requests.map(({ headers }) => [headers.get("kipo-position"), headers.get("last-event-id")]),
    [[before, null], [null, skipped], [null, after]],
  );
  assert.deepEqual(received, [1, 2]);
});

test("a_stream_of_a_later_page_starts_at_the_position_of_that_page", async () => {
  const { action, client, document, requests } = world(new FakeStream().respond);
  document.position = cursor(3);
  follow(action.a.Listen().events().next());
  client.page.abort(new Error("left"));
  client.page = new AbortController();
  document.position = null;
  follow(action.a.Listen().events().next());
  document.position = cursor(5);
  follow(action.a.Listen().events().next());
  await settle();
  assert.deepEqual(requests.map(({ headers }) => headers.get("kipo-position")), [cursor(3), null, cursor(5)]);
});

test("a_loop_over_the_events_gets_each_with_its_id_and_ends_with_the_stream", async () => {
  const wire = new FakeStream();
  const { action } = world(wire.respond);
  const log = [];
  const loop = (async () => {
    for await (const { event, data, id } of action.chat.Listen().events()) log.push([event, data, id]);
  })();
  await settle();
  await wire.send(ready(cursor(0)) + chat(1) + frame("tick", null) + frame("complete", null));
  await loop;
  assert.deepEqual(log, [
    ["chat", { n: 1 }, cursor(1)],
    ["tick", null, null],
  ]);
});

test("leaving_the_loop_closes_the_stream", async () => {
  const wire = new FakeStream();
  const { action, clock } = world(wire.respond);
  const log = [];
  const loop = (async () => {
    for await (const { data } of action.chat.Listen().withRetryStream().withOnComplete(() => log.push("complete")).events()) {
      log.push(data.n);
      break;
    }
  })();
  await settle();
  await wire.send(ready(cursor(0)) + chat(1) + chat(2));
  await loop;
  assert.deepEqual(log, [1, "complete"]);
  assert.ok(wire.isClosed);
  assert.equal(clock.pending, 0);
});

test("a_loop_throws_the_error_of_its_stream", async () => {
  const { action } = world(answerWith(403, { status: 403, code: "forbidden" }));
  const errors = [];
  await assert.rejects(
    action.chat.Listen().withOnError((error) => errors.push(error.code)).events().next(),
    { code: "forbidden", isAuthError: true },
  );
  assert.deepEqual(errors, ["forbidden"]);
});

test("a_streaming_action_without_stream_options_is_a_plain_call", async () => {
  const { action, requests } = world(answerWith(406, { status: 406, code: "not_acceptable" }));
  await assert.rejects(action.chat.Listen().call(), { code: "not_acceptable" });
  assert.equal(requests[0].headers.get("accept"), "application/json");
});

// The builder

test("every_with_method_has_a_set_method", () => {
  const { action } = world();
  const builder = action.a.B();
  const names = Object.keys(builder).filter((name) => name.startsWith("with"));
  assert.deepEqual(
    names.map((name) => name.slice(4)),
    "Method Optimistic OnSuccess OnError OnComplete Loading Debounce Retry Timeout Signal Upload OnUpload OnProgress RetryStream OnState From SuppressHelpers".split(" "),
  );
  for (const name of names) {
    assert.equal(typeof builder[name.replace("with", "set")], "function");
    assert.equal(builder[name](undefined), builder);
  }
});

test("set_methods_change_the_call", async () => {
  const { action, requests } = world(answerWith(200, 1));
  await action.a.B({ n: 1 }).setMethod("GET").call();
  assert.equal(requests[0].url.search, "?n=1");
});

test("a_plan_keeps_the_settings_of_its_build", async () => {
  const { action, requests } = world(answerWith(200, 1));
  const builder = action.a.B({ n: 1 }).withMethod("PUT");
  const plan = builder.build();
  builder.withMethod("DELETE");
  assert.deepEqual([plan.name, plan.method, plan.input], ["a.B", "PUT", { n: 1 }]);
  assert.ok(Object.isFrozen(plan));
  await plan.call();
  await builder.call();
  assert.deepEqual(requests.map(({ init }) => init.method), ["PUT", "DELETE"]);
});

test("leaving_a_page_ends_its_calls_and_streams", async () => {
  const { action, client, clock, requests } = world(() => new Promise(() => {}));
  const left = new Error("left");
  const own = new AbortController();
  const begun = [
    action.a.B().call(),
    action.a.B().withSignal(own.signal).withOnProgress(() => {}).withRetryStream().call(),
    action.a.B().events().next(),
    action.a.C().withDebounce(100).call(),
  ].map(follow);
  await settle();
  client.page.abort(left);
  client.page = new AbortController();
  await clock.advance(1000);
  assert.deepEqual(begun.map(({ value }) => value), [left, left, left, left]);
  assert.equal(requests.length, 3, "nothing is sent for a page that the user has left");

  follow(action.a.D().call());
  await settle();
  assert.equal(requests.length, 4, "the next page sends again");
});
