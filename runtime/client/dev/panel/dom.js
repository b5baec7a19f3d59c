/** @import { SourceLocation } from "./types.d.ts" */

/** @typedef {string | number | boolean | null | undefined | ((event: any) => void)} Attribute */

/**
 * Creates an element. A function becomes a listener: `{ onclick: … }`. Attributes that are false, null or undefined are
 * left out.
 *
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Record<string, Attribute>} [attributes]
 * @param {(Node | string | null | undefined)[]} children
 * @returns {HTMLElementTagNameMap[Name]}
 */
export function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(key.slice("on".length), value);
    else if (value !== undefined && value !== null && value !== false) element.setAttribute(key, value === true ? "" : String(value));
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/**
 * Sets a text, but only if it differs: a selection in an equal text stays.
 *
 * @param {Node} node
 * @param {string} text
 */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/**
 * Updates the children of a list to match its items. The child of an item that is still there stays.
 *
 * @template Item
 * @param {HTMLElement} list
 * @param {Item[]} items
 * @param {(item: Item) => string | number} keyOf
 * @param {(item: Item) => HTMLElement} make
 * @returns {HTMLElement[]} in the order of the items
 */
export function sync(list, items, keyOf, make) {
  const known = new Map([...list.children].map((child) => [/** @type {HTMLElement} */ (child).dataset.key, child]));
  const children = items.map((item) => {
    const key = String(keyOf(item));
    const child = /** @type {HTMLElement} */ (known.get(key) ?? make(item));
    child.dataset.key = key;
    known.delete(key);
    return child;
  });
  for (const child of known.values()) child.remove();
  children.forEach((child, index) => {
    if (list.children[index] !== child) list.insertBefore(child, list.children[index] ?? null);
  });
  return children;
}

/**
 * Returns a location in a source file, as a link to the editor if its path is known.
 *
 * @param {SourceLocation} location
 * @param {string} editor
 */
export function locationLink({ file, line, opens }, editor) {
  const text = line > 1 ? `${file}:${line}` : file;
  if (opens === null) return el("code", {}, text);
  const href = editor.replaceAll("{file}", encodeURI(opens)).replaceAll("{line}", String(line)).replaceAll("{column}", "1");
  return el("a", { class: "location", href, title: "Open in the editor" }, text);
}

/** @param {number} ms */
export function duration(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.floor((ms % 60_000) / 1000)} s`;
}

/** @param {number} at */
export function clock(at) {
  return new Date(at).toTimeString().slice(0, "00:00:00".length);
}

/** @param {number} count */
export function bytes(count) {
  if (count < 1000) return `${Math.round(count)} B`;
  return count < 1_000_000 ? `${(count / 1000).toFixed(1)} kB` : `${(count / 1_000_000).toFixed(1)} MB`;
}

/**
 * @param {number} count
 * @param {string} noun
 */
export function counted(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
