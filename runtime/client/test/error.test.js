import assert from "node:assert/strict";
import { test } from "node:test";

import { ActionError, errorFromResponse, isTransient, networkError, timeoutError } from "../error.js";

const NOW = Date.parse("2026-01-01T00:00:00Z");

function response(status, body, headers = {}) {
  return errorFromResponse(new Response(body, { status, headers }), NOW);
}

test("a_problem_document_becomes_an_error_with_its_code_fields_and_request", async () => {
  const error = await response(
    422,
    JSON.stringify({
      title: "Unprocessable Content",
      status: 422,
      detail: "the input is not valid",
      code: "validation_failed",
      errors: { username: ["is too long"], "items[0].name": ["is empty"] },
      request_id: "r-1",
    }),
  );
  assert.ok(error instanceof Error && error instanceof ActionError);
  assert.equal(error.name, "ActionError");
  assert.equal(error.message, "the input is not valid");
  assert.equal(error.status, 422);
  assert.equal(error.code, "validation_failed");
  assert.deepEqual(error.fields, { username: ["is too long"], "items[0].name": ["is empty"] });
  assert.equal(error.requestId, "r-1");
  assert.deepEqual([error.isValidationError, error.isNetworkError, error.isAuthError], [true, false, false]);
});

test("a_response_of_a_proxy_becomes_an_error_with_its_status", async () => {
  for (const body of ["<html>Bad Gateway</html>", "", "null", "[]", '"text"', '{"half":']) {
    const error = await response(502, body);
    assert.equal(error.status, 502);
    assert.equal(error.code, "http_502");
    assert.equal(error.message, "the server responded with status 502");
    assert.deepEqual(error.fields, {});
    assert.equal(error.requestId, null);
  }
});

test("the_response_status_overrides_the_document_status", async () => {
  assert.equal((await response(503, '{"status":200,"code":"overloaded"}')).status, 503);
});

test("retry_after_is_read_as_seconds_and_as_a_date", async () => {
  const retryAfter = async (value) => (await response(429, "", { "retry-after": value })).retryAfter;
  assert.equal(await retryAfter("7"), 7000);
  assert.equal(await retryAfter("Thu, 01 Jan 2026 00:00:09 GMT"), 9000);
  assert.equal(await retryAfter("Thu, 01 Jan 2020 00:00:00 GMT"), 0);
  assert.equal(await retryAfter("soon"), null);
  assert.equal((await response(429, "")).retryAfter, null);
});

test("a_network_failure_keeps_its_cause", () => {
  const cause = new TypeError("fetch failed");
  const error = networkError(cause);
  assert.ok(error.isNetworkError);
  assert.equal(error.status, 0);
  assert.equal(error.code, "network");
  assert.equal(error.cause, cause);
});

test("unknown_and_forbidden_callers_are_auth_errors", async () => {
  assert.ok((await response(401, "")).isAuthError);
  assert.ok((await response(403, "")).isAuthError);
  assert.ok(!(await response(404, "")).isAuthError);
});

test("transient_failures_are_those_that_may_succeed_later", async () => {
  const transient = [];
  for (const status of [400, 401, 403, 404, 405, 408, 409, 413, 422, 425, 429, 500, 502, 503, 504]) {
    if (isTransient(await response(status, ""))) transient.push(status);
  }
  assert.deepEqual(transient, [408, 425, 429, 500, 502, 503, 504]);
  assert.ok(isTransient(networkError(undefined)) && isTransient(timeoutError(1)));
  assert.ok(!isTransient(new DOMException("left", "AbortError")));
});
