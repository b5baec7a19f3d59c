// How an open tab reacts to the events of a development server.

import assert from "node:assert/strict";
import { after, before, beforeEach, afterEach, test } from "node:test";
import { launch } from "./launch.js";
import { openBench } from "./bench.js";

let browser;
let bench;
let expected;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());
beforeEach(async () => {
  expected = [];
  bench = await openBench(browser);
  bench.page.setDefaultTimeout(10_000);
  await bench.develop();
});
afterEach(async () => {
  assert.deepEqual(bench.problems().filter((problem) => !expected.some((pattern) => pattern.test(problem))), []);
  await bench.page.context().close();
});

/** Waits until a function returns true in the page. */
const until = (condition, argument) => bench.page.waitForFunction(condition, argument);
const pagesAsked = () => bench.asked.filter((path) => path === "/page").length;
const overlay = () => bench.page.locator("kipo-error .errors");

test("a_changed_template_is_followed_and_typed_text_stays", async () => {
  const page = await bench.show("<h1>one</h1><textarea name=x></textarea><ol></ol>", { script: `document.querySelector("ol").append("script");` });
  await page.fill("textarea", "half typed");
  bench.send("<h1>two</h1><textarea name=x class=n></textarea><ol></ol>", { script: `document.querySelector("ol").append("script");` });
  await bench.emit("page", { pages: ["about.html"] });
  await bench.emit("page", { pages: ["index.html"] });
  await until(() => document.querySelector("h1").textContent === "two");
  assert.equal(await page.inputValue("textarea.n"), "half typed");
  assert.equal(await page.locator("ol").textContent(), "script");
  assert.equal(pagesAsked(), 2);
});

test("many_events_cause_one_more_fetch", async () => {
  const page = await bench.show("<h1>0</h1>");
  await page.evaluate(() => {
    for (let n = 0; n < 20; n += 1) kipoEvents.dispatchEvent(new MessageEvent("page", { data: `{"pages":null}` }));
  });
  bench.send("<h1>1</h1>");
  await bench.emit("page", { pages: null });
  await until(() => document.querySelector("h1").textContent === "1");
  assert.ok(pagesAsked() <= 4, `${pagesAsked()} fetches`);
});

test("a_page_with_other_scripts_is_loaded_and_one_with_the_same_under_another_hash_is_not", async () => {
  const head = (hash, more = "") => ({ head: `<script type="module" src="/_kipo/pages/${hash}/a.js"></script><script type="application/json">${hash}</script>${more}` });
  for (const path of ["/_kipo/pages/01234567/a.js", "/b.js"]) bench.answers[path] = { contentType: "text/javascript", body: "" };
  const answers = { ...bench.answers };
  const page = await bench.show("<h1>0</h1><input id=x>", head("01234567"));
  bench.answers = answers;
  expected = [/404/];
  await page.fill("#x", "typed");
  await page.evaluate(() => (globalThis.mark = "first"));
  bench.send("<h1>1</h1><input id=x>", head("76543210"));
  await bench.emit("page", { pages: null });
  await until(() => document.querySelector("h1").textContent === "1");
  assert.equal(await page.evaluate(() => mark), "first");
  bench.send("<h1>2</h1><input id=x>", head("01234567", `<script type="module" src="/b.js"></script>`));
  await bench.emit("page", { pages: null });
  await until(() => document.querySelector("h1").textContent === "2" && !globalThis.mark);
  await until(() => document.querySelector("#x").value === "typed");
});

test("a_page_of_another_template_is_loaded", async () => {
  expected = [/404/];
  const page = await bench.show("<h1>page</h1>");
  bench.answers["/page"] = () => ({ status: 404, contentType: "text/html", body: bench.html });
  bench.send("<h1>missing</h1>", { template: "404.html" });
  await page.evaluate(() => (globalThis.mark = "first"));
  await bench.emit("page", { pages: null });
  await until(() => document.querySelector("h1").textContent === "missing" && !globalThis.mark);
  // Its own template is followed, also with an error status.
  await page.evaluate(() => (globalThis.mark = "second"));
  bench.send("<h1>not here</h1>", { template: "404.html" });
  await bench.emit("page", { pages: ["404.html"] });
  await until(() => document.querySelector("h1").textContent === "not here" && globalThis.mark === "second");
});

