// The browser's own `EventSource`.

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

/** @type {Promise<import("playwright-core").Page>[]} */
const pages = [];

everyByte("the browser's EventSource", {
  greets: true,
  // Without TLS Chromium takes a head that ends early for a whole one, finds no content type in it, and
  // gives up, as the standard asks. No server can help that; a reset in the same place is an error to it.
  // The body is cut by FIN alone: a page takes three times as long as the other readers.
  where: ({ how, isInHead }) => how === (isInHead ? "rst" : "fin"),
  read: sideBySide(async (url, worker) => {
    url.hostname = `reader-${worker % PAGES}.localhost`;
    const page = await (pages[worker % PAGES] ??= open(url.origin));
    return page.evaluate(follow, [url.pathname, SAID.length]);
  }),
});

async function open(origin) {
  const page = await browser.newPage();
  await page.goto(origin);
  return page;
}

/** Runs in the page. */
function follow([path, length]) {
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
