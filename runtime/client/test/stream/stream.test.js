import assert from "node:assert/strict";
import { test } from "node:test";

import { ActionError } from "../../error.js";
import { Stream } from "../../stream/stream.js";
import {
  FakeStream,
  answerText,
  answerWith,
  chat,
  cursor,
  engine,
  fakePlatform,
  fakeServer,
  frame,
  hang,
  ready,
  refuse,
  settle,
  skippedTo,
} from "../../testing/fakes.js";

/** Opens a stream under test, and records what it does. Delays are their ceilings, unless `random` is given. */
function open(server, { retryStream = {}, random = () => 1, ...options } = {}) {
  const world = fakePlatform(server.fetch, { random });
  const controller = new AbortController();
  const log = {
    messages: [],
    states: [],
    disconnects: [],
    reconnects: [],
    gaps: [],
    outcome: "running",
    output: undefined,
    error: undefined,
  };
  const stream = new Stream({
    connect: (lastEventId, signal) =>
      world.platform.fetch(new URL("http://kipo.test/"), {
        signal,
        headers: lastEventId ? { "last-event-id": lastEventId } : {},
      }),
    retryStream: retryStream === null ? undefined : {
      onDisconnect: (error, attempt, delayMs) => log.disconnects.push([error?.code ?? null, attempt, delayMs]),
      onReconnect: (attempt) => log.reconnects.push(attempt),
      onGap: (gap) => log.gaps.push(gap),
      ...retryStream,
    },
    onState: (state) => log.states.push(state),
    signal: controller.signal,
    platform: world.platform,
    notify: (callback) => void callback(),
    ...options,
  });
  (async () => {
    const messages = stream.messages();
    for (;;) {
      const { done, value } = await messages.next();
      if (done) return value;
      log.messages.push(value.data?.n ?? value.event);
    }
  })().then(
    (output) => Object.assign(log, { outcome: "done", output }),
    (error) => Object.assign(log, { outcome: "failed", error }),
  );
  return { ...world, log, abort: (reason) => controller.abort(reason), lastEventIds: () => lastEventIds(server) };
}

function lastEventIds({ requests }) {
  return requests.map(({ headers }) => headers.get("last-event-id"));
}

test("messages_arrive_in_order_and_complete_ends_with_the_output", async () => {
  const wire = new FakeStream();
  const { log } = open(fakeServer(wire.respond));
  await settle();
  await wire.send(ready(cursor(0)) + chat(1) + chat(2));
  await wire.send(frame("complete", { total: 2 }));
  assert.deepEqual(log.messages, [1, 2]);
  assert.equal(log.outcome, "done");
  assert.deepEqual(log.output, { total: 2 });
  assert.deepEqual(log.states, ["connecting", "open", "closed"]);
});

test("complete_ends_at_once_though_the_server_keeps_the_connection_open", async () => {
  const wire = new FakeStream();
  const { log, clock } = open(fakeServer(wire.respond));
  await settle();
  await wire.send(ready() + frame("complete", null));
  assert.equal(log.outcome, "done");
  assert.equal(log.output, null);
  assert.ok(wire.isClosed, "the client closes the connection");
  assert.equal(clock.pending, 0, "no timer is left");
});

test("control_frames_never_reach_the_page", async () => {
  const wire = new FakeStream();
  const { log } = open(fakeServer(wire.respond));
  await settle();
  await wire.send(ready(cursor(0)) + frame("kipo:gap", { reason: "trimmed" }) + frame("kipo:later", 1) + chat(5));
  assert.deepEqual(log.messages, [5]);
});

