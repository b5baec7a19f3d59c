// The client as files: which modules browsers load, and what is left of them on the wire.

import { readFileSync, readdirSync } from "node:fs";

const FOLDER = new URL("../", import.meta.url);

/** The modules that a page loads when it has use for them. */
export const LATER = ["share.js"];

/** Every module that a page begins with; `reload.js` is for development alone. */
export const MODULES = readdirSync(FOLDER).filter(
  (name) => name.endsWith(".js") && name !== "reload.js" && !LATER.includes(name),
);

/** @param {string} name */
export function read(name) {
  return readFileSync(new URL(name, FOLDER), "utf8");
}

/**
 * Empties the lines that are comments and nothing else, and takes the indentation of the others. Lines keep
 * their numbers.
 *
 * @param {string} text
 */
export function asServed(text) {
  return text.replace(/^[ \t]*(\/\/|\/\*|\*).*$/gm, "").replace(/^[ \t]+/gm, "");
}
