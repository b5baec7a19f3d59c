// Our client, as a page uses it, with Node's fetch.

import { Client, builder } from "../../../runtime/client/call/action.js";
import { SAID, everyByte, sideBySide } from "./every-byte.js";

everyByte("Kipo's client", {
  read: sideBySide(async (url) => {
    const listen = builder(new Client(new URL("../", url)), "chat.Listen").withMethod("GET").withRetryStream({ baseDelay: 1 });
    const got = [];
    for await (const { data } of listen.events()) {
      got.push(data.message);
      if (got.length === SAID.length) break;
    }
    return got;
  }),
});
