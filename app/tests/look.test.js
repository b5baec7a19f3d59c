// What a test can check of a page's looks: space on a phone, contrast, names for screen readers.

import assert from "node:assert/strict";
import { part, say, scene } from "./stage.js";

const PAGES = ["/", "/rooms", "/rooms/Nobody", "/rooms/Tea", "/progress", "/limited", "/contact", "/upload", "/no-such-page"];

/** Makes the rooms of the pages, one with a long name and a long message, and one with people. */
async function furnish(server) {
  for (const room of ["Tea", "W".repeat(40)]) await server.post("rooms.Create", { room });
  for (const [username, message] of [["Ada", "hello"], ["W".repeat(20), "W".repeat(500)]]) await server.post("rooms.Send", { room: "Tea", username, message });
  for (const name of ["W".repeat(20), ...Array.from({ length: 12 }, (_, n) => `Reader ${n * n}`)]) await server.enter("Tea", name);
}

scene("320 px are wide enough", async (stage) => {
  stage.expect(/the server responded with a status of 404/);
  const server = await stage.server();
  const page = await stage.tab(server.url, { viewport: { width: 320, height: 568 }, isMobile: true, hasTouch: true });
  const overflow = () =>
    page.evaluate((feed) => {
      const wide = [document.scrollingElement, document.querySelector(feed)].filter((box) => box !== null && box.scrollWidth > box.clientWidth);
      const out = [...document.querySelectorAll("body *")].filter((each) => each.checkVisibility() && each.getBoundingClientRect().right > innerWidth + 0.5);
      return [...wide, ...out].map((each) => each.outerHTML.slice(0, 80));
    }, part("feed"));
  await furnish(server);
  for (const path of [...PAGES, `/rooms/${"W".repeat(40)}`, `/rooms/${"N".repeat(40)}`]) {
    await page.goto(server.url + path);
    assert.deepEqual(await overflow(), [], path);
  }
  await page.goto(`${server.url}/rooms/Tea`);
  await page.click(".people-open");
  assert.deepEqual(await overflow(), [], "the sheet");
  await server.say("W".repeat(20), "W".repeat(500));
  await page.goto(server.url);
  await page.fill(part("username_input"), "M".repeat(20));
  await page.click(".login-row button");
  await page.waitForSelector(".msg");
  await say(page, `https://example.org/${"path/".repeat(40)}`);
  await page.waitForSelector("[data-own='yes']");
  assert.deepEqual(await overflow(), [], "the room");
  await page.click(part("send_btn"));
  assert.deepEqual(await overflow(), [], "the room with an error");
  const sides = await page.evaluate((parts) => parts.map((each) => document.querySelector(each).getBoundingClientRect()).map(({ width, height }) => Math.min(width, height)), [part("send_btn"), part("message_input")]);
  assert.ok(sides.every((side) => side >= 44), `touch targets of ${sides}`);
});

for (const colorScheme of ["light", "dark"]) {
  scene(`every text has enough contrast, ${colorScheme}`, async (stage) => {
    stage.expect(/the server responded with a status of 404/);
    const server = await stage.server();
    await furnish(server);
    for (let n = 0; n < 12; n += 1) await server.say(`Reader ${n * n}`, "hello");
    const page = await stage.tab(server.url, { colorScheme, reducedMotion: "reduce" });
    for (const path of PAGES) {
      await page.goto(server.url + path);
      assert.deepEqual(await page.evaluate(faint), [], path);
    }
    await page.goto(`${server.url}/progress`);
    await page.click("#start-btn");
    await page.waitForSelector(".step[data-state='done']");
    assert.deepEqual(await page.evaluate(faint), [], "a run");
    await page.goto(server.url);
    await page.fill(part("username_input"), "Ada");
    await page.click(".login-row button");
    await page.waitForSelector(".msg");
    await say(page, "hello");
    await page.waitForSelector("[data-own='yes']");
    await page.click(part("send_btn"));
    assert.deepEqual(await page.evaluate(faint), [], "the room");
  });
}

