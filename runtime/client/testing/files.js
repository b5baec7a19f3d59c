// The files of the client: which modules browsers load, and the text that the server sends.

import { readFileSync, readdirSync } from "node:fs";

const FOLDER = new URL("../", import.meta.url);

/** The folders that are not served. */
const TOOLS = /^(node_modules|test|testing)\//;

/** Every module of the client, and every file of types. */
export const SOURCES = readdirSync(FOLDER, { encoding: "utf8", recursive: true })
  .filter((name) => /\.(js|d\.ts)$/.test(name) && !TOOLS.test(name))
  .sort();

const ALL = SOURCES.filter((name) => name.endsWith(".js"));

/** The modules of development; a release does not contain them. */
export const DEV = ALL.filter((name) => name.startsWith("dev/"));

/** The modules that a page loads when it first needs them. */
export const LATER = ALL.filter((name) => /^(effect|form|page|upload)\/|^(stream\/share|call\/(batch|form_data|query|upload))\.js$/.test(name));

/** The modules that every page loads. */
export const MODULES = ALL.filter((name) => ![...LATER, ...DEV].includes(name));

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
