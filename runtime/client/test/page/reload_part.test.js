import assert from "node:assert/strict";
import { test } from "node:test";

import { ActionError } from "../../error.js";
import { Parts } from "../../page/reload_part.js";
import { settle } from "../../testing/fakes.js";
import { follow } from "../../testing/world.js";

globalThis.CSS ??= { escape: (text) => text.replaceAll('"', '\\"') };

/** A page with these parts; the same name may occur twice. */
function tree(parts) {
  const elements = parts.map(([name, text]) => ({ name, text }));
  return {
    elements,
    querySelectorAll: (selector) => elements.filter(({ name }) => selector === `[p-part="${CSS.escape(name)}"]`),
  };
}

/** A tab that shows `parts`. The test answers its requests. */
function tab(...parts) {
  const document = tree(parts);
  const requests = [];
  const fetchPage = (signal) =>
    new Promise((resolve, reject) => {
      requests.push({ signal, answer: (...next) => resolve(tree(next)), fail: reject });
      signal.addEventListener("abort", () => reject(signal.reason));
    });
  const show = (live, next) => (live.text = next.text);
  return { parts: new Parts({ document, fetchPage, show, nextTask: async () => {} }), requests, texts: () => document.elements.map(({ text }) => text) };
}

const missing = (pattern) => (error) => error instanceof ActionError && error.code === "missing_part" && pattern.test(error.message);

test("calls_of_one_task_share_a_request", async () => {
  const { parts, requests, texts } = tab(["a", 1], ["b", 1], ["a", 2]);
  const all = Promise.all([parts.reload("a"), parts.reload("b"), parts.reload("a")]);
  await settle();
  assert.equal(requests.length, 1);
  requests[0].answer(["a", 10], ["a", 20], ["b", 30]);
  await all;
  assert.deepEqual(texts(), [10, 30, 20]);
});

test("a_call_never_gets_the_response_of_an_earlier_request", async () => {
  const { parts, requests, texts } = tab(["a", 1]);
  const first = parts.reload("a");
  await settle();
  const later = Promise.all([parts.reload("a"), parts.reload("a")]);
  await settle();
  assert.equal(requests.length, 1, "one at a time");
  requests[0].answer(["a", 2]);
  await first;
  await settle();
  assert.equal(requests.length, 2);
  requests[1].answer(["a", 3]);
  await later;
  assert.deepEqual(texts(), [3]);
});

test("a_missing_part_is_an_error", async () => {
  const { parts, requests } = tab(["a", 1], ["b", 1]);
  await assert.rejects(parts.reload("c"), missing(/^this page has no element with p-part="c"$/));
  assert.equal(requests.length, 0);

  const outcomes = Promise.allSettled([parts.reload("a"), parts.reload("b")]);
  await settle();
  requests[0].answer(["b", 1], ["b", 2]);
  const [a, b] = await outcomes;
  assert.ok(missing(/^the response has no element with p-part="a"$/)(a.reason));
  assert.ok(missing(/^expected 1 of p-part="b" in the response, got 2$/)(b.reason));
});

test("a_failure_reaches_all_waiting_calls_and_the_next_call_sends_again", async () => {
  const { parts, requests } = tab(["a", 1]);
  const outcomes = Promise.allSettled([parts.reload("a"), parts.reload("a")]);
  await settle();
  requests[0].fail(new Error("away"));
  assert.deepEqual((await outcomes).map(({ reason }) => reason.message), ["away", "away"]);
  const again = parts.reload("a");
  await settle();
  requests[1].answer(["a", 2]);
  await again;
});

test("an_abort_ends_the_request_only_if_no_other_call_waits", async () => {
  const { parts, requests, texts } = tab(["a", 1]);
  const [one, other] = [new AbortController(), new AbortController()];
  const left = follow(parts.reload("a", one.signal));
  const stays = follow(parts.reload("a", other.signal));
  await settle();
  one.abort("gone");
  await settle();
  assert.deepEqual([left.state, left.value, stays.state], ["rejected", "gone", "pending"]);
  assert.equal(requests[0].signal.aborted, false);
  other.abort("gone too");
  await settle();
  assert.equal(stays.value, "gone too");
  assert.equal(requests[0].signal.aborted, true);

  const before = follow(parts.reload("a", AbortSignal.abort("early")));
  await settle();
  assert.deepEqual([before.value, requests.length, texts()], ["early", 1, [1]]);
});

test("a_request_that_all_calls_aborted_before_it_was_sent_is_dropped", async () => {
  const { parts, requests } = tab(["a", 1]);
  const running = parts.reload("a");
  await settle();
  const controller = new AbortController();
  const waiting = follow(parts.reload("a", controller.signal));
  controller.abort("gone");
  const joined = parts.reload("a");
  requests[0].answer(["a", 2]);
  await running;
  await settle();
  requests.at(-1).answer(["a", 3]);
  await joined;
  assert.equal(waiting.value, "gone");
});
