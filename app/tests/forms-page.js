// A page of forms and controls in a browser, over the server of such tests, which answers as each of them wants.

import assert from "node:assert/strict";
import { FormsServer } from "./forms-server.js";

/** What the browser logs when the server finds an input wrong. */
export const REFUSED_422 = /status of 422/;

/** Opens a page of these elements. */
export async function open(stage, body, actions = {}, { head = "", pages = {}, delays = {} } = {}) {
  const server = await FormsServer.start();
  stage.finally(() => server.stop());
  Object.assign(server, { head, delays, actions, pages: { "/": body, ...pages } });
  const tab = await (await stage.profile()).newPage();
  await tab.goto(server.url);
  await tab.waitForFunction(() => globalThis.action);
  // A test that delays a module is about what happens before it is there.
  if (Object.keys(delays).length === 0) await started(tab);
  return { server, tab };
}

/** Waits until the modules that the page loads at start have started. */
export async function started(tab) {
  await tab.evaluate(async () => {
    const modules = { "[p-action]": "form/forms.js", "[p-navigate]": "page/navigate.js" };
    const needed = Object.keys(modules).filter((selector) => document.querySelector(selector));
    await Promise.all(needed.map((selector) => import(`/_kipo/0123/${modules[selector]}`)));
    await new Promise((resolve) => setTimeout(resolve));
  });
}

/** Waits until the server has so many calls. */
export async function called(server, count) {
  for (let turn = 0; server.calls.length < count && turn < 2000; turn += 1) await new Promise((resolve) => setTimeout(resolve, 10));
  // One call too many would come soon after.
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(server.calls.length, count);
}

/** Waits until a form is not being sent, or a control. */
export const idle = (tab, selector = "form") => tab.waitForFunction((selector) => !document.querySelector(selector).hasAttribute("aria-busy"), selector);

/** Returns the errors that are shown. */
export const shown = (tab) => tab.evaluate(() => [...document.querySelectorAll("[p-error]")].filter((element) => !element.hidden).map((element) => element.textContent));
