/** @import { Facts, Size } from "../types.d.ts" */

import { el } from "../dom.js";

const PARTS = /** @type {const} */ ([
  ["start", "Loaded by every page"],
  ["later", "Loaded when a page first needs it"],
  ["dev", "Only in development"],
]);

/**
 * Returns the sizes of the client's modules: as they are sent, and compressed with gzip as by a proxy.
 *
 * @param {Facts} facts
 * @param {(size: Size) => Promise<number>} gzipped
 */
export async function clientSizes({ client }, gzipped) {
  const bodies = PARTS.map(async ([part, title]) => {
    const sizes = client[part];
    const gz = await Promise.all(sizes.map(gzipped));
    const total = row(title, sum(sizes.map(({ bytes }) => bytes)), sum(gz), "total");
    return el("tbody", {}, total, ...sizes.map(({ name, bytes }, index) => row(name, bytes, gz[index] ?? 0)));
  });
  const heads = ["Module", "Bytes", "gzip"].map((text) => el("th", { scope: "col" }, text));
  return el("table", { class: "sizes" }, el("thead", {}, el("tr", {}, ...heads)), ...(await Promise.all(bodies)));
}

/**
 * Fetches a module, mostly from the cache of the browser, and returns its size compressed with gzip.
 *
 * @param {URL} url
 */
export async function gzippedSize(url) {
  const response = await fetch(url);
  const packed = response.body?.pipeThrough(new CompressionStream("gzip"));
  return (await new Response(packed).arrayBuffer()).byteLength;
}

/**
 * @param {string} name
 * @param {number} bytes
 * @param {number} gz
 * @param {string} [kind]
 */
function row(name, bytes, gz, kind) {
  const number = (/** @type {number} */ value) => el("td", { class: "number" }, value.toLocaleString("en"));
  return el("tr", { class: kind }, el("th", { scope: "row" }, name), number(bytes), number(gz));
}

/** @param {number[]} numbers */
function sum(numbers) {
  return numbers.reduce((sum, number) => sum + number, 0);
}
