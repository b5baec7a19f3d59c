// Two readers in Chromium: its own `EventSource`, and our client in a page.

import { after, before } from "node:test";
import { launch } from "../launch.js";
import { SAID, everyByte, sideBySide } from "./every-byte.js";

/** A browser opens at most six connections to a host, so each page has its own host. */
const PAGES = 6;

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

everyByte("the browser's EventSource", {
  greets: true,
  // Without TLS, Chromium accepts a truncated head as a whole one. It finds no content type and gives up, as the
  // standard requires; no server can prevent that. A reset at the same byte is an error. In the body there are
  // only cuts by FIN, because a page takes three times as long as the other readers.
  where: ({ how, isInHead }) => how === (isInHead ? "rst" : "fin"),
  read: inPages(followByEventSource),
});

everyByte("Kipo's client in Chromium", {
  // Only in the head does the browser matter. The body is read by our code, which is tested in Node.
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