test("a_stream_is_stale_while_the_server_cannot_reach_its_messages", async () => {
  const [wire, again] = [new FakeStream(), new FakeStream()];
  const { log, clock } = open(fakeServer(wire.respond, again.respond));
  const states = () => log.states.splice(0);
  await settle();
  await wire.send(ready(cursor(0)) + engine(false) + engine(false));
  assert.deepEqual(states(), ["connecting", "open", "stale"]);
  await wire.send(": ping\n\n" + frame("kipo:later", { reachable: true }));
  assert.deepEqual(states(), [], "neither a ping nor an unknown frame is news of it");
  await wire.send(engine(true));
  assert.deepEqual(states(), ["open"]);
  await wire.send(engine(false) + chat(1));
  assert.deepEqual(states(), ["stale", "open"], "a message proves that the server reaches them");
  await wire.send(engine(false) + frame("kipo:gap", { reason: "trimmed" }, cursor(1)));
  assert.deepEqual(states(), ["stale", "open"]);
  await wire.send(engine(true) + engine(false));
  await wire.tear();
  await clock.advance(3000);
  await again.send(ready(cursor(1), "resumed") + engine(false) + ready(cursor(1), "resumed"));
  assert.deepEqual(states(), ["stale", "waiting", "connecting", "open", "stale", "open"]);
  assert.deepEqual(log.messages, [1]);
});

test("a_stream_starts_after_the_position_that_it_is_given", async () => {
  const [wire, again] = [new FakeStream(), new FakeStream()];
  const { log, clock, lastEventIds } = open(fakeServer(refuse, wire.respond, again.respond), { from: cursor(3) });
  await clock.advance(3000);
  await wire.send(ready(cursor(3), "resumed") + chat(3) + chat(4));
  await wire.tear();
  await clock.advance(6000);
  assert.deepEqual(lastEventIds(), [cursor(3), cursor(3), cursor(4)]);
  assert.deepEqual(log.messages, [4], "the message at the position itself is on the page");
});

test("a_refused_first_reconnect_does_not_end_the_stream", async () => {
  const first = new FakeStream();
  const second = new FakeStream();
  const server = fakeServer(first.respond, refuse, refuse, second.respond);
  const { log, clock, lastEventIds } = open(server);
  await settle();
  await first.send(ready(cursor(0)) + chat(1));
  await first.tear();
  await clock.advance(3000 + 6000 + 9000);
  await second.send(ready(cursor(1), "resumed") + chat(2));
  assert.deepEqual(log.messages, [1, 2]);
  assert.deepEqual(lastEventIds(), [null, cursor(1), cursor(1), cursor(1)]);
  assert.deepEqual(log.disconnects, [
    ["network", 1, 3000],
    ["network", 2, 6000],
    ["network", 3, 9000],
  ]);
  assert.deepEqual(log.reconnects, [3]);
});

test("a_proxy_that_answers_502_and_503_does_not_end_the_stream", async () => {
  for (const status of [408, 425, 429, 500, 502, 503, 504]) {
    const wire = new FakeStream();
    const { log, clock } = open(fakeServer(answerText(status, "<html>"), answerWith(status), wire.respond));
    await clock.advance(9000);
    await wire.send(ready() + frame("complete", null));
    assert.equal(log.outcome, "done", `status ${status}`);
  }
});

test("a_refusal_ends_the_stream_with_the_problem", async () => {
  for (const status of [400, 401, 403, 404, 406, 422]) {
    const server = fakeServer(answerWith(status, { title: "no", status, code: "word" }));
    const { log, clock } = open(server);
    await clock.advance(60_000);
    assert.equal(log.outcome, "failed");
    assert.ok(log.error instanceof ActionError);
    assert.deepEqual([log.error.status, log.error.code], [status, "word"]);
    assert.equal(server.requests.length, 1);
  }
});

test("an_error_of_the_action_ends_the_stream_and_keeps_its_code", async () => {
  const wire = new FakeStream();
  const server = fakeServer(wire.respond);
  const { log, clock } = open(server);
  await settle();
  await wire.send(ready() + frame("error", { title: "Unavailable", status: 503, code: "room_closed", detail: "closed" }));
  await clock.advance(60_000);
  assert.equal(server.requests.length, 1, "the action does not run again");
  assert.ok(log.error instanceof ActionError);
  assert.deepEqual([log.error.status, log.error.code, log.error.message], [503, "room_closed", "closed"]);
  assert.ok(!log.error.isNetworkError);
});

test("a_response_that_is_not_a_stream_does_not_run_the_action_again", async () => {
  const server = fakeServer(answerWith(200, { n: 1 }));
  const { log, clock } = open(server);
  await clock.advance(60_000);
  assert.equal(server.requests.length, 1);
  assert.equal(log.error.code, "bad_response");
});

