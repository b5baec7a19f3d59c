// What actions ask of the browser besides their output: `[{ "effect": "reloadPart", "name": "messages" }]`.

/** @import { Effect } from "../internal.d.ts" */

/**
 * @typedef {object} Page
 * @property {Pick<Document, "dispatchEvent">} document
 * @property {Pick<Location, "href" | "origin" | "assign" | "replace">} location
 * @property {(name: string) => Promise<void>} reloadPart
 */

/**
 * What every page knows.
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
 * Does one after the other. One that fails is reported, and harms nothing.
 *
 * @param {string} asked the header field
 * @param {(error: unknown) => void} report
 * @param {Map<string, Effect>} own those of the app
 * @param {Page} page
 */
export async function perform(asked, report, own, page) {
  const known = new Map([...Object.entries(builtIn(page)), ...own]);
  for (const { effect, ...fields } of JSON.parse(asked)) {
    try {
      const run = known.get(effect);
      if (!run) throw new Error(`an action asks for "${effect}", which nothing here does: effect("${effect}", …)`);
      await run(fields);
    } catch (error) {
      report(error);
    }
  }
}
