import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { settle } from "../../testing/fakes.js";
import { follow, world } from "../../testing/world.js";

/** What the browser retains, and the uploads of the server. */
const stored = new Map();
let uploads;

beforeEach(() => {
  stored.clear();
  uploads = new Map();
  const localStorage = {
    getItem: (key) => stored.get(key) ?? null,
    setItem: (key, value) => void stored.set(key, value),
    removeItem: (key) => void stored.delete(key),
  };
  Object.defineProperty(globalThis, "localStorage", { value: localStorage, configurable: true });
});
afterEach(() => delete globalThis.localStorage);

const json = (status, body, headers) => new Response(JSON.stringify(body), { status, headers: { "content-type": "application/json", ...headers } });
const problem = (status, code) => json(status, { status, code });

/** A server of tus. `fails` may answer a request before it does. @param {(request: object) => unknown} [fails] */
function serve(fails = () => undefined) {
  return async (request) => {
    const { url, init, headers } = request;
    const failure = await fails(request);
    if (failure) return failure;
    const id = url.pathname.split("/").pop();
    const upload = uploads.get(id);
    if (url.pathname.includes("/actions/")) return json(200, { key: headers.get("idempotency-key"), body: init.body });
    assert.equal(headers.get("tus-resumable"), "1.0.0");
    if (init.method === "POST") {
      const next = String(uploads.size + 1).padStart(32, "0");
      uploads.set(next, { length: Number(headers.get("upload-length")), metadata: headers.get("upload-metadata"), bytes: Buffer.alloc(0) });
      return new Response(null, { status: 201, headers: { location: `/_kipo/uploads/${next}` } });
    }
    if (!upload) return problem(404, "not_found");
    if (init.method === "DELETE") {
      uploads.delete(id);
      return new Response(null, { status: 204 });
    }
    if (init.method === "PATCH") {
      if (Number(headers.get("upload-offset")) !== upload.bytes.length) return problem(409, "upload_offset");
      upload.bytes = Buffer.concat([upload.bytes, Buffer.from(init.body)]);
    }
    const offset = String(upload.bytes.length);
    return new Response(null, { status: init.method === "HEAD" ? 200 : 204, headers: { "upload-offset": offset } });
  };
}

const content = (length) => Buffer.from(Array.from({ length }, (_, index) => index % 251));
const file = (length, name = "a.txt") => new File([content(length)], name, { type: "text/plain", lastModified: 7 });
const methods = (requests) => requests.map(({ init, url }) => (url.pathname.includes("/actions/") ? "call" : init.method));
const id = (number) => String(number).padStart(32, "0");

/** Lets a file of a test be read, which takes real turns of the loop. */
async function turns(clock, ms = 0) {
  for (let turn = 0; turn < 20; turn += 1) await settle();
  await clock.advance(ms);
  for (let turn = 0; turn < 20; turn += 1) await settle();
}

test("a_file_goes_ahead_in_parts_and_the_call_has_its_reference_and_a_key", async () => {
  const { action, requests } = world(serve());
  const seen = [];
  const call = action.a.B({ title: "t", file: file(600_000) }).withUpload({ resumable: "always" });
  const output = await call.withOnUpload((...all) => seen.push(all)).call();
  assert.deepEqual(methods(requests), ["POST", "PATCH", "PATCH", "call"]);
  assert.deepEqual(output, { key: `"upload-${id(1)}"`, body: JSON.stringify({ title: "t", file: `upload:${id(1)}` }) });
  assert.deepEqual(seen, [[0, 600_000], [262_144, 600_000], [600_000, 600_000]]);
  const { metadata, bytes } = uploads.get(id(1));
  const fields = Object.fromEntries(metadata.split(",").map((pair) => pair.split(" ")).map(([key, value]) => [key, atob(value)]));
  assert.deepEqual(fields, { action: "a.B", field: "file", filename: "a.txt", filetype: "text/plain" });
  assert.ok(bytes.equals(content(600_000)));
  assert.equal(stored.size, 0);
});

test("only_files_above_the_size_go_ahead_and_lists_and_forms_have_references", async () => {
  const { action, requests } = world(serve());
  await action.a.B({ files: [file(10), file(30, "b"), file(20, "c")] }).withUpload({ resumable: 15 }).call();
  const body = requests.at(-1).init.body;
  assert.deepEqual(body.getAll("files").map((value) => value.name ?? value), ["a.txt", `upload:${id(1)}`, `upload:${id(2)}`]);
  const form = new FormData();
  form.append("title", "t");
  form.append("file", file(30));
  form.append("none", new File([], ""));
  await action.a.B(form).withUpload({ resumable: "always" }).call();
  const sent = requests.at(-1).init.body;
  assert.deepEqual([sent.get("title"), sent.get("file"), sent.get("none").size], ["t", `upload:${id(3)}`, 0]);
  await action.a.B({ n: 1 }).withUpload({ resumable: "always" }).call();
  assert.equal(requests.at(-1).headers.get("idempotency-key"), null);
});

