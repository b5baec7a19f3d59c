// Edits of a page's files show in open tabs, without a restart.

import assert from "node:assert/strict";
import { appendFile, cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join as path } from "node:path";
import { part, say, scene, state } from "./stage.js";
import { APP } from "./server.js";

/** A copy of the app's files, to be edited. */
async function copy(stage) {
  const root = await mkdtemp(path(tmpdir(), "kipo-edit-"));
  stage.finally(() => rm(root, { recursive: true, force: true }));
  for (const folder of ["pages", "public"]) await cp(path(APP, folder), path(root, folder), { recursive: true });
  const edit = async (file, from, to) => {
    const text = await readFile(path(root, file), "utf8");
    if (!text.includes(from)) throw new Error(`${file} has no ${from}`);
    await writeFile(path(root, file), text.replace(from, to));
  };
  return { root, edit };
}

scene("an edit to a template, a style, a script shows in an open tab", async (stage) => {
  const { root, edit } = await copy(stage);
  const server = await stage.server({ root });
  const page = await stage.chat(server.url, "Ada");
  await say(page, "still here");

  await edit("pages/index.html", ">The room<", ">The edited room<");
  await page.waitForFunction(() => document.querySelector("#room-title")?.textContent === "The edited room");
  await edit("pages/_layout.html", ">kipo<", ">kipo, edited<");
  await page.waitForFunction(() => document.querySelector(".brand span")?.textContent === "kipo, edited");
  await appendFile(path(root, "pages/index.css"), "\n#room-title { letter-spacing: 5px; }\n");
  await page.waitForFunction(() => getComputedStyle(document.querySelector("#room-title")).letterSpacing === "5px");
  await appendFile(path(root, "public/app.css"), "\nbody { letter-spacing: 3px; }\n");
  await page.waitForFunction(() => getComputedStyle(document.body).letterSpacing === "3px");
  await appendFile(path(root, "pages/index.js"), "\ndocument.body.dataset.script = 'edited';\n");
  await page.waitForFunction(() => document.body.dataset.script === "edited");
  await appendFile(path(root, "pages/_chat/feed.js"), "\ndocument.body.dataset.module = 'edited';\n");
  await page.waitForFunction(() => document.body.dataset.module === "edited");

  // The tab is where it was: in the room, with what was said.
  await state(page, "connected");
  await page.waitForSelector(`.msg-text:text-is("still here")`);
  await page.waitForSelector(part("own_name") + `:text-is("Ada")`);
});

scene("a mistake in a template is shown over the page that still serves, until it is mended", async (stage) => {
  const { root, edit } = await copy(stage);
  const server = await stage.server({ root });
  const page = await stage.chat(server.url, "Ada");
  await edit("pages/index.html", ">The room<", ">{% if %}<");
  await page.waitForSelector("kipo-error");
  assert.match(await page.locator("kipo-error section").textContent(), /index\.html/);
  await state(page, "connected");
  assert.match(await (await fetch(server.url)).text(), />The room</);
  await edit("pages/index.html", ">{% if %}<", ">The mended room<");
  await page.waitForFunction(() => document.querySelector("#room-title")?.textContent === "The mended room");
  await page.waitForSelector("kipo-error", { state: "detached" });
});
