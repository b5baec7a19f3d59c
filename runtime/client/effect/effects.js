// Performs the effects that a response asks for: `[{ "effect": "reloadPart", "name": "messages" }]`.

/** @import { Effect } from "../internal.d.ts" */

/**
 * @typedef {object} Page
 * @property {Pick<Document, "dispatchEvent">} document
 * @property {Pick<Location, "href" | "origin" | "assign" | "replace">} location
 * @property {(name: string) => Promise<void>} reloadPart
 */

/**
 * Returns the effects that every page has.
 *
 * @param {Page} page
 * @returns {Record<string, Effect>}
 */
const builtIn = ({ document, location, reloadPart }) => ({
  /** `{ name }` */
  reloadPart({ name }) {
    return reloadPart(String(name));
  },

  /** `{ path, replace }` */
  redirect({ path, replace }) {
    const url = new URL(String(path), location.href);
    if (url.origin !== location.origin) throw new Error(`a redirect leads to another site: ${url}`);
    if (replace) location.replace(url);
    else location.assign(url);
  },

  /** `{ name, detail }` */
  dispatchEvent({ name, detail }) {
    document.dispatchEvent(new CustomEvent(String(name), { detail, bubbles: true }));
  },
});

/**
 * Performs effects one after the other. An effect that fails is reported, and the next one runs.
 *
 * @param {string} field the `kipo-effects` field of a response
 * @param {(error: unknown) => void} report
 * @param {Map<string, Effect>} own effects that the app defines
 * @param {Page} page
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
