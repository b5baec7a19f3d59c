// A small site for one test, which the app's binary serves.

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** The pages that have functions in the app's binary: it does not start without them. */
const WITH_FUNCTIONS = Object.fromEntries(
  ["contact.html", "rooms/index.html", "rooms/[room].html"].map((path) => [`pages/${path}`, "<!doctype html><html lang=\"en\"><title>Other</title></html>"]),
);

/**
 * Writes a folder of pages and public files.
 *
 * @param {import("./stage.js").Stage} stage
 * @param {Record<string, string>} files by their paths, such as `pages/index.html`
 */
export async function site(stage, files) {
  const root = await mkdtemp(join(tmpdir(), "kipo-site-"));
  stage.finally(() => rm(root, { recursive: true, force: true }));
  const write = async (path, text) => {
    const file = join(root, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  };
  await mkdir(join(root, "public"), { recursive: true });
  for (const [path, text] of Object.entries({ ...WITH_FUNCTIONS, ...files })) await write(path, text);
  return { root, write };
}