test("a_lost_connection_goes_on_where_the_server_is", async () => {
  let failures = 2;
  const { action, requests, clock } = world(
    serve(({ init, headers, url }) => {
      if (init.method !== "PATCH" || headers.get("upload-offset") === "0" || failures-- <= 0) return undefined;
      // A part has arrived when the connection is lost.
      const upload = uploads.get(url.pathname.split("/").pop());
      upload.bytes = Buffer.concat([upload.bytes, Buffer.from(init.body).subarray(0, 1000)]);
      throw new TypeError("failed to fetch");
    }),
  );
  const call = follow(action.a.B({ file: file(600_000) }).withUpload({ resumable: "always" }).call());
  await turns(clock, 1000);
  await turns(clock, 2000);
  await turns(clock);
  assert.equal(call.value?.key, `"upload-${id(1)}"`);
  assert.deepEqual(methods(requests).filter((name) => name === "HEAD").length, 2);
  assert.ok(uploads.get(id(1)).bytes.equals(content(600_000)));
});

test("the_browser_being_online_again_ends_the_delay", async () => {
  let isAway = true;
  const { action, clock, window } = world(serve(() => isAway && Promise.reject(new TypeError("failed to fetch"))));
  const call = follow(action.a.B({ file: file(10) }).withUpload({ resumable: "always" }).call());
  await turns(clock);
  isAway = false;
  window.dispatchEvent(new Event("online"));
  await turns(clock);
  assert.equal(call.value?.key, `"upload-${id(1)}"`);
});

test("after_a_reload_the_same_file_is_recognised_and_another_one_is_not", async () => {
  const lost = world(serve(({ init }) => init.method === "PATCH" && Promise.reject(new TypeError("failed to fetch"))));
  const leaving = new AbortController();
  const first = lost.action.a.B({ file: file(10) }).withUpload({ resumable: "always" }).withSignal(leaving.signal).call();
  first.catch(() => {});
  await turns(lost.clock);
  leaving.abort();
  uploads.get(id(1)).bytes = content(10).subarray(0, 4);
  const { action, requests } = world(serve());
  const output = await action.a.B({ file: file(10) }).withUpload({ resumable: "always" }).call();
  assert.deepEqual(methods(requests), ["HEAD", "PATCH", "call"]);
  assert.equal(output.key, `"upload-${id(1)}"`);
  assert.ok(uploads.get(id(1)).bytes.equals(content(10)));
  await action.a.B({ file: file(10) }).withUpload({ resumable: "always" }).call();
  assert.equal(uploads.size, 2, "after a success it is forgotten");
});

test("an_upload_that_has_expired_begins_anew", async () => {
  stored.set("kipo-upload a.B file a.txt text/plain 10 7", `/_kipo/uploads/${id(9)}`);
  const { action, requests } = world(serve());
  await action.a.B({ file: file(10) }).withUpload({ resumable: "always" }).call();
  assert.deepEqual(methods(requests), ["HEAD", "POST", "PATCH", "call"]);
});

test("a_call_whose_response_was_lost_is_sent_again_with_the_same_key", async () => {
  let isLost = true;
  const { action, requests, clock } = world(
    serve(({ url }) => {
      if (!url.pathname.includes("/actions/") || !isLost) return undefined;
      isLost = false;
      throw new TypeError("failed to fetch");
    }),
  );
  const call = follow(action.a.B({ file: file(10) }).withUpload({ resumable: "always" }).call());
  await turns(clock, 1000);
  await turns(clock);
  assert.equal(call.value?.key, `"upload-${id(1)}"`);
  const keys = requests.filter(({ url }) => url.pathname.includes("/actions/")).map(({ headers }) => headers.get("idempotency-key"));
  assert.deepEqual(keys, [call.value.key, call.value.key]);
});

test("after_a_reload_a_call_that_has_run_gets_its_output", async () => {
  stored.set("kipo-upload a.B file a.txt text/plain 10 7", `/_kipo/uploads/${id(9)}`);
  const { action, requests } = world(serve(({ init }) => init.method === "HEAD" && problem(410, "upload_used")));
  const output = await action.a.B({ file: file(10) }).withUpload({ resumable: "always" }).call();
  assert.deepEqual(methods(requests), ["HEAD", "call"]);
  assert.equal(output.key, `"upload-${id(9)}"`);
});

