import assert from "node:assert/strict";
import { test } from "node:test";

import { ActionError } from "../../error.js";
import { FakeStream, answerText, answerWith, hang, refuse, settle } from "../../testing/fakes.js";
import { follow, world } from "../../testing/world.js";

test("null_and_204_answers_are_null", async () => {
  for (const respond of [answerWith(204), answerWith(200, null)]) {
    const { action } = world(respond);
    assert.equal(await action.a.B().call(), null);
  }
});

test("a_truncated_response_head_is_a_network_error", async () => {
  const { action } = world(answerText(200, ""));
  await assert.rejects(action.a.B().call(), { name: "ActionError", code: "network", isNetworkError: true });
});

test("a_result_with_a_field_named_data_stays_as_it_is", async () => {
  const { action } = world(answerWith(200, { data: 1, error: "text", status: 500 }));
  assert.deepEqual(await action.a.B().call(), { data: 1, error: "text", status: 500 });
});

test("false_zero_and_the_empty_string_are_outputs", async () => {
  for (const output of [false, 0, []]) {
    const { action } = world(answerWith(200, output));
    assert.deepEqual(await action.a.B().call(), output);
  }
  assert.equal(await world(answerText(200, '""')).action.a.B().call(), "");
});

test("a_response_that_is_not_json_is_a_bad_response", async () => {
  const { action } = world(answerText(200, "<html>"));
  await assert.rejects(action.a.B().call(), { name: "ActionError", code: "bad_response" });
});

test("a_validation_failure_rejects_with_its_fields", async () => {
  const problem = { status: 422, code: "validation_failed", title: "t", errors: { message: ["is empty"] }, request_id: "r" };
  const { action } = world(answerWith(422, problem));
  const errors = [];
  await assert.rejects(
    action.chat.Send({}).withOnError((error) => errors.push(error)).call(),
    (error) => error instanceof ActionError && error.isValidationError && error.fields.message[0] === "is empty",
  );
  assert.equal(errors[0].requestId, "r");
});

test("a_network_failure_is_an_action_error_with_its_cause", async () => {
  const { action } = world(refuse);
  await assert.rejects(
    action.a.B().call(),
    (error) => error instanceof ActionError && error.isNetworkError && error.cause instanceof TypeError,
  );
});

test("a_response_truncated_in_its_body_is_a_network_failure", async () => {
  const { action } = world(() => {
    const body = new ReadableStream({ start: (controller) => controller.error(new TypeError("terminated")) });
    return new Response(body);
  });
  await assert.rejects(action.a.B().call(), { code: "network", isNetworkError: true });
});

test("retry_counts_all_attempts", async () => {
  const { action, requests, clock } = world(answerText(503, ""));
  const call = follow(action.a.B().withRetry(3).call());
  await settle();
  assert.equal(requests.length, 1);
  await clock.advance(1000);
  assert.equal(requests.length, 2);
  await clock.advance(2000);
  assert.equal(requests.length, 3);
  await clock.advance(60_000);
  assert.equal(requests.length, 3);
  assert.equal(call.value.status, 503);
});

test("retry_repeats_transient_failures_with_the_same_body", async () => {
  const { action, requests, clock } = world(refuse, answerWith(408), answerWith(429), answerWith(500), answerWith(200, "at last"));
  const input = { n: 1 };
  const call = follow(action.a.B(input).withRetry(5, { backoff: "linear", baseDelay: 10 }).call());
  input.n = 2;
  await clock.advance(10 + 20 + 30 + 40);
  assert.equal(call.value, "at last");
  assert.deepEqual(new Set(requests.map(({ init }) => init.body)).size, 1);
});

test("retry_does_not_repeat_refusals", async () => {
  for (const status of [400, 401, 403, 404, 409, 413, 422]) {
    const { action, requests, clock } = world(answerText(status, ""));
    const call = follow(action.a.B().withRetry(5).call());
    await clock.advance(60_000);
    assert.equal(call.state, "rejected");
    assert.equal(requests.length, 1);
  }
});

test("without_retry_a_call_is_sent_once", async () => {
  const { action, requests } = world(answerText(503, ""));
  await assert.rejects(action.a.B().call());
  assert.equal(requests.length, 1);
});

