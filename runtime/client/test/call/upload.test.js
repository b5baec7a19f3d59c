import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { upload } from "../../call/upload.js";
import { settle } from "../../testing/fakes.js";

/** A request of the browser, which a test answers. */
class FakeRequest {
  static last;
  upload = {};
  fields = {};

  constructor() {
    FakeRequest.last = this;
  }

  open(method, url) {
    Object.assign(this, { method, url });
  }

  setRequestHeader(name, value) {
    this.fields[name] = value;
  }

  getAllResponseHeaders() {
    return this.head;
  }

  send(body) {
    this.body = body;
  }

  abort() {
    this.onabort();
    this.onloadend();
  }

  answer(status, head, text) {
    Object.assign(this, { status, statusText: "", head, response: new Blob([text]) });
    this.onload();
    this.onloadend();
  }
}

globalThis.XMLHttpRequest = FakeRequest;
const url = new URL("http://kipo.test/_kipo/actions/files.Put");

afterEach(() => (FakeRequest.last = undefined));

test("progress_and_the_response_arrive", async () => {
  const seen = [];
  const response = upload(url, { method: "POST", body: "abc", headers: { accept: "a/b" } }, (...all) => seen.push(all));
  const request = FakeRequest.last;
  assert.deepEqual([request.method, request.url, request.body, request.fields], ["POST", url, "abc", { accept: "a/b" }]);
  request.upload.onprogress({ loaded: 1, total: 3 });
  request.upload.onprogress({ loaded: 3, total: 3 });
  request.answer(422, "content-type: a/b\r\nx-colon: a: b\r\n", "{}");
  assert.deepEqual(seen, [[1, 3], [3, 3]]);
  const { status, headers } = await response;
  assert.deepEqual([status, headers.get("content-type"), headers.get("x-colon")], [422, "a/b", "a: b"]);
  assert.equal(await (await response).text(), "{}");
});

test("a_response_without_a_body_and_without_fields_arrives", async () => {
  const response = upload(url, {}, () => {});
  FakeRequest.last.answer(204, "", "");
  assert.equal((await response).status, 204);
});

test("an_abort_and_a_lost_connection_reject", async () => {
  const abort = new AbortController();
  const aborted = upload(url, { signal: abort.signal }, () => {});
  abort.abort(new Error("as asked"));
  await assert.rejects(aborted, /as asked/);
  const lost = upload(url, {}, () => {});
  FakeRequest.last.onerror();
  await assert.rejects(lost, TypeError);
  await assert.rejects(upload(url, { signal: AbortSignal.abort(new Error("before")) }, () => {}), /before/);
  await settle();
});