test("a_message_that_is_not_json_ends_the_stream", async () => {
  const wire = new FakeStream();
  const { log } = open(fakeServer(wire.respond));
  await settle();
  await wire.send(`${ready()}event: chat\ndata: {"half\n\n`);
  assert.equal(log.error.code, "bad_response");
  assert.ok(wire.isClosed);
});

test("a_stream_reconnects_after_a_clean_end_and_after_a_broken_one", async () => {
  const wires = [new FakeStream(), new FakeStream(), new FakeStream()];
  const { log, clock } = open(fakeServer(...wires.map(({ respond }) => respond)));
  await settle();
  await wires[0].send(ready(cursor(0)) + chat(1));
  await wires[0].end();
  await clock.advance(3000);
  await wires[1].send(ready(cursor(1), "resumed") + chat(2));
  await wires[1].tear();
  await clock.advance(6000);
  await wires[2].send(ready(cursor(2), "resumed") + chat(3));
  assert.deepEqual(log.messages, [1, 2, 3]);
  assert.deepEqual(log.disconnects, [
    [null, 1, 3000],
    ["network", 2, 6000],
  ]);
});

test("without_retry_a_lost_connection_fails_as_a_network_error", async () => {
  for (const [lose, code] of [
    ["end", "disconnected"],
    ["tear", "network"],
  ]) {
    const wire = new FakeStream();
    const server = fakeServer(wire.respond);
    const { log, clock } = open(server, { retryStream: null });
    await settle();
    await wire.send(ready() + chat(1));
    await wire[lose]();
    await clock.advance(60_000);
    assert.equal(server.requests.length, 1);
    assert.ok(log.error instanceof ActionError && log.error.isNetworkError);
    assert.equal(log.error.code, code);
    assert.deepEqual(log.states, ["connecting", "open", "closed"]);
  }
});

test("a_client_without_a_message_resumes_from_the_first_frame", async () => {
  const wires = [new FakeStream(), new FakeStream()];
  const { clock, lastEventIds } = open(fakeServer(...wires.map(({ respond }) => respond)));
  await settle();
  await wires[0].send(ready(cursor(7)));
  await wires[0].tear();
  await clock.advance(3000);
  assert.deepEqual(lastEventIds(), [null, cursor(7)]);
});

test("a_frame_with_only_an_id_moves_the_position", async () => {
  const wires = [new FakeStream(), new FakeStream(), new FakeStream()];
  const { log, clock, lastEventIds } = open(fakeServer(...wires.map(({ respond }) => respond)));
  await settle();
  await wires[0].send(ready(cursor(0)) + chat(1) + skippedTo(66) + skippedTo(131).slice(0, -1));
  await wires[0].tear();
  await clock.advance(3000);
  await wires[1].send(ready(cursor(66), "resumed") + skippedTo(131) + chat(140) + skippedTo(205));
  await wires[1].end();
  await clock.advance(6000);
  await wires[2].send(ready(cursor(205), "resumed") + chat(140) + chat(206));
  assert.deepEqual(lastEventIds(), [null, cursor(66), cursor(205)]);
  assert.deepEqual(log.messages, [1, 140, 206], "and brings no event");
  assert.deepEqual(log.gaps, []);
});

test("a_frame_with_only_an_id_never_moves_the_position_back", async () => {
  const wires = [new FakeStream(), new FakeStream()];
  const { clock, lastEventIds } = open(fakeServer(...wires.map(({ respond }) => respond)));
  await settle();
  await wires[0].send(ready(cursor(0)) + chat(70) + skippedTo(66));
  await wires[0].tear();
  await clock.advance(3000);
  assert.deepEqual(lastEventIds(), [null, cursor(70)]);
});

test("the_old_id_stays_though_the_connection_breaks_between_ready_and_gap", async () => {
  const wires = [new FakeStream(), new FakeStream(), new FakeStream()];
  const { clock, lastEventIds } = open(fakeServer(...wires.map(({ respond }) => respond)));
  await settle();
  await wires[0].send(ready(cursor(0)) + skippedTo(64));
  await wires[0].tear();
  await clock.advance(3000);
  await wires[1].send(ready(undefined, "gap"));
  await wires[1].tear();
  await clock.advance(6000);
  assert.deepEqual(lastEventIds(), [null, cursor(64), cursor(64)]);
});

