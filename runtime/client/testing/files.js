// The client as files: which modules browsers load, and what is left of them on the wire.

import { readFileSync, readdirSync } from "node:fs";

const FOLDER = new URL("../", import.meta.url);

/** Every module that a page loads; `reload.js` is for development alone. */
export const MODULES = readdirSync(FOLDER).filter((name) => name.endsWith(".js") && name !== "reload.js");

/** @param {string} name */
export function read(name) {
  return readFileSync(new URL(name, FOLDER), "utf8");
}

/**
 * Empties the lines that are comments and nothing else. Lines keep their numbers.
 *
 * @param {string} text
 */
export function withoutCommentLines(text) {
  return text.replace(/^[ \t]*(\/\/|\/\*|\*).*$/gm, "");
}