test("a_file_that_the_server_refuses_is_the_error_of_the_call", async () => {
  const wrong = { status: 422, code: "validation_failed", errors: { file: ["must be at most 5 bytes"] } };
  const { action, requests } = world(serve(({ init }) => init.method === "POST" && json(422, wrong)));
  const refused = action.a.B({ file: file(10) }).withUpload({ resumable: "always" }).call();
  await assert.rejects(refused, (error) => error.fields.file[0] === "must be at most 5 bytes");
  assert.equal(requests.length, 1);
});

test("an_error_of_the_action_retains_the_file_unless_the_file_is_wrong", async () => {
  let errors = { title: ["is required"] };
  const { action } = world(
    serve(({ url }) => url.pathname.includes("/actions/") && json(422, { status: 422, code: "validation_failed", errors })),
  );
  await assert.rejects(action.a.B({ file: file(10) }).withUpload({ resumable: "always" }).call(), { status: 422 });
  assert.equal(stored.size, 1);
  errors = { file: ["must be text/plain"] };
  await assert.rejects(action.a.B({ file: file(10) }).withUpload({ resumable: "always" }).call(), { status: 422 });
  await settle();
  assert.deepEqual([stored.size, uploads.size], [0, 0]);
});

test("an_error_that_stays_and_a_long_delay_are_errors_of_the_call", async () => {
  const broken = world(serve(({ init }) => init.method === "POST" && problem(500, "internal")));
  const outcome = follow(broken.action.a.B({ file: file(10) }).withUpload({ resumable: "always" }).call());
  await turns(broken.clock, 300_000);
  assert.deepEqual([outcome.value?.code, broken.requests.length], ["internal", 6]);
  const busy = world(serve(({ init }) => init.method === "POST" && json(429, { status: 429, code: "too_many_requests" }, { "retry-after": "60" })));
  await assert.rejects(busy.action.a.B({ file: file(10) }).withUpload({ resumable: "always" }).call(), { status: 429, retryAfter: 60_000 });
});

test("files_are_paused_and_go_on", async () => {
  let files;
  const { action, requests, clock } = world(
    serve(({ init, headers, signal }) => {
      if (init.method !== "PATCH" || headers.get("upload-offset") === "0" || files.isPaused) return undefined;
      if (requests.some(({ init }) => init.method === "HEAD")) return undefined;
      files.pause();
      signal.throwIfAborted();
      return undefined;
    }),
  );
  const call = action.a.B({ file: file(600_000) }).withUpload({ resumable: "always", onStart: (started) => (files = started) });
  const outcome = follow(call.call());
  await turns(clock, 60_000);
  assert.deepEqual([methods(requests), files.isPaused], [["POST", "PATCH", "PATCH"], true]);
  files.resume();
  await turns(clock);
  assert.equal(outcome.value?.key, `"upload-${id(1)}"`);
  assert.equal(methods(requests)[3], "HEAD");
});

test("a_cancelled_call_rejects_and_removes_its_files", async () => {
  let files;
  const { action, clock, reported } = world(serve(({ init }) => init.method === "PATCH" && new Promise(() => {})));
  const call = action.a.B({ file: file(10) }).withUpload({ resumable: "always", onStart: (started) => (files = started) });
  const outcome = assert.rejects(call.call(), { name: "AbortError" });
  await turns(clock);
  assert.equal(uploads.size, 1);
  files.cancel();
  await outcome;
  await turns(clock);
  assert.deepEqual([uploads.size, stored.size, reported], [0, 0, []]);
});

test("a_cancelled_call_with_an_error_handler_reports_nothing", async () => {
  let files;
  const { action, clock, reported } = world(serve(({ init }) => init.method === "PATCH" && new Promise(() => {})));
  const call = action.a.B({ file: file(10) }).withUpload({ resumable: "always", onStart: (started) => (files = started) });
  const outcome = follow(call.withOnError(() => {}).call());
  await turns(clock);
  files.cancel();
  await turns(clock);
  assert.deepEqual([outcome.value?.name, reported], ["AbortError", []]);
});

test("without_storage_files_go_ahead_as_well", async () => {
  Object.defineProperty(globalThis, "localStorage", { get: () => { throw new DOMException("denied", "SecurityError"); }, configurable: true });
  const { action, requests } = world(serve());
  await action.a.B({ file: file(10) }).withUpload({ resumable: "always" }).call();
  assert.deepEqual(methods(requests), ["POST", "PATCH", "call"]);
});
