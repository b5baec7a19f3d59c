// The browser client of Kipo. Pages call `action.chat.Send({ … }).call()`; the types are in client.d.ts.

/** @import { Forms } from "./form/forms.js" */
/** @import { Effect } from "./internal.d.ts" */

import { Client, actions } from "./call/action.js";

export { ActionError, isError } from "./error.js";

/** The effects that the app itself defines, by name. @type {Map<string, Effect>} */
const effects = new Map();

const BOUND = "form[p-action]:not([target], [method=dialog i]), :not(form)[p-action]";
const UNBOUND = "[formaction], [formtarget], [formmethod]:not([formmethod=post i])";

/** Loaded with the first element that has `p-action`. @type {Promise<Forms> | undefined} */
let loading;
const forms = () => (loading ??= import("./form/forms.js").then(({ Forms }) => new Forms(client, reloadPart)));

/** The server serves this file as `{base}/<hash>/main.js`, so the base path needs no configuration here. */
const client = new Client(
  new URL("../", import.meta.url),
  (field, report, element) =>
    import("./effect/effects.js").then(({ perform }) => perform(field, report, effects, { document, location, reloadPart, element, action })),
  undefined,
  (...given) => forms().then((forms) => forms.call(...given)),
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

if (globalThis.document) {
  if (document.querySelector("[p-navigate]")) {
    import("./page/navigate.js").then(({ navigate }) => navigate(client));
  }
  if (document.querySelector("[p-action]")) forms();
  for (const name of ["submit", "change"]) document.addEventListener(name, onAction);
}

/**
 * Runs the action of a form or a control. Where the author asks for another address or target, the browser goes there.
 *
 * @param {Event} event
 */
function onAction(event) {
  const { defaultPrevented, target, submitter } = /** @type {SubmitEvent} */ (event);
  // A control of the form may be named `matches`.
  if (defaultPrevented || submitter?.matches(UNBOUND) || !Element.prototype.matches.call(target, BOUND)) return;
  event.preventDefault();
  // Where the module cannot be loaded, the browser posts the form to its page.
  forms().then((forms) => forms.handle({ target, submitter }), () => HTMLFormElement.prototype.submit.call(target));
}

Object.assign(globalThis, { action });