test("a_message_cut_in_the_middle_does_not_move_the_position", async () => {
  const wires = [new FakeStream(), new FakeStream()];
  const { log, clock, lastEventIds } = open(fakeServer(...wires.map(({ respond }) => respond)));
  await settle();
  await wires[0].send(ready(cursor(0)) + chat(1) + chat(2).slice(0, -1));
  await wires[0].tear();
  await clock.advance(3000);
  await wires[1].send(ready(cursor(1), "resumed") + chat(2));
  assert.deepEqual(lastEventIds(), [null, cursor(1)]);
  assert.deepEqual(log.messages, [1, 2]);
});

test("duplicate_messages_are_dropped", async () => {
  const wires = [new FakeStream(), new FakeStream()];
  const { log, clock } = open(fakeServer(...wires.map(({ respond }) => respond)));
  await settle();
  await wires[0].send(ready(cursor(0)) + chat(1) + chat(2) + chat(3));
  await wires[0].end();
  await clock.advance(3000);
  await wires[1].send(ready(undefined, "resumed") + chat(2) + chat(3) + chat(4));
  assert.deepEqual(log.messages, [1, 2, 3, 4]);
});

test("messages_of_a_new_generation_are_not_duplicates", async () => {
  const wires = [new FakeStream(), new FakeStream()];
  const { log, clock } = open(fakeServer(...wires.map(({ respond }) => respond)));
  const other = "00000000deadbeef";
  const gap = { reason: "new_generation", missed: null, first: 1 };
  await settle();
  await wires[0].send(ready(cursor(0)) + chat(1) + chat(2));
  await wires[0].end();
  await clock.advance(3000);
  await wires[1].send(ready(undefined, "gap") + frame("kipo:gap", gap, cursor(0, other)) + frame("chat", { n: "new 1" }, cursor(1, other)));
  assert.deepEqual(log.messages, [1, 2, "new 1"]);
  assert.deepEqual(log.gaps, [gap]);
});

test("after_a_log_diverged_the_stream_follows_the_new_one", async () => {
  const wires = [new FakeStream(), new FakeStream()];
  const { log, clock } = open(fakeServer(...wires.map(({ respond }) => respond)));
  await settle();
  await wires[0].send(ready(cursor(99)) + chat(100));
  await wires[0].end();
  await clock.advance(3000);
  await wires[1].send(ready(undefined, "gap") + frame("kipo:gap", { reason: "diverged", missed: null, first: 51 }, cursor(50)) + chat(51) + chat(52));
  assert.deepEqual(log.messages, [100, 51, 52]);
});

test("a_gap_is_reported_even_if_the_connection_breaks_just_before_it", async () => {
  const wires = [new FakeStream(), new FakeStream(), new FakeStream()];
  const { log, clock, lastEventIds } = open(fakeServer(...wires.map(({ respond }) => respond)));
  await settle();
  await wires[0].send(ready(cursor(0)) + chat(1));
  await wires[0].tear();
  await clock.advance(3000);
  await wires[1].send(ready(undefined, "gap"));
  await wires[1].tear();
  await clock.advance(6000);
  assert.deepEqual(lastEventIds(), [null, cursor(1), cursor(1)], "asks with the old position again");
  await wires[2].send(ready(undefined, "gap") + frame("kipo:gap", { reason: "trimmed", missed: 39, first: 41 }, cursor(40)) + chat(41));
  assert.deepEqual(log.gaps, [{ reason: "trimmed", missed: 39, first: 41 }]);
  assert.deepEqual(log.messages, [1, 41]);
});

test("two_and_a_half_ping_intervals_of_silence_reconnect", async () => {
  const wires = [new FakeStream(), new FakeStream()];
  const server = fakeServer(...wires.map(({ respond }) => respond));
  const { log, clock } = open(server);
  await settle();
  await wires[0].send(ready(cursor(0)));
  await clock.advance(37_000);
  await wires[0].send(": ping\n\n");
  await clock.advance(37_499);
  assert.deepEqual(log.disconnects, []);
  await clock.advance(1);
  assert.deepEqual(log.disconnects, [["silence", 1, 3000]]);
  assert.ok(wires[0].isClosed);
  await clock.advance(3000);
  assert.equal(server.requests.length, 2);
});