test("a_page_that_fails_is_covered_until_it_follows", async () => {
  expected = [/500/];
  const page = await bench.show("<h1>page</h1>");
  bench.answers["/page"] = () => ({ status: 500, contentType: "text/html", body: `<h1>no such column</h1><script data-kipo-page="500.html"></script>` });
  await bench.emit("page", { pages: null });
  await overlay().waitFor();
  assert.match(await overlay().textContent(), /no such column/);
  assert.equal(await page.locator("h1:text-is('page')").count(), 1);
  delete bench.answers["/page"];
  bench.send("<h1>mended</h1>");
  await bench.emit("page", { pages: null });
  await until(() => document.querySelector("h1").textContent === "mended" && !document.querySelector("kipo-error"));
});

test("a_short_absence_of_the_server_changes_nothing", async () => {
  expected = [/ERR_FAILED/];
  const page = await bench.show("<h1>page</h1>");
  await page.route("**/page", (route) => route.abort());
  await bench.emit("page", { pages: null });
  await page.unroute("**/page");
  bench.send("<h1>back</h1>");
  await bench.emit("page", { pages: null });
  await until(() => document.querySelector("h1").textContent === "back");
});

test("a_style_is_swapped_without_a_moment_without_it", async () => {
  const css = (width) => ({ contentType: "text/css", body: `p { letter-spacing: ${width}px; }` });
  const links = `<link rel="stylesheet" href="/app.css"><link rel="stylesheet" href="/_kipo/pages/01234567/blog/%5Bslug%5D.css"><link rel="icon" href="/i.svg">`;
  expected = [/404/];
  const page = await bench.show("<p>x</p>", { head: links });
  const serve = (a, b) => {
    bench.answers["/app.css"] = css(a);
    bench.answers["/_kipo/pages/01234567/blog/%5Bslug%5D.css"] = { contentType: "text/css", body: `p { word-spacing: ${b}px; }` };
  };
  serve(1, 1);
  await page.reload();
  await bench.emit("start", { id: "a" });
  await page.evaluate(() => {
    globalThis.mark = "first";
    globalThis.seen = new Set();
    const look = () => {
      seen.add(getComputedStyle(document.querySelector("p")).letterSpacing);
      requestAnimationFrame(look);
    };
    look();
  });
  const spacing = (name, width) => until(([name, width]) => getComputedStyle(document.querySelector("p"))[name] === width, [name, width]);
  bench.asked = [];
  serve(2, 1);
  await bench.emit("css", { paths: ["public/app.css"] });
  await spacing("letterSpacing", "2px");
  serve(2, 2);
  await bench.emit("css", { paths: ["pages/blog/[slug].css"] });
  await spacing("wordSpacing", "2px");
  await until(() => document.querySelectorAll("link").length === 3);
  assert.equal(bench.asked.length, 2, bench.asked.join());
  // Several events in a row, one of which fails: the last good sheet stays, once.
  for (const width of [3, 4, 5]) {
    serve(width, 2);
    await bench.emit("css", { paths: ["public/app.css"] });
  }
  await spacing("letterSpacing", "5px");
  bench.answers["/app.css"] = { status: 500 };
  expected.push(/500/);
  await bench.emit("css", { paths: ["public/app.css", "pages/other.css"] });
  await until(() => document.querySelectorAll("link").length === 3);
  await spacing("letterSpacing", "5px");
  assert.deepEqual((await page.evaluate(() => [...seen])).filter((width) => !/^[1-5]px$/.test(width)), []);
  // After that the page is followed with its current links.
  bench.send("<p>y</p>", { head: links.replace("01234567", "76543210") });
  bench.answers["/_kipo/pages/76543210/blog/%5Bslug%5D.css"] = { contentType: "text/css", body: "p { word-spacing: 9px; }" };
  await bench.emit("page", { pages: null });
  await spacing("wordSpacing", "9px");
  assert.equal(await page.locator("link[rel=stylesheet]").count(), 2);
  assert.equal(await page.evaluate(() => mark), "first");
});

