// How the pages look on small and large screens, in light and dark.

import assert from "node:assert/strict";
import { scene } from "../../../app/tests/stage.js";
import { REFUSED, addCard, makeBoard, serve, shows, signUp } from "./board.js";

const LONG = "x".repeat(120);

for (const colorScheme of ["light", "dark"]) {
  scene(`every page fits into a window of 320 pixels, and its fields have labels (${colorScheme})`, async (stage) => {
    stage.expect(REFUSED);
    const server = await serve(stage);
    const page = await signUp(stage, server, "a".repeat(24), { viewport: { width: 320, height: 640 }, colorScheme });
    const board = await makeBoard(page, LONG.slice(0, 60));
    await addCard(page, "todo", LONG);
    await shows(page, { todo: LONG });
    const stranger = await (await stage.profile({ viewport: { width: 320, height: 640 }, colorScheme })).newPage();
    for (const [tab, path] of [[page, "/"], [page, new URL(board).pathname], [page, "/admin"], [page, "/nothing"], [stranger, "/login"], [stranger, "/sign-up"]]) {
      await tab.goto(server.url + path);
      assert.equal(await tab.evaluate(() => document.documentElement.scrollWidth), 320, path);
      assert.equal(await tab.locator("h1").count(), 1, path);
      const nameless = await tab.evaluate(() => {
        const named = (element) => element.labels?.length > 0 || element.ariaLabel || element.textContent.trim() !== "";
        return [...document.querySelectorAll("input, textarea, button")].filter((element) => !named(element)).map((element) => element.outerHTML);
      });
      assert.deepEqual(nameless, [], path);
      const contrasts = await tab.evaluate(contrast);
      for (const [text, ratio] of contrasts) assert.ok(ratio >= 4.5, `${path}: ${text} has ${ratio}`);
    }
  });
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