test("a_slow_reader_does_not_count_as_silence", async () => {
  const wire = new FakeStream();
  const { platform, clock } = fakePlatform(fakeServer(wire.respond).fetch);
  const signal = new AbortController().signal;
  const stream = new Stream({
    connect: (_, signal) => platform.fetch(new URL("http://kipo.test/"), { signal }),
    retryStream: {},
    signal,
    platform,
    notify: (callback) => void callback(),
  });
  const messages = stream.messages();
  const first = messages.next();
  await settle();
  await wire.send(ready(cursor(0)) + chat(1));
  assert.equal((await first).value?.event, "chat");
  await clock.advance(600_000);
  assert.ok(!wire.isClosed);
  await messages.return(undefined);
  assert.ok(wire.isClosed, "leaving the loop closes the stream");
});

test("a_server_that_never_responds_is_given_up_after_the_deadline", async () => {
  const server = fakeServer(hang, new FakeStream().respond);
  const { log, clock } = open(server);
  await clock.advance(20_000);
  assert.deepEqual(log.disconnects, [["timeout", 1, 3000]]);
  await clock.advance(3000 + 20_000);
  assert.deepEqual(log.disconnects[1], ["timeout", 2, 6000], "headers alone do not open a stream");
});

test("a_timeout_has_its_own_code", async () => {
  const { log, clock } = open(fakeServer(hang), { retryStream: null, timeout: 500 });
  await clock.advance(500);
  assert.equal(log.error.code, "timeout");
  assert.equal(log.error.message, "no response within 500 ms");
});

test("a_limit_of_two_reconnects_holds_even_if_each_brings_events", async () => {
  let n = 0;
  const server = fakeServer(() => {
    n += 1;
    return new Response(ready(cursor(n - 1)) + chat(n), { headers: { "content-type": "text/event-stream" } });
  });
  const { log, clock } = open(server, { retryStream: { maxReconnects: 2 } });
  await clock.advance(600_000);
  assert.equal(server.requests.length, 3);
  assert.equal(log.outcome, "failed");
  assert.equal(log.error.code, "disconnected");
});

test("a_healthy_connection_resets_the_count", async () => {
  const wires = Array.from({ length: 4 }, () => new FakeStream());
  const { log, clock } = open(fakeServer(...wires.map(({ respond }) => respond)), { retryStream: { maxReconnects: 2 } });
  await settle();
  for (const wire of wires.slice(0, 3)) {
    await wire.send(ready(cursor(0)));
    await clock.advance(5000);
    await wire.tear();
    await clock.advance(3000);
  }
  assert.deepEqual(log.disconnects.map(([, attempt]) => attempt), [1, 1, 1]);
  assert.deepEqual(log.reconnects, [1, 1]);
});

test("on_reconnect_fires_with_the_first_event_not_with_the_attempt", async () => {
  const wires = [new FakeStream(), new FakeStream()];
  const { log, clock } = open(fakeServer(wires[0].respond, refuse, wires[1].respond));
  await settle();
  await wires[0].send(ready());
  await wires[0].tear();
  await clock.advance(9000);
  assert.deepEqual(log.reconnects, []);
  assert.deepEqual(log.states, ["connecting", "open", "waiting", "connecting", "waiting", "connecting"]);
  await wires[1].send(ready());
  assert.deepEqual(log.reconnects, [2]);
  assert.equal(log.states.at(-1), "open");
});

test("delays_have_full_jitter", async () => {
  const draws = [0, 0.5, 0.999];
  const { log, clock } = open(fakeServer(refuse), { random: () => draws.shift() ?? 1 });
  await clock.advance(9000);
  assert.deepEqual(log.disconnects.slice(0, 3).map(([, , delayMs]) => delayMs), [0, 3000, 8991]);
});

