// The client as files: which modules browsers load, and what is left of them on the wire.

import { readFileSync, readdirSync } from "node:fs";

const FOLDER = new URL("../", import.meta.url);

/** The modules that a page loads when it has use for them. */
export const LATER = ["effects.js", "held.js", "match.js", "morph.js", "navigate.js", "page.js", "part.js", "path.js", "places.js", "share.js", "tree.js"];

/** The modules of development, none of which is part of a release. */
export const DEV = ["reload.js", "ansi.js", "keep.js", "overlay.js", "refresh.js", "swap.js", "panel.js", ...panel()];

/** Every module that a page begins with. */
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
 * Empties the lines that are comments and nothing else, and takes the indentation and the types of the others.
 * Lines keep their numbers.
 *
 * @param {string} text
 */
export function asServed(text) {
  const code = text.replace(/^[ \t]*(\/\/|\/\*|\*).*$/gm, "");
  return code.replace(/^[ \t]+/gm, "").replace(/\/\*\*.*?\*\/ ?/g, "");
}
