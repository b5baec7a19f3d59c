// The app below a path prefix: with its own flag, and behind a proxy that removes the prefix and reports it; and both
// behind a real nginx with the settings of the guide.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, request } from "node:http";
import { NGINX, nginx } from "./nginx.js";
import { holds, part, reads, say, scene, state } from "./stage.js";
import { site } from "./site.js";

/** Starts a proxy that serves the target below `/app`, and nothing beside it. Returns the URL of the app behind it. */
async function stripping(stage, target) {
  const { hostname, port } = new URL(target);
  const proxy = createServer((from, to) => {
    const path = /^\/app(\/.*)$/.exec(from.url)?.[1];
    if (path === undefined) return to.writeHead(404).end();
    const headers = { ...from.headers, "x-forwarded-prefix": "/app" };
    const passed = request({ hostname, port, path, method: from.method, headers }, (answer) => {
      to.writeHead(answer.statusCode, answer.headers);
      to.flushHeaders();
      answer.pipe(to);
    });
    passed.on("error", () => to.destroy());
    to.on("close", () => passed.destroy());
    from.pipe(passed);
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  stage.finally(() => {
    proxy.closeAllConnections();
    proxy.close();
  });
  return `http://127.0.0.1:${proxy.address().port}/app`;
}

/** Starts the app below `/app` in each of the ways. */
const WAYS = {
  "with the flag": async (stage, options) => (await stage.server({ ...options, args: ["--prefix", "/app"] })).url,
  "behind a proxy": async (stage, options) =>
    stripping(stage, (await stage.server({ ...options, args: ["--trusted-proxy", "127.0.0.1"] })).url),
  "with the flag behind nginx": async (stage, options) =>
    nginx(stage, (await stage.server({ ...options, args: ["--prefix", "/app"] })).url, "keeps"),
  "behind nginx": async (stage, options) =>
    nginx(stage, (await stage.server({ ...options, args: ["--trusted-proxy", "127.0.0.1"] })).url, "removes"),
};

/** Opens a tab that notes each request beside the prefix. */
async function opened(profile, url, beside) {
  const page = await profile.newPage();
  page.on("request", (request) => {
    const { pathname, protocol } = new URL(request.url());
    if (protocol !== "data:" && !pathname.startsWith("/app/")) beside.push(request.url());
  });
  await page.goto(url);
  return page;
}

for (const [way, start] of Object.entries(WAYS)) {
  const skip = way.endsWith("nginx") && NGINX === undefined ? "nginx is missing, or name one by KIPO_NGINX" : false;
  scene(`${way}: the chat sends and streams in two tabs, a room is made, and no request leaves the prefix`, async (stage) => {
    const url = await start(stage);
    assert.match(url, /\/app$/);
    const profile = await stage.profile();
    const beside = [];
    const [ada, grace] = [await opened(profile, `${url}/`, beside), await opened(profile, `${url}/`, beside)];
    for (const [page, name] of [[ada, "Ada"], [grace, "Grace"]]) {
      await page.fill(part("username_input"), name);
      await page.click(".login-row button");
      await state(page, "connected");
    }
    await say(ada, "hello");
    await say(grace, "good morning");
    for (const page of [ada, grace]) await holds(page, ["hello", "good morning"]);
    // The style and the icon of the layout.
    assert.equal(await ada.evaluate(() => [...document.styleSheets].every((sheet) => sheet.cssRules.length > 0)), true);
    assert.ok(await ada.evaluate(() => document.querySelector(".brand img").naturalWidth > 0));

    await ada.click("nav a:text('Rooms')");
    await ada.waitForURL(`${url}/rooms`);
    await ada.fill(part("room_input"), "Tea & biscuits");
    await ada.press(part("room_input"), "Enter");
    await ada.waitForURL(`${url}/rooms/Tea%20%26%20biscuits`);
    await reads(ada, "h1", /^Tea & biscuits$/);
    await ada.click(".back");
    await ada.waitForURL(`${url}/rooms`);
    assert.deepEqual(beside, []);
  }, { skip });

  scene(`${way}: navigation in place and redirects stay below the prefix`, async (stage) => {
    const page = (title, main) => `<!doctype html><html lang="en"><head><title>${title}</title><link rel="icon" href="data:,"></head>
      <body><nav><a href="/">Home</a> <a href="/two">Two</a> <a href="/two/">Slash</a></nav>
      <main id="app" p-navigate><h1>${title}</h1>${main}</main></body></html>`;
    const { root } = await site(stage, {
      "pages/index.html": page("Home", `<img id="dot" src="{{ asset(path='dot.svg') }}" alt="">`),
      "pages/two.html": page("Two", `<p p-ref="run"></p>`),
      "pages/two.js": `import { refs } from "kipo"; refs.run.textContent = "ran";`,
      "public/dot.svg": `<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>`,
    });
    const url = await start(stage, { root });
    const beside = [];
    const tab = await opened(await stage.profile(), `${url}/`, beside);
    // Before this element, a click is left to the browser.
    await tab.waitForFunction(() => document.querySelector("kipo-voice"));
    await tab.evaluate(() => (document.documentElement.dataset.mark = "first load"));
    const mark = () => tab.evaluate(() => document.documentElement.dataset.mark);
    await tab.click("a:text('Two')");
    await tab.waitForURL(`${url}/two`);
    await reads(tab, part("run"), /^ran$/);
    assert.equal(await mark(), "first load");
    await tab.goBack();
    await reads(tab, "h1", /^Home$/);
    assert.match(await tab.getAttribute("#dot", "src"), /^\/app\/dot\.[0-9a-f]+\.svg$/);
    // The server redirects to the page without a slash, and the tab shows that address.
    await tab.click("a:text('Slash')");
    await tab.waitForURL(`${url}/two`);
    await reads(tab, "h1", /^Two$/);
    assert.equal(await mark(), "first load");
    await tab.goto(`${url}/two/`);
    assert.equal(tab.url(), `${url}/two`);
    assert.deepEqual(beside, []);
  }, { skip });
}

scene("a malformed prefix stops the start with a sentence", async (stage) => {
  for (const prefix of ["//evil.example", "/a/../b", "/a%2fb", "app"]) {
    await assert.rejects(stage.server({ args: ["--prefix", prefix] }), /a prefix looks like `\/app`/);
  }
});

scene("an edit shows below a prefix, in the page and in a style", async (stage) => {
  const page = (title) => `<!doctype html><html lang="en"><head><title>x</title><link rel="icon" href="data:,">
    <link rel="stylesheet" href="/site.css"></head><body id="app"><h1>${title}</h1></body></html>`;
  const { root, write } = await site(stage, {
    "pages/index.html": page("Before"),
    "public/site.css": "h1 { letter-spacing: 1px; }",
  });
  const server = await stage.server({ root, watch: true, args: ["--prefix", "/app"] });
  const beside = [];
  const tab = await opened(await stage.profile(), `${server.url}/`, beside);
  await tab.evaluate(() => (document.documentElement.dataset.mark = "first load"));
  await write("pages/index.html", page("After"));
  await reads(tab, "h1", /^After$/);
  await write("public/site.css", "h1 { letter-spacing: 7px; }");
  await tab.waitForFunction(() => getComputedStyle(document.querySelector("h1")).letterSpacing === "7px");
  assert.equal(await tab.evaluate(() => document.documentElement.dataset.mark), "first load");
  await write("pages/index.html", "{{ missing }}");
  await tab.waitForSelector("kipo-error");
  assert.deepEqual(beside, []);
});

scene("the errors of an app that does not start show below a prefix, until an edit fixes them", async (stage) => {
  const page = (main) => `<!doctype html><html lang="en"><head><title>x</title><link rel="icon" href="data:,"></head><body id="app">${main}</body></html>`;
  const { root, write } = await site(stage, { "pages/index.html": page("{{ missing }}") });
  // The page of the errors is a 503. It names no icon, so Chromium asks for one beside the prefix.
  stage.expect(/status of 503/, /status of 404/);
  const server = await stage.server({ root, watch: true, args: ["--prefix", "/app"] });
  assert.match(server.url, /\/app$/);
  const beside = [];
  const tab = await opened(await stage.profile(), `${server.url}/`, beside);
  await tab.waitForSelector("kipo-error");
  await write("pages/index.html", page("<h1>Fixed</h1>"));
  await reads(tab, "h1", /^Fixed$/);
  assert.deepEqual(beside, []);
});