test("options_set_backoff_and_max_delay", async () => {
  const { log, clock } = open(fakeServer(refuse), { retryStream: { backoff: "exponential", baseDelay: 2000, maxDelay: 10_000 } });
  await clock.advance(33_999);
  assert.deepEqual(log.disconnects.map(([, , delayMs]) => delayMs), [2000, 4000, 8000, 10_000, 10_000]);
});

test("an_option_given_as_undefined_has_its_default", async () => {
  const wire = new FakeStream();
  const { log, clock } = open(fakeServer(refuse, wire.respond), {
    retryStream: { baseDelay: undefined, maxDelay: undefined, backoff: undefined, maxReconnects: undefined, healthyAfter: undefined },
  });
  await clock.advance(3000);
  await wire.send(ready());
  await clock.advance(5000);
  await wire.tear();
  assert.deepEqual(log.disconnects, [
    ["network", 1, 3000],
    ["network", 1, 3000],
  ]);
});

test("retry_of_a_draining_server_is_the_base_of_the_next_delay_only", async () => {
  const wire = new FakeStream();
  const { log, clock } = open(fakeServer(wire.respond, refuse));
  await settle();
  await wire.send(`${ready()}retry: 700\n\n`);
  await wire.end();
  await clock.advance(700);
  assert.deepEqual(log.disconnects, [
    [null, 1, 700],
    ["network", 2, 6000],
  ]);
});

test("retry_after_is_added_to_the_delay", async () => {
  const { log } = open(fakeServer(answerText(503, "", { "retry-after": "60" })));
  await settle();
  assert.deepEqual(log.disconnects, [["http_503", 1, 63_000]]);
});

test("an_abort_ends_a_wait_at_once_with_the_reason_of_the_signal", async () => {
  const { log, clock, abort } = open(fakeServer(refuse));
  await settle();
  assert.equal(log.states.at(-1), "waiting");
  const reason = new Error("the user left");
  abort(reason);
  await settle();
  assert.equal(log.error, reason);
  assert.equal(clock.pending, 0);
  assert.equal(log.states.at(-1), "closed");
});

test("an_abort_ends_an_open_stream_and_a_connecting_one_with_an_abort_error", async () => {
  const wire = new FakeStream();
  for (const respond of [wire.respond, hang]) {
    const server = fakeServer(respond);
    const { log, clock, abort } = open(server);
    await settle();
    abort();
    await clock.advance(60_000);
    assert.equal(log.error.name, "AbortError");
    assert.equal(server.requests.length, 1);
    assert.deepEqual(log.disconnects, []);
  }
  assert.ok(wire.isClosed);
});

test("coming_online_reconnects_at_once", async () => {
  const wires = [new FakeStream(), new FakeStream()];
  const waiting = open(fakeServer(refuse, wires[0].respond));
  await settle();
  waiting.window.dispatchEvent(new Event("online"));
  await settle();
  assert.equal(waiting.log.states.at(-1), "connecting");

  const connected = open(fakeServer(wires[0].respond, wires[1].respond));
  await settle();
  await wires[0].send(ready(cursor(3)));
  connected.window.dispatchEvent(new Event("online"));
  await connected.clock.advance(0);
  assert.ok(wires[0].isClosed, "the connection over the old network is closed");
  assert.deepEqual(connected.log.disconnects, [[null, 1, 0]]);
  assert.deepEqual(connected.lastEventIds(), [null, cursor(3)]);
});

test("a_page_that_wakes_after_a_long_sleep_reconnects_at_once", async () => {
  const wires = [new FakeStream(), new FakeStream()];
  const server = fakeServer(...wires.map(({ respond }) => respond));
  const { log, clock, document } = open(server, { random: () => 0 });
  await settle();
  await wires[0].send(ready(cursor(0)));
  clock.freeze(30_000);
  document.dispatchEvent(new Event("visibilitychange"));
  await settle();
  assert.equal(server.requests.length, 1, "a short sleep changes nothing");
  clock.freeze(30_000);
  document.dispatchEvent(new Event("visibilitychange"));
  await clock.advance(0);
  assert.deepEqual(log.disconnects, [["silence", 1, 0]]);
  assert.equal(server.requests.length, 2);
});

