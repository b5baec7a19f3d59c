// The files of the client: which modules browsers load, and the text that the server sends.

import { readFileSync, readdirSync } from "node:fs";

const FOLDER = new URL("../", import.meta.url);

/** The modules that a page loads when it first needs them. */
export const LATER = ["effects.js", "held.js", "match.js", "morph.js", "navigate.js", "page.js", "part.js", "path.js", "places.js", "share.js", "tree.js"];

/** The modules of development; a release does not contain them. */
export const DEV = ["reload.js", "ansi.js", "keep.js", "overlay.js", "refresh.js", "swap.js", "panel.js", ...panel()];

/** The modules that every page loads. */
export const MODULES = readdirSync(FOLDER).filter(
  (name) => name.endsWith(".js") && ![...LATER, ...DEV].includes(name),
);

/** The parts of the panel. */
function panel() {
  const names = readdirSync(new URL("panel/", FOLDER)).filter((name) => name.endsWith(".js"));
  return names.map((name) => `panel/${name}`);
}

/** @param {string} name */
export function read(name) {
  return readFileSync(new URL(name, FOLDER), "utf8");
}

/**
 * Empties lines that hold only a comment, and removes indentation and types from the others, as the server does.
 * Lines keep their numbers.
 *
 * @param {string} text
 */
export function asServed(text) {
  const code = text.replace(/^[ \t]*(\/\/|\/\*|\*).*$/gm, "");
  return code.replace(/^[ \t]+/gm, "").replace(/\/\*\*.*?\*\/ ?/g, "");
}