scene("every control has a name, and screen readers read new messages aloud", async (stage) => {
  stage.expect(/the server responded with a status of 404/);
  const server = await stage.server();
  await furnish(server);
  const page = await stage.tab(server.url);
  for (const path of PAGES) {
    await page.goto(server.url + path);
    assert.deepEqual(await page.evaluate(nameless), [], path);
    assert.equal(await page.locator("h1:visible").count(), 1, `${path} has one heading`);
    assert.notEqual(await page.title(), "");
  }
  await page.goto(server.url);
  await page.fill(part("username_input"), "Ada");
  await page.click(".login-row button");
  await say(page, "hello");
  await page.waitForSelector(".msg");
  assert.deepEqual(await page.evaluate(nameless), [], "the room");
  assert.equal(await page.locator("[role='log']:visible").count(), 1);
  await page.waitForSelector("[role='log'][aria-live='polite']");
  assert.equal(await page.locator("h1:visible").count(), 1);
  for (const [field, length] of [["username_input", "20"], ["message_input", "500"]]) {
    assert.equal(await page.getAttribute(part(field), "maxlength"), length);
    assert.notEqual(await page.getAttribute(part(field), "required"), null);
  }
});

scene("the policy of a page holds: no inline script or style runs", async (stage) => {
  const { url } = await stage.server();
  const response = await fetch(url);
  const policy = response.headers.get("content-security-policy") ?? "";
  assert.match(policy, /default-src 'self'/);
  assert.doesNotMatch(policy, /unsafe-/);
  const html = await response.text();
  assert.doesNotMatch(html, /<style|\sstyle=|\son\w+=/);
  const inline = [...html.matchAll(/<script(?![^>]*\bsrc=)([^>]*)>/g)].map(([, attributes]) => attributes.trim());
  assert.deepEqual(inline, ['type="importmap"']);
});

// The functions below run in the page.

/** Returns texts whose contrast with their background is below 4.5 (WCAG AA). */
function faint() {
  const numbers = (colour) => colour.match(/[\d.]+/g).map(Number);
  const light = (colour) =>
    numbers(colour)
      .slice(0, 3)
      .map((value) => value / 255)
      .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
      .reduce((sum, value, index) => sum + value * [0.2126, 0.7152, 0.0722][index], 0);
  const ground = (element) => {
    for (let each = element; each !== null; each = each.parentElement) {
      const colour = getComputedStyle(each).backgroundColor;
      if ((numbers(colour)[3] ?? 1) > 0) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    const says = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim() !== "");
    if (!says || !element.checkVisibility({ visibilityProperty: true })) continue;
    const [a, b] = [light(getComputedStyle(element).color), light(ground(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) found.push(`${ratio.toFixed(2)} ${element.outerHTML.slice(0, 100)}`);
  }
  return found;
}

/** Returns controls that have no name for a screen reader. */
function nameless() {
  const found = [];
  const named = (element) => element.ariaLabel || document.getElementById(element.getAttribute("aria-labelledby"))?.textContent;
  for (const field of document.querySelectorAll("input, textarea, select")) {
    if (field.labels.length === 0 && !named(field)) found.push(field.outerHTML);
  }
  for (const element of document.querySelectorAll("button, a")) {
    if (element.checkVisibility() && element.textContent.trim() === "" && !named(element)) found.push(element.outerHTML);
  }
  for (const element of document.querySelectorAll("section, nav, progress, [role='log']")) if (!named(element)) found.push(element.outerHTML.slice(0, 80));
  for (const image of document.querySelectorAll("img:not([alt])")) found.push(image.outerHTML);
  const ids = [...document.querySelectorAll("[id]")].map(({ id }) => id);
  found.push(...ids.filter((id, index) => ids.indexOf(id) !== index));
  for (const element of document.querySelectorAll("[aria-describedby]")) {
    for (const id of element.getAttribute("aria-describedby").split(" ")) if (!document.getElementById(id)) found.push(`no #${id}`);
  }
  if (document.documentElement.lang === "") found.push("no language");
  if (document.querySelectorAll("main").length !== 1) found.push("not one main");
  return found;
}
