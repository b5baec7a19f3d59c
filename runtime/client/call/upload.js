// Requests that report how much of their body has been sent. Pages load this module with their first `withOnUpload`.

/** @import { Platform, Settings } from "../internal.d.ts" */

/** The statuses whose response has no body. */
const WITHOUT_BODY = [204, 205, 304];

/**
 * Returns a `fetch` that calls `onUpload`. An error that it throws is reported, and the call goes on.
 *
 * @param {Settings} settings
 * @param {Platform} platform
 * @returns {Pick<Platform, "fetch">}
 */
export function uploading({ onUpload }, { report }) {
  /** @param {number} sent @param {number} total */
  const notify = (sent, total) => {
    try {
      onUpload?.(sent, total);
    } catch (error) {
      report(error);
    }
  };
  return { fetch: (url, init) => upload(url, init, notify) };
}

/**
 * Sends a request like `fetch`, and reports its progress, which `fetch` does not.
 *
 * @param {URL} url
 * @param {RequestInit} init
 * @param {(sent: number, total: number) => void} onUpload
 * @returns {Promise<Response>}
 */
export function upload(url, { method = "POST", headers, body, signal }, onUpload) {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const request = new XMLHttpRequest();
    request.open(method, url);
    request.responseType = "blob";
    new Headers(headers).forEach((value, name) => request.setRequestHeader(name, value));
    request.upload.onprogress = ({ loaded, total }) => onUpload(loaded, total);
    request.onload = () => {
      const { status, statusText, response } = request;
      const lines = request.getAllResponseHeaders().trim().split("\r\n");
      const fields = lines.map((line) => /** @type {[string, string]} */ (line.split(/: (.*)/s).slice(0, 2)));
      const init = { status, statusText, headers: fields.filter(([name]) => name) };
      resolve(new Response(WITHOUT_BODY.includes(status) ? null : response, init));
    };
    request.onerror = () => reject(new TypeError("the connection was lost"));
    const abort = () => request.abort();
    request.onabort = () => reject(signal?.reason);
    signal?.addEventListener("abort", abort);
    request.onloadend = () => signal?.removeEventListener("abort", abort);
    request.send(/** @type {XMLHttpRequestBodyInit} */ (body));
  });
}
