// How the pages look and read: small and large screens, light and dark, with errors shown. axe checks names, roles, contrast and more.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { part, scene } from "../../../app/tests/stage.js";
import { PASSWORD, REFUSED, addCard, makeBoard, openCard, serve, shows, signUp, submit, unchecked } from "./board.js";

const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const LONG = "x".repeat(120);

/** A picture of one pixel. */
const PNG = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==", "base64");

for (const colorScheme of ["light", "dark"]) {
  for (const width of [320, 1280]) {
    scene(`axe finds nothing on any page, which fits into ${width} pixels, with errors shown as well (${colorScheme})`, async (stage) => {
      stage.expect(REFUSED);
      const server = await serve(stage);
      const options = { viewport: { width, height: 800 }, colorScheme };
      const page = await signUp(stage, server, "a".repeat(24), options);
      const look = (name, tab = page) => inspect(tab, width, `${name}-${width}-${colorScheme}`);
      await look("boards-empty");
      await unchecked(page, ".make");
      await page.fill(part("title_input"), " ");
      await page.click(part("make"));
      await page.locator(".field-error:not([hidden])").waitFor();
      await look("boards-error");
      await makeBoard(page, LONG.slice(0, 60));
      for (const [column, title] of [["todo", LONG], ["todo", "Tea"], ["doing", "Milk"], ["done", "Bread"]]) await addCard(page, column, title);
      await shows(page, { todo: `${LONG}, Tea`, doing: "Milk", done: "Bread" });
      await page.fill("#add-doing", "  ");
      await page.press("#add-doing", "Enter");
      await page.locator(".add .field-error:not([hidden])").waitFor();
      await page.click(`${part("members_view")} > summary`);
      await page.fill(part("invite_input"), "nobody");
      await page.click(part("invite"));
      await page.locator(`${part("members_view")} .form-error:not([hidden])`).first().waitFor();
      await look("board-errors");
      await openCard(page, "Tea");
      await page.setInputFiles("#files", [{ name: `${LONG}.png`, mimeType: "image/png", buffer: PNG }, { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("x") }]);
      await page.click(".attach button");
      await page.locator(".file").nth(1).waitFor();
      await look("card");
      await unchecked(page, part("editor_form"));
      await page.fill(part("card_title"), " ");
      await page.click(`${part("editor_form")} button`);
      await unchecked(page, ".attach");
      await page.setInputFiles("#files", Array.from({ length: 6 }, (_, n) => ({ name: `${n}.txt`, mimeType: "text/plain", buffer: Buffer.from("x") })));
      await page.click(".attach button");
      await page.locator(".attach .field-error:not([hidden])").waitFor();
      await page.locator(`${part("editor_form")} .field-error:not([hidden])`).waitFor();
      await look("card-errors");
      await page.click(part("card_remove"));
      await page.locator(".kipo-toast button").waitFor();
      await page.click("text=Deleted cards");
      await look("board-toast");
      for (const path of ["/", "/admin", "/admin?ended=1", "/nothing", "/boards/1?card=99"]) {
        await page.goto(server.url + path);
        await look(path.replace(/\W+/g, "-"));
      }

      const stranger = await (await stage.profile(options)).newPage();
      for (const path of ["/login", "/sign-up"]) {
        await stranger.goto(server.url + path);
        await look(path.slice(1), stranger);
        await unchecked(stranger);
        await submit(stranger, "a b", path === "/login" ? "wrong horse" : "short");
        await stranger.locator("[p-error]:not([hidden])").first().waitFor();
        await look(`${path.slice(1)}-errors`, stranger);
      }
      await stranger.goto(`${server.url}/sign-up`);
      await submit(stranger, "bob", PASSWORD);
      await stranger.waitForURL(`${server.url}/`);
      await stranger.goto(`${server.url}/admin`);
      await look("refused", stranger);
    });
  }
}

scene("without JavaScript the pages fit into 320 pixels too, and show nothing that needs a script", async (stage) => {
  stage.expect(REFUSED);
  const server = await serve(stage);
  const page = await signUp(stage, server, "ann", { viewport: { width: 320, height: 800 }, javaScriptEnabled: false });
  await page.fill(part("title_input"), "Kitchen");
  await Promise.all([page.waitForNavigation(), page.click(part("make"))]);
  await page.fill("#add-todo", LONG);
  await Promise.all([page.waitForNavigation(), page.press("#add-todo", "Enter")]);
  await Promise.all([page.waitForNavigation(), page.click(".card-open")]);
  for (const path of ["/", "/boards/1", "/boards/1?card=1", "/admin", "/nothing"]) {
    await page.goto(server.url + path);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 320, path);
    assert.equal(await page.locator(".scripted:visible").count(), 0, path);
    await picture(page, `noscript${path.replace(/\W+/g, "-")}`);
  }
});

/** Checks a page as it is now. */
async function inspect(page, width, name) {
  await picture(page, name);
  assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= width, `${name} is wider than ${width} pixels`);
  assert.equal(await page.locator("h1").count(), 1, name);
  for (const [text, ratio] of await page.evaluate(contrast)) assert.ok(ratio >= 4.5, `${name}: ${text} has ${ratio}`);
  await page.evaluate(AXE);
  const violations = await page.evaluate(async () => {
    const { violations } = await globalThis.axe.run({ exclude: ["kipo-panel"] });
    return violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join(" | ")}`);
  });
  assert.deepEqual(violations, [], name);
}

/** Returns each text of the page with the ratio of its contrast (WCAG 2.2, 1.4.3). Runs in the page. */
function contrast() {
  const context = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const pixel = (colour) => {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    return [...context.getImageData(0, 0, 1, 1).data];
  };
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element) => {
    for (let at = element; at !== null; at = at.parentElement) {
      const colour = pixel(getComputedStyle(at).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255, 255];
  };
  const texts = [...document.querySelectorAll("body *")].filter((element) => {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== "");
    return own && element.checkVisibility({ visibilityProperty: true }) && element.closest(".skip, kipo-panel") === null;
  });
  return texts.map((element) => {
    const [one, two] = [luminance(pixel(getComputedStyle(element).color)), luminance(behind(element))];
    return [element.textContent.trim().slice(0, 30), (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05)];
  });
}

/** Saves a picture of a page into the folder that KIPO_PICTURES names, for people to look at. */
async function picture(page, name) {
  const folder = process.env.KIPO_PICTURES;
  if (folder !== undefined) await page.screenshot({ path: `${folder}/${name}.png`, fullPage: true });
}
