/** @import { ActionRequest, Settings } from "../internal.d.ts" */

/**
 * Returns the input, if it is a form. Its own properties may be hidden by the names of its controls.
 *
 * @param {unknown} input
 */
export function isForm(input) {
  return {}.toString.call(input) === "[object HTMLFormElement]" ? /** @type {HTMLFormElement} */ (input) : undefined;
}

/**
 * Returns the request of an action. The input is serialised once, so that all attempts send the same. A `Blob` and a
 * `FormData` are the body as they are, a form sends its fields, and an input with a file in it is sent as a form.
 *
 * @param {URL} base
 * @param {Settings} settings
 * @param {"application/json" | "text/event-stream"} accept
 * @returns {Promise<ActionRequest>}
 * @throws {TypeError} if the request cannot carry a value of the input
 */
export async function actionRequest(base, { name, input, method }, accept) {
  if (isForm(input)) input = new FormData(isForm(input));
  const url = new URL(`actions/${name}`, base);
  /** @type {ActionRequest["init"]} */
  const init = { method, headers: { accept } };
  if (method === "GET") {
    // Loaded only by pages that send a GET.
    const { query } = await import("./query.js");
    url.search = query(name, input).toString();
    return { url, init };
  }
  let hasFile = input instanceof FormData;
  // JSON would write a file as {}, without an error.
  init.body = JSON.stringify(input, (_, value) => ((hasFile ||= value instanceof Blob) ? undefined : value));
  // Loaded only by pages that send files.
  if (hasFile) init.body = (await import("./form_data.js")).bodyWithFiles(name, input);
  else init.headers["content-type"] = "application/json";
  return { url, init };
}

/**
 * Returns the header that resumes a stream, if there is an id. The id is sent as UTF-8 bytes, as EventSource does.
 *
 * @param {string} lastEventId
 */
export function resumeHeader(lastEventId) {
  return lastEventId && { "last-event-id": String.fromCharCode(...new TextEncoder().encode(lastEventId)) };
}
