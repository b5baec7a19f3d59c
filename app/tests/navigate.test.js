// Links between pages that opt in lead to the next page without a full load.

import assert from "node:assert/strict";
import { reads, scene } from "./stage.js";
import { site } from "./site.js";

const LAYOUT = `<!doctype html>
<html lang="{% block lang %}en{% endblock %}">
<head>
  <meta charset="utf-8">
  <title>{% block title %}{% endblock %}</title>
  <meta name="description" content="{% block description %}None.{% endblock %}">
  <link rel="icon" href="data:,">
  <link rel="stylesheet" href="/site.css">
  {% block head %}{% endblock %}
</head>
<body class="{% block kind %}{% endblock %}">
  <header>
    <a href="/">Home</a> <a href="/one">One</a> <a href="/two">Two</a>
    <input id="search" aria-label="Search">
    <details id="menu"><summary>More</summary>Much more.</details>
  </header>
  <noscript><h1>Turn scripts on</h1></noscript>
  <main id="app" p-navigate>{% block main %}{% endblock %}</main>
</body>
</html>`;

const page = (title, main, blocks = "") =>
  `{% extends "_layout.html" %}{% block title %}${title}{% endblock %}{% block main %}${main}{% endblock %}${blocks}`;

const FILES = {
  "pages/_layout.html": LAYOUT,
  "pages/index.html": page("Home", `<h1>Home</h1><p><a href="/two">on</a></p>`),
  "pages/one.html": page(
    "One",
    `<h1>One</h1><form p-ref="form"><input name="field" p-ref="field"><button p-ref="button">Press</button></form>
     <p p-ref="state"></p><p p-ref="count">0</p>`,
  ),
  "pages/one.js": `
    import { action, leaving, refs } from "kipo";
    import { visits } from "./_visits.js";
    visits.push(document.title);
    const left = leaving();
    left.addEventListener("abort", () => visits.push("left"));
    addEventListener("ping", () => visits.push("ping"), { signal: left });
    refs.form.addEventListener("submit", (event) => {
      event.preventDefault();
      refs.count.textContent = String(Number(refs.count.textContent) + 1);
    });
    const call = action.chat.Listen({}).withRetryStream().withOnState((state) => {
      visits.push(state);
      refs.state.textContent = state;
    }).call();
    await call;`,
  "pages/one.css": `h1 { letter-spacing: 7px; }`,
  "pages/_visits.js": `export const visits = (globalThis.visits ??= []);`,
  "pages/two.html": page(
    "Two",
    `<h1>Two</h1><a href="/one">to one</a> <a href="#low">to low</a><div id="tall"></div><p id="low">Low</p>`,
    `{% block description %}The second.{% endblock %}{% block lang %}de{% endblock %}{% block kind %}second{% endblock %}`,
  ),
  "pages/two.css": `#tall { height: 3000px; background: linear-gradient(white, gray); } h1 { letter-spacing: 3px; }`,
  "pages/two.js": `import { visits } from "./_visits.js"; visits.push(document.title);`,
  "pages/focus.html": page("Focus", `<h1>Focus</h1><input id="first" autofocus>`),
  "pages/plain.html": `<!doctype html><html lang="en"><head><title>Plain</title><link rel="icon" href="data:,"></head><body><main id="app"><h1>Plain</h1><a href="/">home</a></main></body></html>`,
  "pages/item/[id].html": page("Item {{ params.id }}", `<h1>Item {{ params.id }}</h1><button p-ref="press">Press</button><p p-ref="pressed"></p>`),
  "pages/item/[id].js": `
    import { refs } from "kipo";
    refs.press.addEventListener("click", () => refs.pressed.append("x"));`,
  "public/site.css": `h1 { font-size: 20px; }`,
  "public/notes.txt": `no page`,
  "public/favicon.ico": ``,
};

/** Opens a page of the site and marks it. A full load loses the mark. */
async function open(stage, path = "/", files = {}) {
  const { root, write } = await site(stage, { ...FILES, ...files });
  const server = await stage.server({ root });
  const tab = await stage.tab(server.url + path);
  await mark(tab);
  return { tab, server, write };
}

async function mark(tab) {
  await tab.waitForFunction(() => document.querySelector("kipo-voice"));
  await tab.evaluate(() => (globalThis.mark = true));
}

const isMarked = (tab) => tab.evaluate(() => globalThis.mark === true);
const title = (tab, text) => tab.waitForFunction((text) => document.title === text, text);

