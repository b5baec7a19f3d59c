// A page on which modules of the client are tried, without a server.

import { readFile } from "node:fs/promises";

const CLIENT = new URL("../../runtime/client/", import.meta.url);

/** Opens a tab whose server is the test itself: `/name.js` is a module of the client, and every page is the one of `open`. */
export async function openBench(browser) {
  const page = await (await browser.newContext()).newPage();
  const bench = new Bench(page);
  await page.route("**/*", (route) => bench.answer(route));
  return bench;
}

class Bench {
  /** What the next page is. */
  html = "";
  /** Answers of their own, by path. */
  answers = {};
  /** The paths that were asked for. */
  asked = [];
  #problems = [];

  constructor(page) {
    this.page = page;
    page.on("pageerror", (error) => this.#problems.push(error.stack));
    page.on("console", (message) => message.type() === "error" && this.#problems.push(message.text()));
  }

  async answer(route) {
    const url = new URL(route.request().url());
    this.asked.push(url.pathname + url.search);
    const own = this.answers[url.pathname];
    if (own) return route.fulfill(typeof own === "function" ? await own(url) : own);
    if (!url.pathname.endsWith(".js")) return route.fulfill({ contentType: "text/html", body: this.html });
    const body = await readFile(new URL(`.${url.pathname}`, CLIENT), "utf8").catch(() => undefined);
    return route.fulfill(body === undefined ? { status: 404 } : { contentType: "text/javascript", body });
  }

  /** Opens a page with this HTML, of which `served` is a copy. */
  async open(html) {
    this.html = `<!doctype html>${html}`;
    this.asked = [];
    this.#problems = [];
    await this.page.goto("http://kipo.test/page");
    await this.page.evaluate(async () => {
      const { Served } = await import("/morph.js");
      globalThis.served = new Served(document.documentElement);
    });
    return this.page;
  }

  async follow(html) {
    await this.page.evaluate(async (html) => {
      const { follow } = await import("/morph.js");
      follow(served, new DOMParser().parseFromString(html, "text/html").documentElement);
    }, `<!doctype html>${html}`);
  }

  async morph(html) {
    await this.page.evaluate(async (html) => {
      const { morph } = await import("/morph.js");
      morph(document.documentElement, new DOMParser().parseFromString(html, "text/html").documentElement);
    }, `<!doctype html>${html}`);
  }

  problems() {
    return this.#problems;
  }
}
