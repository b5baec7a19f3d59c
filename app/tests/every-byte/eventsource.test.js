// npm's `eventsource`, which has the browser's interface.

import { EventSource } from "eventsource";
import { SAID, everyByte, sideBySide } from "./every-byte.js";

everyByte("npm eventsource", {
  greets: true,
  read: sideBySide((url) => {
    return new Promise((resolve, reject) => {
      const source = new EventSource(url);
      const got = [];
      source.addEventListener("chat", ({ data }) => {
        got.push(JSON.parse(data).message);
        if (got.length < SAID.length) return;
        source.close();
        resolve(got);
      });
      source.addEventListener("error", () => source.readyState === source.CLOSED && reject(new Error(`gave up on ${url}`)));
    });
  }),
});
