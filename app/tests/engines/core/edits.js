// Edits of a running app: a template under a half-typed text, and one that is broken.

import assert from "node:assert/strict";
import { Copy } from "../../edits/copy.js";
import { part, reads, settled, shows } from "../stage.js";
import { chat, holds, isConnected } from "./room.js";

/** @import { Tab } from "../engine.d.ts" */

const HALF_TYPED = "half a message";

/** Types half a message and puts the caret into its middle. @param {Tab} tab */
async function typeHalf(tab) {
  await tab.type(part("message_input"), HALF_TYPED);
  await tab.evaluate((selector) => document.querySelector(selector).setSelectionRange(4, 6), part("message_input"));
}

/** Checks that the text, the focus and the selection are as they were. @param {Tab} tab */
const isHalfTyped = (tab) =>
  shows(
    tab,
    [HALF_TYPED, true, 4, 6],
    (selector) => {
      const field = document.querySelector(selector);
      return [field.value, document.activeElement === field, field.selectionStart, field.selectionEnd];
    },
    part("message_input"),
  );

/** @param {import("../stage.js").Scene} scene */
export function edits(scene) {
  scene("a template is edited under a half-typed text: text, focus, selection and stream stay", async (stage) => {
    const copy = await Copy.ofPages(stage);
    const server = await stage.server({ root: copy.root, watch: true });
    const tab = await chat(stage, server.url, "Ada");
    await typeHalf(tab);
    for (const [index, heading] of ["One", "Two", "Three"].entries()) {
      await copy.write("pages/index.html", (await copy.read("pages/index.html")).replace(/id="room-title">[^<]*</, `id="room-title">${heading}<`));
      await reads(tab, "#room-title", heading);
      await isHalfTyped(tab);
      await server.say("Grace", heading);
      await holds(tab, ["One", "Two", "Three"].slice(0, index + 1));
    }
    await copy.append("pages/index.css", "\n#room-title { letter-spacing: 7px !important; }\n");
    await shows(tab, "7px", () => getComputedStyle(document.querySelector("#room-title")).letterSpacing);
    await isHalfTyped(tab);
    await isConnected(tab);
  });

  scene("a broken template is shown over the last good page, until it is mended", async (stage) => {
    const copy = await Copy.ofPages(stage);
    const server = await stage.server({ root: copy.root, watch: true });
    const tab = await chat(stage, server.url, "Ada");
    await typeHalf(tab);
    const overlay = () => tab.evaluate(() => document.querySelector("kipo-error")?.shadowRoot?.textContent ?? "");

    const good = await copy.read("pages/index.html");
    await copy.write("pages/index.html", good.replace(">The room<", ">{{ no_such_name }}<"));
    assert.ok(await settled(true, async () => /no_such_name/.test(await overlay())), await overlay());
    assert.match(await overlay(), /index\.html:\d+:\d+/);
    await isConnected(tab);

    await copy.write("pages/index.html", good);
    assert.equal(await settled("", overlay), "");
    await isHalfTyped(tab);
    await server.say("Grace", "after");
    await holds(tab, ["after"]);
  });
}