/** Follows the link with this text and waits for its page. */
async function go(tab, text, expected = text) {
  await tab.locator("a", { hasText: new RegExp(`^${text}$`) }).first().click();
  await title(tab, expected);
}

scene("a link brings the page, its title, head and style, and leaves the layout as it is", async (stage) => {
  const { tab, server } = await open(stage, "/one");
  await tab.fill("#search", "half typ");
  await tab.click("summary");
  await tab.evaluate(() => {
    globalThis.kept = ["#search", "#menu", "a"].map((each) => document.querySelector(each));
    document.addEventListener("kipo:visit", () => (globalThis.spacing = getComputedStyle(document.querySelector("h1")).letterSpacing));
  });
  await go(tab, "Two");

  assert.equal(tab.url(), `${server.url}/two`);
  assert.equal(await tab.textContent("h1"), "Two");
  const head = await tab.evaluate(() => ({
    description: document.querySelector("meta[name=description]").content,
    lang: document.documentElement.lang,
    kind: document.body.className,
    spacing: globalThis.spacing,
    sheets: [...document.styleSheets].map(({ href, media }) => [new URL(href).pathname.replace(/.*\//, ""), media.mediaText].join("")),
    kept: globalThis.kept.every((element) => element.isConnected),
    open: document.querySelector("#menu").open,
    typed: document.querySelector("#search").value,
    noscript: document.querySelector("noscript").children.length,
    busy: document.documentElement.hasAttribute("aria-busy"),
  }));
  assert.deepEqual(head, {
    description: "The second.",
    lang: "de",
    kind: "second",
    spacing: "3px",
    sheets: ["site.css", "two.css"],
    kept: true,
    open: true,
    typed: "half typ",
    noscript: 0,
    busy: false,
  });
  assert.ok(await isMarked(tab));

  await go(tab, "Home");
  assert.equal(await tab.evaluate(() => getComputedStyle(document.querySelector("h1")).letterSpacing), "normal");
  assert.equal(await tab.evaluate(() => document.documentElement.lang), "en");
});

scene("a page's script runs at each visit, and its listeners and streams end with the visit", async (stage) => {
  const { tab } = await open(stage, "/one");
  await reads(tab, "[p-ref=state]", /open/);
  for (let n = 0; n < 3; n += 1) {
    await go(tab, "Two");
    await tab.waitForFunction(() => globalThis.visits.at(-1) === "Two");
    await tab.evaluate(() => dispatchEvent(new Event("ping")));
    await go(tab, "One");
    await reads(tab, "[p-ref=state]", /open/);
    await tab.evaluate(() => dispatchEvent(new Event("ping")));
    await tab.click("text=Press");
    assert.equal(await tab.textContent("[p-ref=count]"), "1", "no listener of an earlier visit is left");
  }
  const visit = ["One", "connecting", "open", "ping"];
  const left = ["left", "closed", "Two"];
  const visits = await tab.evaluate(() => globalThis.visits);
  assert.deepEqual(visits, [visit.slice(0, 3), left, visit, left, visit, left, visit].flat());
  assert.ok(await isMarked(tab));
});

scene("leaving a page aborts a stream that has not begun, and a script that loads too late never runs", async (stage) => {
  const { tab } = await open(stage, "/", {
    "pages/index.html": page("Home", `<h1>Home</h1><a href="/late">Late</a>`),
    "pages/late.html": page("Late", `<h1>Late</h1><p p-ref="late"></p>`),
    "pages/late.js": `import { refs } from "kipo"; import { visits } from "./_visits.js"; visits.push(refs.late.localName);`,
  });
  /** Delays the requests for an address until they are released. */
  const hold = async (pattern) => {
    let release;
    const released = new Promise((resolve) => (release = resolve));
    const asked = tab.waitForRequest(pattern);
    await tab.route(pattern, async (route) => {
      await released;
      await route.continue();
    });
    return { asked, release };
  };
  const visited = async (expected) => {
    await tab.waitForFunction(() => globalThis.visits.at(-1) === "Two");
    assert.deepEqual(await tab.evaluate(() => globalThis.visits.splice(0)), expected);
  };
  const sharing = await hold("**/share.js");
  await go(tab, "One");
  await sharing.asked;
  await go(tab, "Two");
  await visited(["One", "connecting", "left", "closed", "Two"]);
  sharing.release();

  await go(tab, "Home");
  const loading = await hold("**/late.js");
  await go(tab, "Late");
  await loading.asked;
  await go(tab, "Two");
  const answered = tab.waitForResponse("**/late.js");
  loading.release();
  await answered;
  await visited(["Two"]);
  await go(tab, "Home");
  await go(tab, "Late");
  await tab.waitForFunction(() => globalThis.visits.at(-1) === "p");
  assert.ok(await isMarked(tab));
});

scene("a page is the same template with other data: its script runs once, on elements of its own", async (stage) => {
  const { tab } = await open(stage, "/item/1", { "pages/item/[id].html": FILES["pages/item/[id].html"].replace("<h1>", `<a href="/item/2">next</a><h1>`) });
  await go(tab, "next", "Item 2");
  await tab.click("text=Press");
  await reads(tab, "[p-ref=pressed]", /^x$/);
  await go(tab, "next", "Item 2");
  await tab.waitForFunction(() => document.querySelector("[p-ref=pressed]").textContent === "");
  await tab.click("text=Press");
  await reads(tab, "[p-ref=pressed]", /^x$/);
  assert.equal(await tab.evaluate(() => history.length), 3, "a link to the page itself adds no history entry");
  assert.ok(await isMarked(tab));
});

scene("back and forward restore the page and its scroll position", async (stage) => {
  const { tab, server } = await open(stage, "/");
  await go(tab, "Two");
  await tab.evaluate(() => scrollTo(0, 1234));
  await tab.waitForFunction(() => scrollY === 1234);
  await tab.evaluate(() => new Promise(requestAnimationFrame));
  await tab.evaluate(() => document.querySelector("a[href='/one']").click());
  await title(tab, "One");
  assert.equal(await tab.evaluate(() => scrollY), 0);
  await tab.goBack();
  await title(tab, "Two");
  await tab.waitForFunction(() => scrollY === 1234);
  assert.equal(tab.url(), `${server.url}/two`);
  await tab.goBack();
  await title(tab, "Home");
  await tab.goForward();
  await title(tab, "Two");
  await tab.waitForFunction(() => scrollY === 1234);
  assert.ok(await isMarked(tab));

  // A full load in between loses nothing.
  await tab.reload();
  await mark(tab);
  await tab.goBack();
  await title(tab, "Home");
  await tab.goForward();
  await title(tab, "Two");
  await tab.waitForFunction(() => scrollY === 1234);
  assert.ok(await isMarked(tab));
});

scene("going back restores typed text, open elements, scroll positions within the page, and the focus", async (stage) => {
  const { tab } = await open(stage, "/form", {
    "pages/form.html": page(
      "Form",
      `<h1>Form</h1><form><input name="name" p-ref="name"><input name="secret" type="password"><textarea name="text"></textarea></form>
       <p p-ref="heard"></p><details p-ref="details"><summary>More</summary><a href="/one">deep</a></details>
       <div p-ref="list" class="list"><div class="long"></div></div>`,
    ),
    "pages/form.css": `.list { height: 100px; overflow: auto; } .long { height: 2000px; }`,
    "pages/form.js": `
      import { refs } from "kipo";
      refs.name.addEventListener("input", () => (refs.heard.textContent = refs.name.value));`,
  });
  await tab.fill("[name=name]", "half typ");
  await tab.fill("[name=secret]", "secret");
  await tab.fill("[name=text]", "first\nsecond");
  await tab.click("summary >> text=More >> nth=-1");
  await tab.evaluate(() => document.querySelector("[p-ref=list]").scrollTo(0, 700));
  await tab.locator("[name=name]").evaluate((field) => (field.focus(), field.setSelectionRange(2, 4)));
  const done = () =>
    tab.evaluate(() => {
      const find = (selector) => document.querySelector(selector);
      const { selectionStart, selectionEnd } = find("[name=name]");
      const values = ["name", "secret", "text"].map((name) => find(`[name=${name}]`).value);
      return [...values, find("[p-ref=heard]").textContent, find("[p-ref=details]").open, find("[p-ref=list]").scrollTop, document.activeElement.name, selectionStart, selectionEnd];
    });
  // A script does it, so that the focus stays.
  await tab.evaluate(() => document.querySelector("a[href='/two']").click());
  await title(tab, "Two");
  // Also on a slow device the script of the page listens by then.
  const inspector = await tab.context().newCDPSession(tab);
  await inspector.send("Emulation.setCPUThrottlingRate", { rate: 4 });
  await tab.goBack();
  await title(tab, "Form");
  await reads(tab, "[p-ref=heard]", /^half typ$/);
  await inspector.send("Emulation.setCPUThrottlingRate", { rate: 1 });
  await tab.waitForFunction(() => document.activeElement.name === "name");
  assert.deepEqual(await done(), ["half typ", "", "first\nsecond", "half typ", true, 700, "name", 2, 4]);

  // A link to the page starts without the old state.
  await go(tab, "Two");
  await tab.evaluate(() => document.querySelector("header").insertAdjacentHTML("beforeend", `<a href="/form">Form</a>`));
  await go(tab, "Form");
  assert.deepEqual((await done()).slice(0, 6), ["", "", "", "", false, 0]);
  assert.ok(await isMarked(tab));
});

scene("the browser handles fragments within a page, and a fragment of another page is scrolled to", async (stage) => {
  const { tab } = await open(stage, "/two", { "pages/index.html": page("Home", `<h1>Home</h1><a href="/two#low">deep</a>`) });
  let requests = 0;
  tab.on("request", () => (requests += 1));
  await tab.click("text=to low");
  await tab.waitForFunction(() => location.hash === "#low" && scrollY > 1000);
  const low = await tab.evaluate(() => scrollY);
  await tab.goBack();
  await tab.waitForFunction(() => scrollY === 0);
  await tab.goForward();
  await tab.waitForFunction((low) => scrollY === low, low);
  assert.equal(requests, 0);

  await tab.evaluate(() => scrollTo(0, 0));
  await go(tab, "Home");
  await go(tab, "deep", "Two");
  await tab.waitForFunction((low) => scrollY === low, low);
  assert.equal(await tab.evaluate(() => document.activeElement.id), "low");
  assert.ok(await isMarked(tab));
});

scene("the focus goes to the start of the page, and screen readers read its title", async (stage) => {
  const { tab } = await open(stage, "/", { "pages/index.html": page("Home", `<h1>Home</h1><a href="/focus">field</a>`) });
  const focused = () => tab.evaluate(() => document.activeElement.id || document.activeElement.textContent);
  await go(tab, "field", "Focus");
  assert.equal(await focused(), "first");
  await reads(tab, "kipo-voice[role=status]", /^Focus$/);
  await go(tab, "Two");
  assert.equal(await focused(), "Two");
  await reads(tab, "kipo-voice", /^Two$/);
  const box = await tab.locator("kipo-voice").boundingBox();
  assert.ok(box.width <= 1 && box.height <= 1);
});

scene("anything but a plain click on a link of this site is left to the browser", async (stage) => {
  const links = `<a id="plain" href="/one">x</a><a id="blank" href="/one" target="_blank">x</a><a id="download" href="/one" download>x</a>
    <a id="off" href="/one" p-navigate="off">x</a><div p-navigate="off"><a id="within" href="/one">x</a></div>
    <a id="away" href="https://other.test/one">x</a><a id="mail" href="mailto:a@b.test">x</a><a id="place" href="#there">x</a><a id="none">x</a>
    <a id="handled" href="/one">x</a>`;
  const { tab } = await open(stage, "/", { "pages/index.html": page("Home", links) });
  const taken = await tab.evaluate(() => {
    document.querySelector("#handled").addEventListener("click", (event) => event.preventDefault());
    const taken = [];
    // This runs after the client's own listener.
    addEventListener("click", (event) => {
      if (event.defaultPrevented) taken.push(event.target.id + (event.detail ? `+${event.detail}` : ""));
      event.preventDefault();
    });
    const click = (id, init) => document.querySelector(id).dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, ...init }));
    for (const id of ["#blank", "#download", "#off", "#within", "#away", "#mail", "#place", "#none", "#handled"]) click(id);
    for (const [index, init] of [{ ctrlKey: true }, { metaKey: true }, { shiftKey: true }, { altKey: true }, { button: 1 }].entries()) {
      click("#plain", { ...init, detail: index + 1 });
    }
    return taken;
  });
  assert.deepEqual(taken, ["handled"]);
  assert.equal(await tab.title(), "Home");
});