test("a_sheet_that_another_imports_loads_the_page_and_one_that_none_uses_does_not", async () => {
  const page = await bench.show("<p>x</p>");
  bench.answers["/app.css"] = { contentType: "text/css", body: `@import "part.css";` };
  bench.answers["/part.css"] = { contentType: "text/css", body: "p { color: red; }" };
  bench.send("<p>x</p>", { head: `<link rel="stylesheet" href="/app.css">` });
  await page.reload();
  await page.evaluate(() => (globalThis.mark = "first"));
  await bench.emit("css", { paths: ["public/other.css"] });
  assert.equal(await page.evaluate(() => globalThis.mark), "first");
  await bench.emit("css", { paths: ["public/part.css"] });
  await until(() => !globalThis.mark);
});

test("a_changed_file_is_fetched_again_and_no_other", async () => {
  const picture = { contentType: "image/svg+xml", body: `<svg xmlns="http://www.w3.org/2000/svg"/>` };
  const page = await bench.show("<h1>x</h1>");
  for (const path of ["/a.svg", "/b.svg"]) bench.answers[path] = picture;
  bench.send(`<img id=a src="/a.svg#f"><img id=b src="/b.svg" srcset="/b.svg 1x, /a.svg 2x"><a href="/a.svg">a</a><svg><use href="/a.svg#i"/></svg>`, {
    head: `<link rel="icon" href="/a.svg">`,
  });
  await page.reload();
  await bench.emit("file", { paths: ["public/a.svg"] });
  const addresses = await page.evaluate(() => [a.src, b.src, b.srcset, document.querySelector("a").href, document.querySelector("use").href.baseVal, document.querySelector("link").href]);
  assert.deepEqual(addresses.map((address) => address.replaceAll("http://kipo.test", "").replace(/\d{10,}/g, "N")), [
    "/a.svg?kipo=N#f",
    "/b.svg",
    "/b.svg 1x, /a.svg?kipo=N 2x",
    "/a.svg",
    "/a.svg?kipo=N#i",
    "/a.svg?kipo=N",
  ]);
});

const FORM = `
  <form p-ref=form><input name=a><input name=secret type=password><input name=c type=checkbox value=1><input name=c type=checkbox value=2>
  <input type=radio name=r value=1 checked><input type=radio name=r value=2><input type=file name=file><select name=s><option>1<option>2</select>
  <select name=m multiple><option selected>1<option>2<option>3</select></form>
  <div id=late hidden><textarea p-ref=message disabled></textarea></div>
  <div contenteditable id=e>text</div><dialog id=d>modal <input id=in></dialog><details id=o><summary>s</summary>t</details><details id=p open>u</details>
  <div id=box class=box></div><p class=tall>x</p>`;

