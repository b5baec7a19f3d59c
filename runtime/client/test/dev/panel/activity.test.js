import assert from "node:assert/strict";
import { test } from "node:test";

import { Client, builder } from "../../../call/action.js";
import { Activity, json } from "../../../dev/panel/activity.js";
import { observe } from "../../../dev/panel/observe.js";
import { ActionError } from "../../../error.js";
import { FakeClock, FakeStream, answerWith, cursor, fakePlatform, fakeServer, settle } from "../../../testing/fakes.js";

/** Returns a client with a class of its own, since observing a class has no end. */
function observed(...responders) {
  class Observed extends Client {}
  const clock = new FakeClock();
  const activity = new Activity(() => clock.now);
  observe(Observed, activity);
  const { platform, reported } = fakePlatform(fakeServer(...responders).fetch, { clock });
  const client = new Observed(new URL("http://kipo.test/_kipo/"), () => {}, platform);
  const run = (name, input) => builder(client, name, input);
  return { run, activity, clock, reported };
}

const ready = (id) => `id: ${id}\nevent: kipo:ready\ndata: {"ping_ms":15000}\n\n`;
const chat = (id, text) => `id: ${id}\nevent: chat\ndata: {"text":"${text}"}\n\n`;

test("a_call_is_recorded_with_its_input_its_output_and_its_duration", async () => {
  const { run, activity, clock } = observed(async () => {
    clock.now += 30;
    return Response.json({ id: 1 });
  });
  assert.deepEqual(await run("chat.Send", { message: "hi" }).call(), { id: 1 });
  const [seen] = activity.runs;
  assert.equal(seen.name, "chat.Send");
  assert.equal(seen.input, '{"message":"hi"}');
  assert.equal(seen.output, '{"id":1}');
  assert.equal(seen.ended - seen.began, 30);
  assert.deepEqual([seen.state, seen.outcome, seen.isStream], ["closed", "done", false]);
});

test("a_form_is_recorded_by_its_fields", async () => {
  const { run, activity } = observed(async () => Response.json(1));
  const data = new FormData();
  data.append("name", "Ada");
  data.append("file", new File(["text"], "a.txt"));
  await run("contact.Submit", data).call();
  assert.equal(activity.runs[0].input, '[["name","Ada"],["file","a.txt (4 bytes)"]]');
});

test("the_files_of_an_input_are_recorded_with_what_is_sent_of_them", async () => {
  const { run, activity, clock } = observed(async () => Response.json(1), async () => Response.json(1), async () => Response.json(1));
  const file = new File(["text"], "a.txt");
  await run("photos.Add", { album: "Sea", photos: [file, new File(["more"], "b.txt")] }).call();
  assert.deepEqual(activity.runs[0].upload, { names: "a.txt, b.txt", total: 8, sent: null, at: clock.now });
  clock.now += 20;
  activity.sent(activity.runs[0], 6, 9);
  assert.deepEqual(activity.runs[0].upload, { names: "a.txt, b.txt", total: 9, sent: 6, at: clock.now });

  // A browser sends this for a file control without a file.
  const data = new FormData();
  data.append("photo", new File([], ""));
  await run("photos.Add", data).call();
  assert.equal(activity.runs[0].upload, null);
  await run("photos.Add", "text").call();
  assert.equal(activity.runs[0].upload, null);
});

test("the_last_run_of_an_element_is_found", () => {
  const activity = new Activity(() => 0);
  const [form, other] = [{}, {}];
  activity.begin({ name: "a.B", method: "POST", input: {}, element: form }, false);
  const last = activity.begin({ name: "a.B", method: "POST", input: {}, element: form }, false);
  activity.end(last, "failed", new ActionError({ status: 422, code: "validation_failed", detail: "no", errors: { name: ["is taken"] } }));
  assert.equal(activity.lastOf(form), last);
  assert.deepEqual(last.refused, ["name"]);
  assert.equal(activity.lastOf(other), undefined);
});

test("a_failure_is_recorded_and_still_thrown", async () => {
  const problem = { status: 422, code: "validation_failed", detail: "no", errors: { message: ["too long"] }, request_id: "r1" };
  const { run, activity } = observed(answerWith(422, problem, { "content-type": "application/problem+json" }));
  await assert.rejects(run("chat.Send", {}).call(), ActionError);
  const [seen] = activity.runs;
  assert.deepEqual([seen.outcome, seen.code], ["failed", "validation_failed"]);
  assert.deepEqual(JSON.parse(seen.error).fields, { message: ["too long"] });
  assert.equal(JSON.parse(seen.error).requestId, "r1");
});