for (const [name, path, prepare] of [
  ["a page that does not opt in", "/plain", async () => {}],
  ["a file", "/notes.txt", async () => {}],
  ["a page that is not there", "/gone", async (stage) => stage.expect(/status of 404/)],
  [
    "a page of another version of the client",
    "/two",
    (_, tab) => rewrite(tab, "**/two", (text) => text.replace(/\/main\.js"}}/, '/main.js?other"}}')),
  ],
  [
    "a page that sends on to another site",
    "/two",
    async (stage, tab, server) => {
      stage.expect(/Unsafe attempt to load URL/);
      const elsewhere = new URL("/two", server.url);
      elsewhere.hostname = "localhost";
      await tab.route(`${server.url}/two`, (route) => route.fulfill({ status: 302, headers: { location: elsewhere.href } }));
    },
  ],
]) {
  scene(`${name} is loaded in full`, async (stage) => {
    const { tab, server } = await open(stage, "/", { "pages/index.html": page("Home", `<h1>Home</h1><a id="on" href="${path}">on</a>`) });
    await prepare(stage, tab, server);
    await tab.click("#on");
    await tab.waitForFunction(() => globalThis.mark === undefined && document.readyState === "complete");
    assert.equal(new URL(tab.url()).pathname, path);
    await tab.goBack({ waitUntil: "commit" });
    await title(tab, "Home");
  });
}

