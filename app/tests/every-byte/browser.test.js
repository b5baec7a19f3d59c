// Chromium: its own `EventSource`, and our client in a page.

import { after, before } from "node:test";
import { launch } from "../launch.js";
import { SAID, everyByte, sideBySide } from "./every-byte.js";

/** A browser opens six connections to one host; each page has a host of its own. */
const PAGES = 6;

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

everyByte("the browser's EventSource", {
  greets: true,
  // Without TLS Chromium takes a head that ends early for a whole one, finds no content type in it, and
  // gives up, as the standard asks. No server can help that; a reset in the same place is an error to it.
  // The body is cut by FIN alone: a page takes three times as long as the other readers.
  where: ({ how, isInHead }) => how === (isInHead ? "rst" : "fin"),
  read: inPages(followByEventSource),
});

everyByte("Kipo's client in Chromium", {
  // Where the browser matters; in the body all is ours, and tested in Node.
  where: ({ isInHead }) => isInHead,
  read: inPages(followByClient),
});

/** @param {(of: [path: string, length: number]) => Promise<string[]>} follow runs in a page */
function inPages(follow) {
  /** @type {Promise<import("playwright-core").Page>[]} */
  const pages = [];
  return sideBySide(async (url, worker) => {
    url.hostname = `reader-${worker % PAGES}.localhost`;
    const page = await (pages[worker % PAGES] ??= open(url.origin));
    return page.evaluate(follow, [url.pathname, SAID.length]);
  });
}

async function open(origin) {
  const page = await browser.newPage();
  await page.goto(`${origin}/progress`);
  return page;
}

function followByEventSource([path, length]) {
  return new Promise((resolve, reject) => {
    const source = new EventSource(path);
    const got = [];
    source.addEventListener("chat", ({ data }) => {
      got.push(JSON.parse(data).message);
      if (got.length < length) return;
      source.close();
      resolve(got);
    });
    source.addEventListener("error", () => source.readyState === source.CLOSED && reject(new Error(`gave up on ${path}`)));
  });
}

async function followByClient([path, length]) {
  const { imports } = JSON.parse(document.querySelector("script[type='importmap']").textContent);
  const { Client, builder } = await import(new URL("call/action.js", new URL(imports.kipo, location.href)).href);
  const client = new Client(new URL("../", new URL(path, location.href)));
  const listen = builder(client, "chat.Listen").withMethod("GET").withRetryStream({ baseDelay: 1, share: false });
  const got = [];
  for await (const { data } of listen.events()) {
    got.push(data.message);
    if (got.length === length) break;
  }
  return got;
}
