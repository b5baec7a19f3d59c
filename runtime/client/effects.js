// What actions ask of the browser besides their output: `[{ "effect": "reloadPart", "name": "messages" }]`.

/** @import { Effect } from "./internal.d.ts" */

/** @typedef {{ document: Pick<Document, "dispatchEvent">, location: Pick<Location, "href" | "origin" | "assign" | "replace"> }} Page */

/**
 * What every page knows.
 *
 * @param {Page} page
 * @returns {Record<string, Effect>}
 */
const builtIn = ({ document, location }) => ({
  /** `{ name }` */
  async reloadPart({ name }) {
    const { reloadPart } = await import("./part.js");
    await reloadPart(String(name));
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
 * @param {Map<string, Effect>} own those of the app
 * @param {(error: unknown) => void} report
 * @param {Page} [page]
 */
export async function perform(asked, own, report, page = globalThis) {
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