scene("scripts that are not the page's own run once in a tab", async (stage) => {
  const { tab } = await open(stage, "/", {
    "pages/_layout.html": LAYOUT.replace("</body>", `<script src="/all.js"></script></body>`),
    "pages/two.html": page("Two", `<h1>Two</h1><script src="/some.js"></script><script type="module" src="/more.js"></script>`),
    "pages/two.js": "",
    "public/all.js": `(globalThis.ran ??= []).push("all");`,
    "public/some.js": `globalThis.ran.push("some");`,
    "public/more.js": `globalThis.ran.push("more");`,
  });
  for (const name of ["Two", "Home", "Two"]) await go(tab, name);
  await tab.waitForFunction(() => globalThis.ran.length === 3);
  assert.deepEqual((await tab.evaluate(() => globalThis.ran)).sort(), ["all", "more", "some"]);
});

scene("a page that redirects within the site is shown under its final address", async (stage) => {
  const { tab, server } = await open(stage, "/", { "pages/index.html": page("Home", `<h1>Home</h1><a href="/two/?a=b#low">on</a>`) });
  await go(tab, "on", "Two");
  assert.equal(tab.url(), `${server.url}/two?a=b#low`);
  await tab.goBack();
  await title(tab, "Home");
  assert.ok(await isMarked(tab));
});

