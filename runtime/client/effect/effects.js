// Performs the effects that a response asks for: `[{ "effect": "reloadPart", "name": "messages" }]`.

/** @import { Effect, EffectPage } from "../internal.d.ts" */

/**
 * Returns the effects that every page has.
 *
 * @param {EffectPage} page
 * @returns {Record<string, Effect>}
 */
const builtIn = (page) => ({
  /** `{ name }` */
  reloadPart({ name }) {
    return page.reloadPart(String(name));
  },

  /** `{ path, replace }` */
  redirect({ path, replace }) {
    const { location } = page;
    const url = new URL(String(path), location.href);
    if (url.origin !== location.origin) throw new Error(`a redirect leads to another site: ${url}`);
    if (replace) location.replace(url);
    else location.assign(url);
  },

  /** `{ name, detail }` */
  dispatchEvent({ name, detail }) {
    page.document.dispatchEvent(new CustomEvent(String(name), { detail, bubbles: true }));
  },

  /** `{ text, level, ms, undo }` */
  toast: (fields) => import("./toast.js").then(({ toast }) => toast(fields, page)),

  /** `{ name }` */
  resetForm: (fields) => import("./elements.js").then(({ resetForm }) => resetForm(fields, page)),
  focus: (fields) => import("./elements.js").then(({ focus }) => focus(fields, page)),
  openModal: (fields) => import("./elements.js").then(({ openModal }) => openModal(fields, page)),
  closeModal: (fields) => import("./elements.js").then(({ closeModal }) => closeModal(fields, page)),
});

/**
 * Performs effects one after the other. An effect that fails is reported, and the next one runs.
 *
 * @param {string} field the `kipo-effects` field of a response
 * @param {(error: unknown) => void} report
 * @param {Map<string, Effect>} own effects that the app defines
 * @param {EffectPage} page
 */
export async function perform(field, report, own, page) {
  const known = new Map([...Object.entries(builtIn(page)), ...own]);
  for (const { effect, ...fields } of JSON.parse(field)) {
    try {
      const run = known.get(effect);
      if (!run) throw new Error(`an action asks for the unknown effect "${effect}"; define it by effect("${effect}", …)`);
      await run(fields);
    } catch (error) {
      report(error);
    }
  }
}