test("a_page_that_is_loaded_again_keeps_its_user_state", async () => {
  const css = { contentType: "text/css", body: ".box { height: 50px; overflow: auto } .tall { height: 3000px }" };
  const options = {
    head: `<link rel="stylesheet" href="/app.css">`,
    script: `
      globalThis.heard = [];
      addEventListener("input", ({ target }) => heard.push(target.name || target.id || "message"));
      setTimeout(() => {
        late.hidden = false;
        const area = document.querySelector("textarea");
        area.value = "";
        area.disabled = false;
        box.append(Object.assign(document.createElement("p"), { className: "tall" }));
      }, 300);`,
  };
  const page = await bench.show(FORM, options);
  bench.answers["/app.css"] = css;
  await page.reload();
  await until(() => !late.hidden);
  await page.setInputFiles("[name=file]", { name: "plan.pdf", mimeType: "application/pdf", buffer: Buffer.from("plan") });
  await page.evaluate(() => {
    const form = document.querySelector("form");
    form.a.value = "typed";
    form.secret.value = "secret";
    form.c[1].checked = true;
    form.r[1].checked = true;
    form.s.value = "2";
    for (const option of form.m.options) option.selected = option.value !== "1";
    e.innerHTML = "rich <b>text</b>";
    o.open = true;
    p.open = false;
    box.scrollTop = 40;
    const area = document.querySelector("textarea");
    area.value = "half typed";
    area.focus();
    area.setSelectionRange(2, 5, "backward");
    window.scrollTo(0, 123);
    globalThis.mark = "first";
  });
  await bench.emit("script", { pages: ["index.html"] });
  await until(() => !globalThis.mark && document.activeElement?.value === "half typed");
  const found = await page.evaluate(() => {
    const form = document.querySelector("form");
    const { selectionStart, selectionEnd, selectionDirection } = document.activeElement;
    return {
      fields: [form.a.value, form.secret.value, form.c[0].checked, form.c[1].checked, form.r.value, form.s.value, form.file.value],
      chosen: [...form.m.selectedOptions].map(({ value }) => value),
      rich: e.innerHTML,
      open: [o.open, p.open, d.open],
      caret: [selectionStart, selectionEnd, selectionDirection],
      heard: heard.toSorted(),
    };
  });
  assert.deepEqual(found, {
    fields: ["typed", "", false, true, "2", "2", ""],
    chosen: ["2", "3"],
    rich: "rich <b>text</b>",
    open: [true, false, false],
    caret: [2, 5, "backward"],
    heard: ["a", "c", "e", "m", "message", "r", "r", "s"],
  });
  await until(() => box.scrollTop === 40 && scrollY === 123);
});

test("a_modal_dialog_is_open_again_with_its_field_and_the_focus_in_it", async () => {
  const page = await bench.show(FORM);
  await page.evaluate(() => d.showModal());
  await page.fill("#in", "typed");
  await page.evaluate(() => (globalThis.mark = "first"));
  await bench.emit("script", { pages: null });
  await until(() => !globalThis.mark && d.matches(":modal") && document.activeElement?.id === "in");
  assert.equal(await page.inputValue("#in"), "typed");
});

test("text_that_is_typed_meanwhile_takes_precedence", async () => {
  const script = "setTimeout(() => (late.hidden = false), 400);";
  const page = await bench.show(`<input id=x><div id=late hidden><input id=y></div>`, { script });
  await until(() => !late.hidden);
  await page.fill("#x", "before");
  await page.fill("#y", "kept");
  await page.evaluate(() => (globalThis.mark = "first"));
  await bench.emit("script", { pages: null });
  await until(() => !globalThis.mark && globalThis.x?.value === "before");
  await page.focus("#x");
  await page.keyboard.press("End");
  await page.keyboard.type("!");
  await until(() => !late.hidden && globalThis.y.value === "kept");
  assert.deepEqual(await page.evaluate(() => [x.value, document.activeElement.id]), ["before!", "x"]);
});

test("a_new_server_process_loads_the_page_and_another_page_receives_no_saved_state", async () => {
  const page = await bench.show("<input id=x>");
  await page.fill("#x", "typed");
  await page.evaluate(() => (globalThis.mark = "first"));
  await bench.emit("start", { id: "b" });
  await until(() => !globalThis.mark && globalThis.x?.value === "typed");
  await page.evaluate(() => (globalThis.mark = "second"));
  for (const id of ["b", "c"]) await bench.emit("start", { id });
  await until(() => !globalThis.mark);
  await page.goto("http://kipo.test/other");
  assert.equal(await page.inputValue("#x"), "");
});

