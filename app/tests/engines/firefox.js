// Firefox, driven over WebDriver BiDi. FIREFOX names the program.

import puppeteer from "puppeteer-core";

/** @import { Browser, Engine, Profile, Tab } from "./engine.d.ts" */

/** @type {Engine} */
export const firefox = {
  name: "Firefox",
  host: "127.0.0.1",
  async launch() {
    const executablePath = process.env.FIREFOX ?? "/usr/bin/firefox-esr";
    return browser(await puppeteer.launch({ browser: "firefox", executablePath, headless: true }));
  },
};

/** @param {import("puppeteer-core").Browser} driven @returns {Browser} */
function browser(driven) {
  return {
    profile: async () => profile(await driven.createBrowserContext()),
    close: () => driven.close(),
  };
}

/** @param {import("puppeteer-core").BrowserContext} context @returns {Profile} */
function profile(context) {
  return {
    async open(url) {
      const page = await context.newPage();
      await page.goto(url);
      return tab(page);
    },
    close: () => context.close(),
  };
}

/** @param {import("puppeteer-core").Page} page @returns {Tab} */
function tab(page) {
  return {
    click: (selector) => page.click(selector),
    type: (selector, text) => page.type(selector, text),
    evaluate: (run, ...args) => page.evaluate(run, ...args),
    close: () => page.close({ runBeforeUnload: false }),
  };
}