test("an_abort_is_no_failure", async () => {
  const { run, activity } = observed(() => new Promise(() => {}));
  const controller = new AbortController();
  const call = run("chat.Send", {}).withSignal(controller.signal).call();
  await settle();
  controller.abort();
  await assert.rejects(call);
  assert.equal(activity.runs[0].outcome, "aborted");
});

test("a_stream_is_recorded_live_and_the_callbacks_of_the_page_still_run", async () => {
  const [first, second] = [new FakeStream(), new FakeStream()];
  const { run, activity, clock } = observed(first.respond, second.respond);
  const calls = [];
  const onGap = (gap) => calls.push(gap.reason);
  const stream = run("chat.Listen")
    .withOnState((state) => calls.push(state))
    .withRetryStream({ onGap, onReconnect: (attempt) => calls.push(attempt), baseDelay: 100 });
  const events = [];
  const loop = (async () => {
    for await (const { event, data } of stream.events()) events.push([event, data.text]);
  })();
  await settle();
  const [seen] = activity.runs;
  assert.equal(seen.state, "connecting");
  await first.send(ready(cursor(1)) + chat(cursor(2), "a"));
  assert.deepEqual([seen.state, seen.events, seen.last[0].text], ["open", 1, '{"text":"a"}']);
  await first.tear();
  assert.equal(seen.state, "waiting");
  assert.deepEqual(seen.notes.map(({ kind }) => kind), ["lost"]);
  await clock.advance(1000);
  await second.send(ready(cursor(2)) + `id: ${cursor(5)}\nevent: kipo:gap\ndata: {"reason":"trimmed","missed":3,"first":6}\n\n` + chat(cursor(6), "b"));
  assert.deepEqual([seen.state, seen.reconnects, seen.gaps], ["open", 1, 1]);
  assert.match(seen.notes.at(-1).text, /3 missed: trimmed/);
  await second.send('event: complete\ndata: null\n\n');
  await loop;
  assert.deepEqual(events, [["chat", "a"], ["chat", "b"]]);
  assert.deepEqual([seen.state, seen.outcome, seen.output], ["closed", "done", "null"]);
  assert.deepEqual(calls, ["connecting", "open", "waiting", "connecting", "open", 1, "trimmed", "closed"]);
});

test("leaving_a_loop_closes_its_stream", async () => {
  const stream = new FakeStream();
  const { run, activity } = observed(stream.respond);
  const loop = (async () => {
    for await (const { event } of run("chat.Listen").withRetryStream().events()) if (event === "chat") break;
  })();
  await settle();
  await stream.send(ready(cursor(1)) + chat(cursor(2), "a"));
  await loop;
  assert.deepEqual([stream.isClosed, activity.runs[0].outcome, activity.runs[0].state], [true, "left", "closed"]);
});

test("an_error_in_a_callback_of_the_page_is_still_reported", async () => {
  const stream = new FakeStream();
  const thrown = new Error("mine");
  const { run, activity, reported } = observed(stream.respond);
  const call = run("chat.Listen").withRetryStream().withOnState(() => {
    throw thrown;
  }).call();
  await settle();
  await stream.send(ready(cursor(1)));
  await stream.send("event: complete\ndata: 7\n\n");
  assert.equal(await call, 7);
  assert.ok(reported.length > 0 && reported.every((error) => error === thrown));
  assert.equal(activity.runs[0].outcome, "done");
});

test("the_list_of_runs_is_bounded_and_running_ones_stay", () => {
  const activity = new Activity(() => 0);
  const live = activity.begin({ name: "a.Live", method: "POST", input: {} }, true);
  for (let i = 0; i < 300; i += 1) activity.end(activity.begin({ name: "a.B", method: "POST", input: {} }, false), "done", i);
  assert.equal(activity.runs.length, 100);
  assert.ok(activity.runs.includes(live));
  for (let i = 0; i < 300; i += 1) activity.event(live, { event: "e", data: i, id: null });
  assert.deepEqual([live.events, live.last.length, live.last.at(-1).text], [300, 30, "299"]);
  activity.clear();
  assert.deepEqual(activity.runs, [live]);
});

test("texts_are_truncated_and_never_throw", () => {
  assert.ok(json("x".repeat(10_000)).length < 5000);
  const itself = {};
  itself.itself = itself;
  assert.equal(json(itself), "[object Object]");
  assert.equal(json(undefined), "undefined");
});
