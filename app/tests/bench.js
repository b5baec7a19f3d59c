// A page on which tests run modules of the client without a server.

import { readFile } from "node:fs/promises";

const CLIENT = new URL("../../runtime/client/", import.meta.url);

/** The policy of an app's pages. */
const POLICY = "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'none'";

const START = { id: "a", root: "/home/ada/app", editor: "vscode://file{file}:{line}:{column}" };

/** Opens a tab for which the test is the server: `/name.js` is a module of the client, and every page is the one of `open`. */
export async function openBench(browser) {
  const page = await (await browser.newContext()).newPage();
  const bench = new Bench(page);
  await page.route("**/*", (route) => bench.answer(route));
  return bench;
}

class Bench {
  /** The HTML of the next page. */
  html = "";
  headers = {};
  /** Special answers, by path. */
  answers = {};
  /** The paths of all requests. */
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
    if (!url.pathname.endsWith(".js")) return route.fulfill({ contentType: "text/html", body: this.html, headers: this.headers });
    const body = await readFile(new URL(`.${url.pathname.replace(/^\/_kipo\/\w+/, "")}`, CLIENT), "utf8").catch(() => undefined);
    return route.fulfill(body === undefined ? { status: 404 } : { contentType: "text/javascript", body });
  }

  /** Opens a page with this HTML, of which `served` is a copy. */
  async open(html) {
    this.html = `<!doctype html>${html}`;
    this.asked = [];
    this.#problems = [];
    await this.page.goto("http://kipo.test/page");
    await this.page.evaluate(async () => {
      const { Served } = await import("/page/morph.js");
      globalThis.served = new Served(document.documentElement);
    });
    return this.page;
  }

  async follow(html) {
    await this.page.evaluate(async (html) => {
      const { follow } = await import("/page/morph.js");
      follow(served, new DOMParser().parseFromString(html, "text/html").documentElement);
    }, `<!doctype html>${html}`);
  }

  async morph(html) {
    await this.page.evaluate(async (html) => {
      const { morph } = await import("/page/morph.js");
      morph(document.documentElement, new DOMParser().parseFromString(html, "text/html").documentElement);
    }, `<!doctype html>${html}`);
  }

  /** Makes the page one of a development server. `emit` sends its events. */
  async develop() {
    this.headers = { "content-security-policy": POLICY };
    await this.page.addInitScript(() => {
      globalThis.EventSource = class extends EventTarget {
        readyState = 1;
        constructor() {
          super();
          globalThis.kipoEvents = this;
        }
      };
    });
  }

  /** Sets the page that the server sends from now on. */
  send(html, { template = "index.html", script = "", head = "" } = {}) {
    const own = script && `<script type="module" src="/own.js"></script>`;
    this.html = `<!doctype html><html><head><title>t</title><script type="module" src="/_kipo/0123/dev/reload.js" data-kipo-page="${template}"></script>${head}${own}</head><body>${html}</body></html>`;
    if (script) this.answers["/own.js"] = { contentType: "text/javascript", body: script };
  }

  /** Opens that page in a tab that follows edits. */
  async show(html, options) {
    this.answers = {};
    this.send(html, options);
    await this.page.goto("about:blank");
    this.asked = [];
    this.#problems = [];
    await this.page.goto("http://kipo.test/page");
    await this.emit("start", START);
    return this.page;
  }

  /** Sends an event of the server. */
  async emit(name, data = {}) {
    await this.page.waitForFunction(() => globalThis.kipoEvents);
    await this.page.evaluate(
      ([name, data]) => kipoEvents.dispatchEvent(new MessageEvent(name, { data: JSON.stringify(data) })),
      [name, data],
    );
  }

  problems() {
    return this.#problems;
  }
}