test("a_page_that_becomes_visible_reconnects_at_once", async () => {
  const server = fakeServer(refuse);
  const { document } = open(server);
  await settle();
  document.visibilityState = "hidden";
  document.dispatchEvent(new Event("visibilitychange"));
  await settle();
  assert.equal(server.requests.length, 1);
  document.visibilityState = "visible";
  document.dispatchEvent(new Event("visibilitychange"));
  await settle();
  assert.equal(server.requests.length, 2);
});

test("a_hidden_page_closes_its_stream_and_resumes_when_it_returns", async () => {
  const wires = [new FakeStream(), new FakeStream()];
  const server = fakeServer(...wires.map(({ respond }) => respond));
  const { log, clock, window, lastEventIds } = open(server);
  await settle();
  await wires[0].send(ready(cursor(0)) + chat(1));
  window.dispatchEvent(new Event("pagehide"));
  assert.ok(wires[0].isClosed, "closed before the page enters the cache");
  await clock.advance(600_000);
  assert.equal(server.requests.length, 1, "a cached page sends nothing");
  window.dispatchEvent(new Event("pageshow"));
  await settle();
  await wires[1].send(ready(cursor(1), "resumed") + chat(2));
  assert.deepEqual(lastEventIds(), [null, cursor(1)]);
  assert.deepEqual(log.messages, [1, 2]);
});

test("a_frozen_page_closes_its_stream_and_reconnects_at_once", async () => {
  const wires = [new FakeStream(), new FakeStream()];
  const { log, document, lastEventIds } = open(fakeServer(...wires.map(({ respond }) => respond)));
  await settle();
  await wires[0].send(ready(cursor(0)) + chat(1));
  document.dispatchEvent(new Event("freeze"));
  await settle();
  assert.ok(wires[0].isClosed);
  document.dispatchEvent(new Event("resume"));
  await settle();
  await wires[1].send(ready(cursor(1), "resumed") + chat(2));
  assert.deepEqual([log.messages, lastEventIds()], [[1, 2], [null, cursor(1)]]);
});

test("a_page_hidden_during_a_delay_does_not_reconnect_before_it_returns", async () => {
  const server = fakeServer(refuse);
  const { clock, window } = open(server);
  await settle();
  window.dispatchEvent(new Event("pagehide"));
  await clock.advance(600_000);
  assert.equal(server.requests.length, 1);
  window.dispatchEvent(new Event("pageshow"));
  await settle();
  assert.equal(server.requests.length, 2);
});

test("the_first_pageshow_changes_nothing", async () => {
  const wire = new FakeStream();
  const server = fakeServer(wire.respond);
  const { window } = open(server);
  await settle();
  await wire.send(ready());
  window.dispatchEvent(new Event("pageshow"));
  await settle();
  assert.ok(!wire.isClosed);
  assert.equal(server.requests.length, 1);
});

test("a_completed_stream_has_no_listeners", async () => {
  const wire = new FakeStream();
  const server = fakeServer(wire.respond);
  const { window, document, clock } = open(server);
  await settle();
  await wire.send(ready() + frame("complete", null));
  for (const name of ["online", "pagehide", "pageshow"]) window.dispatchEvent(new Event(name));
  document.dispatchEvent(new Event("visibilitychange"));
  await clock.advance(60_000);
  assert.equal(server.requests.length, 1);
  assert.equal(clock.pending, 0);
});

test("a_truncated_response_head_reconnects", async () => {
  for (const type of ["", "text/eve"]) {
    const wire = new FakeStream();
    const server = fakeServer(() => new Response("", { headers: { "content-type": type } }), wire.respond);
    const { log, clock } = open(server);
    await clock.advance(3000);
    await wire.send(`${ready()}event: chat\ndata: {"n":1}\n\n`);
    assert.deepEqual(log.messages, [1]);
    assert.equal(server.requests.length, 2);
  }
});

test("an_abort_ends_a_connection_at_once_even_if_connect_ignores_it", async () => {
  const { log, abort } = open(fakeServer(), { connect: () => new Promise(() => {}) });
  await settle();
  assert.deepEqual(log.states, ["connecting"]);
  const reason = new Error("left");
  abort(reason);
  await settle();
  assert.deepEqual([log.outcome, log.error, log.states.at(-1)], ["failed", reason, "closed"]);
});
