/** @import { ActionRequest, Settings } from "../internal.d.ts" */

/**
 * Returns the request of an action. The input is serialised once, so that all attempts send the same.
 *
 * @param {URL} base
 * @param {Settings} settings
 * @param {"application/json" | "text/event-stream"} accept
 * @returns {ActionRequest}
 * @throws {TypeError} if the request cannot carry a value of the input
 */
export function actionRequest(base, { name, input, method }, accept) {
  const url = new URL(`actions/${name}`, base);
  if (method === "GET") {
    url.search = query(name, input).toString();
    return { url, init: { method, headers: { accept } } };
  }
  const body = JSON.stringify(input, (field, value) => {
    // JSON would write it as {}, without an error.
    if (value instanceof Blob) throw new TypeError(`${name}: "${field}" is a file, which JSON cannot carry`);
    return value;
  });
  return { url, init: { method, body, headers: { accept, "content-type": "application/json" } } };
}

/**
 * Returns the header that resumes a stream, if there is an id. The id is sent as UTF-8 bytes, as EventSource does.
 *
 * @param {string} lastEventId
 */
export function resumeHeader(lastEventId) {
  return lastEventId && { "last-event-id": String.fromCharCode(...new TextEncoder().encode(lastEventId)) };
}

/**
 * Returns fields as a form sends them: a list repeats its key, and null is left out.
 *
 * @param {string} name
 * @param {object} input
 */
function query(name, input) {
  const search = new URLSearchParams();
  // Through JSON, so that a Date is written as in a body.
  for (const [field, value] of Object.entries(JSON.parse(JSON.stringify(input)))) {
    for (const item of [value].flat()) {
      if (item === null) continue;
      if (typeof item === "object") throw new TypeError(`${name}: "${field}" is an object, which GET cannot carry`);
      search.append(field, item);
    }
  }
  return search;
}
