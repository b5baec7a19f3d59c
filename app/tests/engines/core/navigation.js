// Links between pages that opt in, and the way back.

import { reads, shows } from "../stage.js";
import { site } from "../../site.js";

const LAYOUT = `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <title>{% block title %}{% endblock %}</title>
  <link rel="icon" href="data:,">
</head>
<body>
  <input id="search" aria-label="Search">
  <main id="app" p-navigate><h1>{% block heading %}{% endblock %}</h1>{% block main %}{% endblock %}</main>
</body>
</html>`;

/** @param {string} title @param {string} main */
const page = (title, main) =>
  `{% extends "_layout.html" %}{% block title %}${title}{% endblock %}{% block heading %}${title}{% endblock %}{% block main %}${main}{% endblock %}`;

const FILES = {
  "pages/_layout.html": LAYOUT,
  "pages/index.html": page("Home", `<a href="/two">on</a> <input id="field" aria-label="Field">`),
  "pages/two.html": page("Two", `<a href="/">home</a> <button p-ref="button">Press</button> <p p-ref="count"></p>`),
  "pages/two.css": `h1 { letter-spacing: 3px; }`,
  "pages/two.js": `
    import { refs } from "kipo";
    refs.count.textContent = "0";
    refs.button.addEventListener("click", () => (refs.count.textContent = String(Number(refs.count.textContent) + 1)));`,
};

/** @param {import("../stage.js").Scene} scene */
export function navigation(scene) {
  scene("a link brings the next page without a load, and the way back brings what was typed", async (stage) => {
    const { root } = await site(stage, FILES);
    const server = await stage.server({ root });
    const tab = await stage.tab(server.url);
    // The element shows that the client follows links from now on.
    await shows(tab, true, () => document.querySelector("kipo-voice") !== null);
    // A full load would lose the mark.
    await tab.evaluate(() => void (/** @type {any} */ (globalThis).mark = "first"));
    const isAt = (path, title) =>
      shows(tab, [path, title, title, "first"], () => [location.pathname, document.title, document.querySelector("h1")?.textContent, /** @type {any} */ (globalThis).mark]);
    const value = (selector, text) => shows(tab, text, (selector) => document.querySelector(selector)?.value, selector);
    // The script runs after the page is shown.
    const press = async () => {
      await reads(tab, "[p-ref='count']", "0");
      await tab.click("[p-ref='button']");
      await reads(tab, "[p-ref='count']", "1");
    };
    await tab.type("#search", "in the layout");
    await tab.type("#field", "in the page");

    await tab.click("a[href='/two']");
    await isAt("/two", "Two");
    await shows(tab, "3px", () => getComputedStyle(document.querySelector("h1")).letterSpacing);
    await press();
    await value("#search", "in the layout");

    await tab.evaluate(() => history.back());
    await isAt("/", "Home");
    await value("#field", "in the page");
    await value("#search", "in the layout");
    await tab.evaluate(() => history.forward());
    await isAt("/two", "Two");
    await press();
  });
}
