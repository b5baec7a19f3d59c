// The browser client of Kipo. Pages say `action.chat.Send({ … }).call()`; the types are in client.d.ts.

import { Client, actions } from "./action.js";

export { ActionError } from "./error.js";

/** This file is served as `{base}/<hash>/main.js`, so the base path needs no configuration here. */
const client = new Client(new URL("../", import.meta.url));

export const action = actions(client);

/** `refs.name` is the element with `p-ref="name"`. */
export const refs = new Proxy(Object.freeze({}), {
  get(_, name) {
    if (typeof name === "symbol" || name === "then") return undefined;
    const element = document.querySelector(`[p-ref="${CSS.escape(name)}"]`);
    if (!element) throw new Error(`this page has no element with p-ref="${name}"`);
    return element;
  },
});

Object.assign(globalThis, { action });
