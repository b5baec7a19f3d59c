// npm's `eventsource-parser` in a loop around fetch, as its users write it.

import { createParser } from "eventsource-parser";
import { SAID, everyByte, sideBySide } from "./every-byte.js";

everyByte("npm eventsource-parser", {
  read: sideBySide(async (url) => {
    const got = [];
    let lastEventId = "";
    while (got.length < SAID.length) {
      const parser = createParser({
        onId: (id) => (lastEventId = id),
        onEvent: ({ event, data }) => event === "chat" && got.push(JSON.parse(data).message),
      });
      try {
        const response = await fetch(url, { headers: lastEventId === "" ? {} : { "last-event-id": lastEventId } });
        for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
          parser.feed(text);
          if (got.length >= SAID.length) break;
        }
      } catch (error) {
        if (!(error instanceof TypeError)) throw error; // The error of fetch for a lost connection.
      }
    }
    return got;
  }),
});
