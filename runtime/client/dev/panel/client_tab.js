/** @import { Facts, Size } from "./types.d.ts" */

import { el } from "./dom.js";

const PARTS = /** @type {const} */ ([
  ["start", "Every page begins with"],
  ["later", "When a page has use for it"],
  ["dev", "In development alone"],
]);

/**
 * How much of the client browsers load. The bytes are those that are sent; gzip is what a proxy or a server that
 * compresses makes of them.
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
 * Fetches a module, from the browser's cache for the most part, and says how small gzip makes it.
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
