// The browser client of Kipo. Pages call `action.chat.Send({ … }).call()`; the types are in client.d.ts.

/** @import { Effect } from "./internal.d.ts" */

import { Client, actions } from "./call/action.js";

export { ActionError, isError } from "./error.js";

/** The effects that the app itself defines, by name. @type {Map<string, Effect>} */
const effects = new Map();

/** The server serves this file as `{base}/<hash>/main.js`, so the base path needs no configuration here. */
const client = new Client(new URL("../", import.meta.url), (...given) =>
  import("./effect/effects.js").then(({ perform }) => perform(...given, effects, { document, location, reloadPart })),
);

export const action = actions(client);

/** `refs.name` returns the element with `p-ref="name"`. */
export const refs = new Proxy(Object.freeze({}), {
  get(_, name) {
    if (typeof name === "symbol" || name === "then") return undefined;
    const element = document.querySelector(`[p-ref="${CSS.escape(name)}"]`);
    if (!element) throw new Error(`this page has no element with p-ref="${name}"`);
    return element;
  },
});

/** @type {(name: string, run: (fields: any) => unknown) => void} */
export const effect = (name, run) => void effects.set(name, run);

/** @type {(...parts: any) => Promise<any>} */
export const batch = (...parts) => import("./call/batch.js").then(({ batch }) => batch(parts, client));

export const leaving = () => client.page.signal;

/** @type {(name: string, options?: { signal?: AbortSignal }) => Promise<void>} */
export const reloadPart = (...given) => import("./page/reload_part.js").then(({ reloadPart }) => reloadPart(...given));

if (globalThis.document?.querySelector("[p-navigate]")) {
  import("./page/navigate.js").then(({ navigate }) => navigate(client));
}

Object.assign(globalThis, { action });