test("retry_after_delays_the_next_attempt_unless_it_exceeds_the_maximum_delay", async () => {
  const short = world(answerText(429, "", { "retry-after": "5" }), answerWith(200, 1));
  const call = follow(short.action.a.B().withRetry(2).call());
  await short.clock.advance(5999);
  assert.equal(short.requests.length, 1);
  await short.clock.advance(1);
  assert.equal(call.value, 1);

  const long = world(answerText(429, "", { "retry-after": "3600" }));
  const refused = follow(long.action.a.B().withRetry(2).call());
  await settle();
  assert.equal(refused.value.retryAfter, 3_600_000);
});

test("on_error_runs_once_after_the_last_attempt", async () => {
  const { action, clock } = world(refuse);
  const errors = [];
  action.a.B().withRetry(3).withOnError((error) => errors.push(error.code)).call();
  await clock.advance(1000);
  assert.deepEqual(errors, []);
  await clock.advance(2000);
  assert.deepEqual(errors, ["network"]);
});

test("a_timeout_has_its_own_code_and_applies_to_each_attempt", async () => {
  const { action, requests, clock } = world(hang);
  const call = follow(action.a.B().withTimeout(100).withRetry(2).call());
  await clock.advance(100 + 1000 + 99);
  assert.equal(call.state, "pending");
  await clock.advance(1);
  assert.equal(requests.length, 2);
  assert.ok(requests[0].signal.aborted, "the request is aborted as well");
  assert.ok(call.value instanceof ActionError);
  assert.deepEqual([call.value.code, call.value.message], ["timeout", "no response within 100 ms"]);
});

test("a_timeout_covers_the_body_too", async () => {
  const { action, clock } = world(new FakeStream().respond);
  const call = follow(action.a.B().withTimeout(100).call());
  await clock.advance(100);
  assert.equal(call.value.code, "timeout");
});

test("a_response_leaves_no_timer_behind", async () => {
  const { action, clock } = world(answerWith(200, 1));
  await action.a.B().withTimeout(100).call();
  assert.equal(clock.pending, 0);
});

test("an_abort_rejects_with_the_reason_of_the_signal_and_is_no_failure", async () => {
  const { action, requests, clock } = world(hang);
  const log = [];
  const start = (signal) =>
    follow(
      action.a
        .B()
        .withRetry(5)
        .withSignal(signal)
        .withOptimistic(() => () => log.push("undone"))
        .withOnError(() => log.push("error"))
        .withOnComplete(() => log.push("complete"))
        .call(),
    );
  const controller = new AbortController();
  const call = start(controller.signal);
  await settle();
  controller.abort();
  await clock.advance(60_000);
  assert.equal(call.value.name, "AbortError");
  assert.equal(requests.length, 1);
  assert.deepEqual(log, ["undone", "complete"]);

  const late = start(AbortSignal.abort("too late"));
  await settle();
  assert.equal(late.value, "too late");
  assert.equal(requests.length, 1, "nothing is sent");
});

test("an_abort_ends_the_wait_between_two_attempts_at_once", async () => {
  const { action, clock } = world(answerText(503, ""));
  const controller = new AbortController();
  const call = follow(action.a.B().withRetry(5).withSignal(controller.signal).call());
  await settle();
  controller.abort("left");
  await settle();
  assert.deepEqual(call, { state: "rejected", value: "left" });
  assert.equal(clock.pending, 0);
});

test("all_attempts_carry_one_key_and_each_call_another", async () => {
  const { action, clock, requests } = world(refuse, answerWith(503), answerWith(204));
  const call = action.chat.Send({}).withRetry(3);
  const first = call.call();
  await clock.advance(60_000);
  await first;
  await call.call();
  const keys = requests.map(({ headers }) => headers.get("idempotency-key"));
  assert.equal(keys.length, 4);
  assert.match(keys[0], /^"[\d-]{4,50}"$/);
  assert.ok(keys[0] === keys[1] && keys[1] === keys[2] && keys[2] !== keys[3], keys.join());
});

test("a_call_that_is_sent_once_has_no_key", async () => {
  const { action, requests } = world(answerWith(204));
  await action.chat.Send({}).call();
  assert.equal(requests[0].headers.get("idempotency-key"), null);
});