scene("the last one of two clicks wins", async (stage) => {
  const { tab } = await open(stage, "/");
  let answer;
  const held = new Promise((resolve) => (answer = resolve));
  await tab.route("**/one", async (route) => {
    await held;
    await route.continue().catch(() => {});
  });
  const aborted = tab.waitForEvent("requestfailed");
  await tab.click("text=One");
  await tab.waitForFunction(() => document.documentElement.getAttribute("aria-busy") === "true");
  await go(tab, "Two");
  await aborted;
  answer();
  await tab.waitForTimeout(200);
  assert.deepEqual([await tab.title(), await tab.evaluate(() => history.length), await isMarked(tab)], ["Two", 3, true]);
});

scene("the whole body can be the part that changes", async (stage) => {
  const whole = (text) => text.replace("<body ", "<body p-navigate ").replace(" p-navigate>", ">");
  const { tab } = await open(stage, "/one", { "pages/_layout.html": whole(LAYOUT) });
  await tab.fill("#search", "gone");
  await go(tab, "Two");
  assert.deepEqual(
    await tab.evaluate(() => [document.querySelector("#search").value, document.body.className, document.activeElement.textContent]),
    ["", "second", "Two"],
  );
  await go(tab, "One");
  await reads(tab, "[p-ref=state]", /open/);
  assert.ok(await isMarked(tab));
});

scene("an edit shows in a tab that reached its page by a link", async (stage) => {
  const { root, write } = await site(stage, FILES);
  const server = await stage.server({ root, watch: true });
  const tab = await stage.tab(server.url);
  await mark(tab);
  await go(tab, "Two");
  await write("pages/two.html", FILES["pages/two.html"].replace("<h1>Two</h1>", "<h1>Two, edited</h1>"));
  await tab.waitForFunction(() => document.querySelector("h1").textContent === "Two, edited");
  assert.ok(await tab.evaluate(() => document.querySelector("kipo-voice") !== null), "elements beside the page stay");
  await go(tab, "Home");
  await write("pages/index.html", FILES["pages/index.html"].replace("<h1>Home</h1>", "<h1>Home, edited</h1>"));
  await tab.waitForFunction(() => document.querySelector("h1").textContent === "Home, edited");
  assert.ok(await isMarked(tab));
});

/** Changes what the server answers to a script at an address. */
async function rewrite(tab, pattern, change) {
  await tab.route(pattern, async (route) => {
    if (route.request().resourceType() !== "fetch") return route.continue();
    const response = await route.fetch();
    await route.fulfill({ response, body: change(await response.text()) });
  });
}