test("typed_text_survives_the_page_of_an_error", async () => {
  expected = [/50[03]/];
  const page = await bench.show("<input id=x>");
  const { html } = bench;
  await page.fill("#x", "typed");
  for (const [id, status, template] of [["b", 503, ""], ["c", 500, "500.html"], ["d", 200, "index.html"]]) {
    bench.send(`<h1>${status}</h1>`, { template });
    if (status === 200) bench.html = html;
    const body = bench.html;
    bench.answers["/page"] = { status, contentType: "text/html", body };
    await page.evaluate(() => (globalThis.mark = "before"));
    await bench.emit("start", { id });
    await until(() => !globalThis.mark && document.readyState === "complete");
    await bench.emit("start", { id });
  }
  await until(() => document.querySelector("#x").value === "typed");
});

const RENDERED = "\u001b[0m\u001b[1m\u001b[38;5;9merror[E0425]\u001b[0m\u001b[1m: cannot find value `x`\u001b[0m\n \u001b[38;5;12m--> \u001b[0mapp/main.rs:3:5\n  |\n3 | <b>x</b>\n";

test("all_diagnostics_are_shown_with_their_locations", async () => {
  const page = await bench.show("<h1>page</h1>");
  await bench.emit("errors", {
    errors: [
      { kind: "template", message: "unknown variable `<b>nme</b>`", file: "/home/ada/app/pages/a b#.html", line: 3, column: 7, excerpt: "3 | {{ nme }}\n  |    ^", known: ["name", "title"] },
      { kind: "compile", message: "cannot find value `x`", file: "app/main.rs", line: 3, column: 5, rendered: RENDERED },
      { kind: "compile", message: "unused", rendered: "warning: unused\n --> app/b.rs:1:2\n", warning: true },
      {},
      { kind: "odd", file: 7, known: "no list", line: null, message: null, rendered: 5 },
    ],
  });
  await overlay().waitFor();
  const text = await overlay().textContent();
  assert.match(text, /4 errors/);
  assert.match(text, /unknown variable `<b>nme<\/b>`.*pages\/a b#\.html:3:7.*\{\{ nme \}\}.*Known names: name, title.*cannot find value.*<b>x<\/b>/s);
  const links = await page.locator("kipo-error a").evaluateAll((links) => links.map((link) => `${link.textContent} ${link.getAttribute("href")}`));
  assert.deepEqual(links.slice(0, 4), [
    "pages/a b#.html:3:7 vscode://file/home/ada/app/pages/a%20b%23.html:3:7",
    "app/main.rs:3:5 vscode://file/home/ada/app/app/main.rs:3:5",
    "app/main.rs:3:5 vscode://file/home/ada/app/app/main.rs:3:5",
    "7 vscode://file/home/ada/app/7:1:1",
  ]);
  assert.equal(await page.locator("kipo-error b").first().evaluate((b) => getComputedStyle(b).color), "rgb(255, 143, 145)");
  assert.equal(await page.locator("kipo-error details").evaluate(({ open }) => open), false);
  await bench.emit("errors", { errors: [] });
  assert.equal(await page.locator("kipo-error").count(), 0);
});

test("a_focused_field_keeps_the_focus_under_the_overlay", async () => {
  const page = await bench.show("<textarea></textarea>");
  await page.locator("textarea").click();
  await page.keyboard.type("half ");
  await bench.emit("errors", { errors: [{ message: "broken" }] });
  await overlay().waitFor();
  await page.keyboard.type("a message");
  await bench.emit("errors", { errors: [{ message: "broken" }, { message: "more" }] });
  await page.keyboard.type("!");
  await page.keyboard.press("Escape");
  await page.keyboard.type("?");
  assert.equal(await page.inputValue("textarea"), "half a message!?");
  assert.equal(await page.locator("kipo-error").count(), 0);
});

test("a_dismissed_overlay_comes_back_only_with_a_new_diagnostic", async () => {
  // A single failure is in the console too, with its request.
  expected.push(/^Kipo: panicked \(request [12]\)$/);
  const page = await bench.show("<input id=x>");
  const [one, two] = [{ message: "one" }, { message: "two" }];
  await bench.emit("errors", { errors: [one] });
  await page.keyboard.press("Escape");
  for (const errors of [[one], [one, { message: "careful", warning: true }]]) {
    await bench.emit("errors", { errors });
    assert.equal(await page.locator("kipo-error").count(), 0);
  }
  await bench.emit("errors", { errors: [one, two] });
  await overlay().waitFor();
  // With the keyboard alone: the button is reached, and the focus returns.
  await page.focus("#x");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  assert.deepEqual(await page.evaluate(() => [document.querySelector("kipo-error"), document.activeElement.id]), [null, "x"]);
  await bench.emit("errors", { errors: [] });
  await bench.emit("errors", { errors: [one] });
  await overlay().waitFor();
  // A single failure disappears with the next change, or when it is dismissed.
  await bench.emit("errors", { errors: [] });
  await bench.emit("failure", { message: "panicked", request_id: "1" });
  assert.match(await overlay().textContent(), /panicked/);
  await bench.emit("css", { paths: [] });
  assert.equal(await page.locator("kipo-error").count(), 0);
  await bench.emit("failure", { message: "panicked", request_id: "2" });
  await page.keyboard.press("Escape");
  await bench.emit("errors", { errors: [two] });
  assert.doesNotMatch(await overlay().textContent(), /panicked/);
});

test("warnings_alone_do_not_cover_the_page", async () => {
  const page = await bench.show("<h1>page</h1>");
  await bench.emit("errors", { errors: [{ kind: "compile", message: "unused", warning: true }] });
  assert.equal(await page.locator("kipo-error").count(), 0);
});

test("the_overlay_lies_over_a_modal_dialog_and_can_be_used_there", async () => {
  const page = await bench.show("<dialog id=d><input id=in></dialog>");
  await page.evaluate(() => d.showModal());
  await page.keyboard.type("ty");
  await bench.emit("errors", { errors: [{ message: "broken" }] });
  await overlay().waitFor();
  await page.keyboard.type("ped");
  await page.keyboard.press("Escape");
  assert.deepEqual(await page.evaluate(() => [d.open, globalThis.in?.value ?? document.querySelector("#in").value, document.querySelector("kipo-error")]), [true, "typed", null]);
  await bench.emit("errors", { errors: [{ message: "worse" }] });
  await page.evaluate(() => d.close());
  await overlay().waitFor();
  await page.click("kipo-error button");
  assert.equal(await page.locator("kipo-error").count(), 0);
});

for (const colorScheme of ["light", "dark"]) {
  test(`the_overlay_can_be_read_${colorScheme}`, async () => {
    const page = await bench.show("<h1>page</h1>");
    await page.emulateMedia({ colorScheme });
    await bench.emit("errors", { errors: [{ kind: "template", message: "m", file: "a.html", line: 1, excerpt: "1 | x", known: ["k"] }, { kind: "compile", message: "w", rendered: RENDERED, warning: true }] });
    await page.locator("kipo-error summary").click();
    const faint = await page.evaluate(() => {
      const numbers = (colour) => colour.match(/[\d.]+/g).map(Number);
      const light = (colour) =>
        numbers(colour)
          .slice(0, 3)
          .map((value) => value / 255)
          .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
          .reduce((sum, value, index) => sum + value * [0.2126, 0.7152, 0.0722][index], 0);
      const root = document.querySelector("kipo-error").shadowRoot;
      const ground = (element) => {
        for (let each = element; each; each = each.parentElement) {
          const colour = getComputedStyle(each).backgroundColor;
          if ((numbers(colour)[3] ?? 1) > 0) return colour;
        }
        return "rgb(10, 10, 12)";
      };
      return [...root.querySelectorAll("*")].flatMap((element) => {
        const [a, b] = [light(getComputedStyle(element).color), light(ground(element))];
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        const says = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim() !== "");
        return says && ratio < 4.5 ? [`${ratio.toFixed(2)} ${element.outerHTML.slice(0, 80)}`] : [];
      });
    });
    assert.deepEqual(faint, []);
  });
}
