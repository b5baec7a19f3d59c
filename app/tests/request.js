// Requests with a `Host` of their own, which `fetch` does not send.

import { request } from "node:http";

/**
 * Sends a GET and reads the response; of a response without an end, such as an event stream, the head.
 *
 * @param {string} url
 * @param {string} host
 * @returns {Promise<{ status: number, text: string }>}
 */
export function getAs(url, host) {
  return new Promise((resolve, reject) => {
    const sent = request(url, { headers: { host }, agent: false }, (response) => {
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
