// Requests that `fetch` does not send: with a `Host` of their own, or with a path as it stands.

import { request } from "node:http";

/** Sends a GET with a `Host`. */
export const getAs = (url, host) => get(url, { headers: { host } });

/** Sends a GET for a path, in which nothing is resolved or encoded. */
export const getPath = (url, path) => get(url, { path });

/**
 * Sends a GET and reads the response; of a response without an end, such as an event stream, the head.
 *
 * @param {string} url
 * @param {import("node:http").RequestOptions} options
 * @returns {Promise<{ status: number, text: string }>}
 */
function get(url, options) {
  return new Promise((resolve, reject) => {
    const sent = request(url, { ...options, agent: false }, (response) => {
      let text = "";
      const done = () => {
        resolve({ status: response.statusCode, text });
        sent.destroy();
      };
      if (response.headers["content-type"] === "text/event-stream") return done();
      response.setEncoding("utf8").on("data", (part) => (text += part));
      response.on("end", done);
    });
    sent.on("error", reject);
    sent.end();
  });
}
