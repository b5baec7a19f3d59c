/** @import { ActionRequest, Settings } from "./internal.d.ts" */

/**
 * What to fetch for an action. The input is written once, so that each attempt sends the same.
 *
 * @param {URL} base
 * @param {Settings} settings
 * @param {"application/json" | "text/event-stream"} accept
 * @returns {ActionRequest}
 * @throws {TypeError} if the input holds what the request cannot carry
 */
export function actionRequest(base, { name, input, method }, accept) {
  const url = new URL(`actions/${name}`, base);
  if (method === "GET") {
    url.search = query(name, input).toString();
    return { url, init: { method, headers: { accept } } };
  }
  const body = JSON.stringify(input, (field, value) => {
    // JSON would make it {} and nobody would notice.
    if (value instanceof Blob) throw new TypeError(`${name}: "${field}" is a file, which JSON cannot carry`);
    return value;
  });
  return { url, init: { method, body, headers: { accept, "content-type": "application/json" } } };
}

/**
 * The header that resumes a stream. Ids are text and headers are bytes: UTF-8, as EventSource does it.
 *
 * @param {string} lastEventId
 */
export function resumeHeader(lastEventId) {
  if (lastEventId === "") return undefined;
  return { "last-event-id": String.fromCharCode(...new TextEncoder().encode(lastEventId)) };
}

/**
 * Fields as a form would send them: a list repeats its key, and what is null is left out.
 *
 * @param {string} name
 * @param {object} input
 */
function query(name, input) {
  const search = new URLSearchParams();
  // Through JSON, so that a Date travels as it does in a body.
  for (const [field, value] of Object.entries(JSON.parse(JSON.stringify(input)))) {
    for (const item of [value].flat()) {
      if (item === null) continue;
      if (typeof item === "object") throw new TypeError(`${name}: "${field}" is an object, which GET cannot carry`);
      search.append(field, item);
    }
  }
  return search;
}
