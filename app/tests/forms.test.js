// Forms with `p-action`, in a browser, with the attributes that the server writes. The server of these tests
// answers as each test wants.

import assert from "node:assert/strict";
import { REFUSED_422, called, idle, open, shown, started } from "./forms-page.js";
import { invalid, later } from "./forms-server.js";
import { site } from "./site.js";
import { scene } from "./stage.js";

/** A form as the server writes it. */
const CONTACT = `
<form id="contact-form" p-action="contact.Submit" method="post" action="/?kipo-form=contact.Submit">
  <label>Name <input name="name" id="contact-Submit-name" required aria-describedby="contact-Submit-name-error"></label>
  <p class="field-error" id="contact-Submit-name-error" p-error="name" hidden></p>
  <label>Email <input name="email" id="contact-Submit-email" aria-describedby="hint contact-Submit-email-error"></label>
  <p id="hint">We answer there.</p>
  <p class="field-error" id="contact-Submit-email-error" p-error="email" hidden></p>
  <button>Send</button>
  <p class="form-error" p-error role="alert" hidden></p>
</form>`;

const wrong = (tab) => tab.evaluate(() => [...document.querySelectorAll("[aria-invalid=true]")].map(({ name }) => name));

scene("a form sends its fields to its action and is reset", async (stage) => {
  const { server, tab } = await open(stage, CONTACT, { "contact.Submit": () => ({ body: { id: 7, data: { id: 8 } } }) });
  await tab.evaluate(() => document.addEventListener("kipo:success", ({ target, detail }) => (globalThis.seen = [target.id, detail])));
  await tab.fill("[name=name]", "Ada");
  await tab.fill("[name=email]", "ada@kipo.test");
  await tab.press("[name=email]", "Enter");
  await called(server, 1);
  await tab.waitForFunction(() => globalThis.seen);
  const [{ name, method, type, fields, headers }] = server.calls;
  assert.deepEqual([name, method, type], ["contact.Submit", "POST", "multipart/form-data"]);
  assert.deepEqual(fields, [["name", "Ada"], ["email", "ada@kipo.test"]]);
  assert.equal(headers.accept, "application/json");
  assert.deepEqual(await tab.evaluate(() => globalThis.seen), ["contact-form", { id: 7, data: { id: 8 } }], "the output is not unwrapped");
  assert.equal(await tab.inputValue("[name=name]"), "");
  assert.deepEqual(server.asked.filter((each) => /^(GET|POST)/.test(each)), ["GET /"], "without a load");
});

scene("the browser validates first", async (stage) => {
  const { server, tab } = await open(stage, CONTACT);
  await tab.click("button");
  assert.equal(await tab.evaluate(() => document.activeElement.name), "name");
  await called(server, 0);
});

scene("an action without output resets its form", async (stage) => {
  for (const answer of [{ body: null }, {}]) {
    const { tab } = await open(stage, CONTACT, { "contact.Submit": () => answer });
    await tab.evaluate(() => document.addEventListener("kipo:success", ({ detail }) => (globalThis.seen = { detail })));
    await tab.fill("[name=name]", "Ada");
    await tab.click("button");
    await tab.waitForFunction(() => globalThis.seen);
    assert.deepEqual(await tab.evaluate(() => globalThis.seen), { detail: null });
    assert.equal(await tab.inputValue("[name=name]"), "");
  }
});

scene("a double submit is refused and the form is busy meanwhile", async (stage) => {
  const { promise, settle } = later();
  const { server, tab } = await open(stage, CONTACT, { "contact.Submit": async () => (await promise, { body: 1 }) });
  await tab.fill("[name=name]", "Ada");
  await tab.dblclick("button");
  await tab.press("[name=name]", "Enter");
  await called(server, 1);
  const state = () => tab.evaluate(() => [document.querySelector("form").getAttribute("aria-busy"), document.querySelector("button").getAttribute("aria-disabled"), document.querySelector("button").disabled]);
  assert.deepEqual(await state(), ["true", "true", false]);
  settle();
  await idle(tab);
  assert.deepEqual(await state(), [null, null, false]);
  await tab.fill("[name=name]", "Ben");
  await tab.click("button");
  await called(server, 2);
});

scene("a form that is submitted before its module has loaded is sent once the module is there", async (stage) => {
  const { promise, settle } = later();
  const { server, tab } = await open(stage, CONTACT, {}, { delays: { "form/forms.js": promise } });
  await tab.fill("[name=name]", "Ada");
  await tab.dblclick("button");
  await called(server, 0);
  settle();
  await called(server, 1);
});

scene("the browser posts a form whose module cannot be loaded", async (stage) => {
  stage.expect(/status of 404/, /Failed to fetch dynamically imported module/);
  const { server, tab } = await open(stage, CONTACT, {}, { delays: { "form/forms.js": Promise.resolve(false) } });
  await tab.fill("[name=name]", "Ada");
  await Promise.all([tab.waitForEvent("load"), tab.click("button")]);
  assert.ok(server.asked.includes("POST /?kipo-form=contact.Submit"), String(server.asked));
});

scene("a success on the page that a failed post has brought shows the page anew", async (stage) => {
  const { promise, settle } = later();
  const failed = CONTACT.replace('name="name"', 'name="name" value="Bob" aria-invalid="true"').replace('p-error="name" hidden>', 'p-error="name">is taken');
  const { server, tab } = await open(stage, CONTACT, {}, { delays: { "main.js": Promise.resolve() } });
  server.pages["/"] = () => (server.asked.at(-1).startsWith("POST") ? failed : CONTACT);
  // The form is posted by the browser: its script has not loaded yet.
  server.delays["main.js"] = promise;
  await tab.goto(`${server.url}/?a=1`, { waitUntil: "commit" });
  await tab.evaluate(() => (document.querySelector("form").action = "/?a=1&kipo-form=contact.Submit&kipo-key=2"));
  await tab.fill("[name=name]", "Bob");
  await tab.press("[name=name]", "Enter");
  await tab.waitForSelector("[aria-invalid]");
  settle();
  await tab.waitForFunction(() => globalThis.action);
  await started(tab);
  await tab.fill("[name=name]", "Ada");
  assert.deepEqual([await shown(tab), await wrong(tab)], [[], []], "errors that the server has written are cleared too");
  await tab.press("[name=name]", "Enter");
  await tab.waitForURL(`${server.url}/?a=1`);
  assert.equal(await tab.inputValue("[name=name]"), "");
  assert.deepEqual(server.calls.map(({ fields }) => fields[0]), [["name", "Ada"]]);
});

scene("a refused input shows its errors beside its fields and moves the focus to the first", async (stage) => {
  stage.expect(REFUSED_422);
  const { server, tab } = await open(stage, CONTACT, {
    "contact.Submit": () => invalid({ email: ["must be an address", "is too short"], name: ["is taken"] }),
  });
  await tab.fill("[name=name]", "Ada");
  await tab.click("button");
  await called(server, 1);
  await idle(tab);
  assert.deepEqual(await shown(tab), ["is taken", "must be an address, is too short"]);
  assert.deepEqual(await wrong(tab), ["name", "email"]);
  assert.equal(await tab.evaluate(() => document.activeElement.name), "name", "the first in page order");
  assert.equal(await tab.getAttribute("[name=email]", "aria-describedby"), "hint contact-Submit-email-error");
  assert.equal(await tab.inputValue("[name=name]"), "Ada", "what was typed stays");

  await tab.type("[name=name]", "!");
  assert.deepEqual(await shown(tab), ["must be an address, is too short"]);
  assert.deepEqual(await wrong(tab), ["email"]);

  server.actions["contact.Submit"] = () => ({ body: 1 });
  await tab.click("button");
  await tab.waitForFunction(() => document.querySelector("[name=name]").value === "");
  assert.deepEqual([await shown(tab), await wrong(tab)], [[], []]);
});

scene("a success leaves alone what was typed while the form was sent", async (stage) => {
  const { server, tab } = await open(stage, CONTACT);
  const { promise, settle } = later();
  server.actions["contact.Submit"] = async () => (await promise, { body: 1 });
  await tab.fill("[name=name]", "Ada");
  await tab.fill("[name=email]", "ada@example.org");
  await tab.click("button");
  await called(server, 1);
  await tab.fill("[name=name]", "Bob");
  settle();
  await idle(tab);
  assert.deepEqual([await tab.inputValue("[name=name]"), await tab.inputValue("[name=email]")], ["Bob", ""]);
  await tab.click("button");
  await called(server, 2);
  await idle(tab);
  assert.deepEqual(server.calls.map(({ fields }) => fields[0][1]), ["Ada", "Bob"]);
  assert.equal(await tab.inputValue("[name=name]"), "");
});

scene("an error without a control and any other failure stand at the form", async (stage) => {
  stage.expect(/status of (422|409|429)/, /net::ERR/);
  const { server, tab } = await open(stage, CONTACT, { "contact.Submit": () => invalid({ captcha: ["is required"], "": ["is a duplicate"], name: ["is taken"] }) });
  await tab.fill("[name=name]", "Ada");
  await tab.click("button");
  await called(server, 1);
  await idle(tab);
  assert.deepEqual(await shown(tab), ["is taken", "captcha: is required; is a duplicate"]);

  server.actions["contact.Submit"] = () => ({ status: 409, body: { status: 409, code: "closed", detail: "the room is closed" } });
  await tab.click("button");
  await called(server, 2);
  await idle(tab);
  assert.deepEqual([await shown(tab), await wrong(tab)], [["the room is closed"], []]);

  server.actions["contact.Submit"] = () => "cut";
  await tab.click("button");
  await tab.waitForFunction(() => document.querySelector("[p-error='']").textContent === "the server could not be reached");
});

scene("a form without elements for errors gets them", async (stage) => {
  stage.expect(REFUSED_422);
  const { tab } = await open(
    stage,
    `<form p-action="a.B"><label>Text <input name="text"></label><label><input type="radio" name="size" value="s"> S</label>
     <label><input type="radio" name="size" value="m"> M</label><input name="id" type="hidden" value="3"><button>Go</button></form>`,
    { "a.B": () => invalid({ text: ["is empty"], size: ["is sold out"], id: ["is gone"] }) },
  );
  await tab.click("button");
  await tab.waitForSelector("[role=alert]");
  assert.deepEqual(await shown(tab), ["is empty", "is sold out", "id: is gone"]);
  assert.deepEqual(await tab.evaluate(() => [...document.querySelector("form").children].map(({ localName, className }) => className || localName)), [
    "label", "field-error", "label", "label", "field-error", "input", "button", "form-error",
  ]);
  assert.deepEqual(await wrong(tab), ["text", "size", "size"]);
  const described = await tab.evaluate(() => [...document.querySelectorAll("[aria-invalid]")].map((control) => document.getElementById(control.getAttribute("aria-describedby")).textContent));
  assert.deepEqual(described, ["is empty", "is sold out", "is sold out"]);
  await tab.check("[value=m]");
  assert.deepEqual([await shown(tab), await wrong(tab)], [["is empty", "id: is gone"], ["text"]]);
});

scene("nested names and items of a list find their controls", async (stage) => {
  stage.expect(REFUSED_422);
  const { tab } = await open(
    stage,
    `<form p-action="a.B"><input name="items[0].name"><input name="items.1.name"><input name="items[2][name]">
     <input name="tags"><input name="tags"><button>Go</button></form>`,
    { "a.B": () => invalid({ "items[0].name": ["a"], "items[1].name": ["b"], "items.2.name": ["c"], "tags[1]": ["d"], "tags[7]": ["e"] }) },
  );
  await tab.click("button");
  await tab.waitForSelector("[role=alert]");
  assert.deepEqual(await shown(tab), ["a", "b", "c", "d", "tags[7]: e"]);
  assert.deepEqual(await tab.evaluate(() => [...document.querySelectorAll("input")].map((input) => input.ariaInvalid)), ["true", "true", "true", null, "true"]);
});

scene("controls may have the names of properties of their form", async (stage) => {
  stage.expect(REFUSED_422);
  const names = ["reset", "submit", "action", "method", "target", "id", "name", "elements", "length", "matches", "closest", "contains", "append", "getAttribute", "hasAttribute", "dispatchEvent", "requestSubmit", "querySelector", "children"];
  const { server, tab } = await open(stage, `<form p-action="a.B">${names.map((name) => `<input name="${name}" value="">`).join("")}<button name="button">Go</button></form>`, {
    "a.B": () => invalid({ action: ["is wrong"], "": ["no"] }),
  });
  // Playwright itself calls `getAttribute` of the form.
  const press = () => tab.evaluate(() => document.querySelector("button").click());
  await tab.evaluate(() => document.querySelectorAll("input").forEach((input) => (input.value = input.name)));
  await press();
  await tab.waitForSelector("[role=alert]");
  assert.deepEqual(server.calls[0].fields, [...names.map((name) => [name, name]), ["button", ""]]);
  assert.deepEqual(await shown(tab), ["is wrong", "no"]);
  server.actions = {};
  await press();
  await tab.waitForFunction(() => document.querySelector("input").value === "");
  assert.deepEqual([await shown(tab), await wrong(tab)], [[], []]);
});

scene("the button that submits counts", async (stage) => {
  const { server, tab } = await open(
    stage,
    `<form p-action="a.B" p-keep><input name="text" value="x"><button name="do" value="save">Save</button><button name="do" value="drop" formmethod="post" p-confirm="Sure?">Drop</button></form>`,
  );
  await tab.click("[value=save]");
  await called(server, 1);
  await idle(tab);
  tab.once("dialog", (dialog) => dialog.dismiss());
  await tab.click("[value=drop]");
  await called(server, 1);
  tab.once("dialog", (dialog) => dialog.accept());
  await tab.click("[value=drop]");
  await called(server, 2);
  assert.deepEqual(server.calls.map(({ fields }) => fields), [[["text", "x"], ["do", "save"]], [["text", "x"], ["do", "drop"]]]);
});

scene("the browser follows an address, a method or a target that the author names", async (stage) => {
  const form = (attributes, button) => `<form p-action="a.B" method="post" action="/x" ${attributes}><input name="q" value="1"><button ${button}>Go</button></form>`;
  for (const [attributes, button, request] of [
    ["", 'formaction="/other"', "POST /other"],
    ["", 'formmethod="get"', "GET /x?q=1"],
    ['target="_self"', "", "POST /x"],
    ["", 'formtarget="_self"', "POST /x"],
  ]) {
    const { server, tab } = await open(stage, form(attributes, button));
    await Promise.all([tab.waitForEvent("load"), tab.click("button")]);
    assert.deepEqual([server.asked.at(-1).startsWith(request) || server.asked.includes(request), server.calls.length], [true, 0], `${request}: ${server.asked}`);
  }
});

scene("a form of a dialog closes it and sends nothing", async (stage) => {
  const { server, tab } = await open(stage, `<dialog open><form p-action="a.B" method="dialog"><button value="ok">OK</button></form></dialog>`);
  await tab.click("button");
  assert.deepEqual(await tab.evaluate(() => [document.querySelector("dialog").open, document.querySelector("dialog").returnValue]), [false, "ok"]);
  await called(server, 0);
});

scene("files are sent whole and several of one name as several", async (stage) => {
  const { server, tab } = await open(stage, `<form p-action="a.B" enctype="multipart/form-data"><input name="files" type="file" multiple><input name="text" value="x"><button>Go</button></form>`);
  const file = (name, text) => ({ name, mimeType: "text/plain", buffer: Buffer.from(text) });
  await tab.setInputFiles("[name=files]", [file("a.txt", "first"), file("b.txt", "second")]);
  await tab.click("button");
  await called(server, 1);
  assert.deepEqual(server.calls[0].fields, [["files", "a.txt: first"], ["files", "b.txt: second"], ["text", "x"]]);
});

scene("a form of an action with GET sends a query", async (stage) => {
  const { server, tab } = await open(stage, `<form p-action="a.Find" p-keep><input name="q" value="a&b"><input name="tag" value="x"><input name="tag" value="y"><button>Go</button></form>`, {}, {
    head: `<meta name="kipo-method:a.Find" content="GET">`,
  });
  await tab.click("button");
  await called(server, 1);
  assert.deepEqual([server.calls[0].method, server.calls[0].query], ["GET", "?q=a%26b&tag=x&tag=y"]);
});

scene("two forms of one action are busy and wrong each for itself", async (stage) => {
  stage.expect(REFUSED_422);
  const form = (key) => `<form id="f${key}" p-action="a.B" p-action-key="${key}" p-debounce="50"><input name="text" id="a-B-${key}-text" aria-describedby="a-B-${key}-text-error" value="${key}">
    <p id="a-B-${key}-text-error" p-error="text" hidden></p><button>Go</button></form>`;
  const { server, tab } = await open(stage, form(1) + form(2), { "a.B": ({ fields }) => (fields[0][1] === "1" ? invalid({ text: ["is wrong"] }) : { body: 1 }) });
  await tab.evaluate(() => document.querySelectorAll("form").forEach((form) => form.requestSubmit()));
  await called(server, 2);
  await idle(tab, "#f1");
  await idle(tab, "#f2");
  // The order in which two requests arrive is that of the network.
  assert.deepEqual(server.calls.map(({ fields }) => fields).sort(), [[["text", "1"]], [["text", "2"]]]);
  assert.deepEqual([await shown(tab), await tab.getAttribute("#a-B-1-text", "aria-invalid"), await tab.getAttribute("#a-B-2-text", "aria-invalid")], [["is wrong"], "true", null]);
});

scene("the attributes of a form set what builders set", async (stage) => {
  stage.expect(/status of 503/);
  const { server, tab } = await open(stage, `<p id="state"></p><form p-action="a.B" p-retry="2" p-loading="#state" p-debounce="100" p-keep><input name="text" value="x"><button>Go</button></form>`);
  let tries = 0;
  const { promise, settle } = later();
  server.actions["a.B"] = async () => {
    tries += 1;
    if (tries === 1) return { status: 503, body: { status: 503, code: "unavailable" } };
    await promise;
    return { body: 1 };
  };
  await tab.evaluate(() => {
    document.querySelector("button").click();
    document.querySelector("[name=text]").value = "y";
    document.querySelector("button").click();
  });
  await called(server, 2);
  assert.deepEqual(await tab.evaluate(() => [document.querySelector("#state").className, document.querySelector("form").getAttribute("aria-busy")]), ["kipo-loading", "true"]);
  settle();
  await idle(tab);
  assert.deepEqual(server.calls.map(({ fields }) => fields), [[["text", "y"]], [["text", "y"]]]);
  assert.equal(new Set(server.calls.map(({ headers }) => headers["idempotency-key"])).size, 1, "one call");
  assert.equal(await tab.inputValue("[name=text]"), "y", "p-keep");
});

scene("a script calls an action with a form and every builder method", async (stage) => {
  stage.expect(REFUSED_422);
  const { server, tab } = await open(stage, CONTACT.replace('p-action="contact.Submit"', ""), { "contact.Submit": () => invalid({ email: ["is wrong"] }) });
  await tab.fill("[name=name]", "Ada");
  const seen = await tab.evaluate(async () => {
    const form = document.querySelector("form");
    const log = [];
    const call = () =>
      action.contact
        .Submit(form)
        .withOptimistic(() => (log.push("optimistic"), () => log.push("undone")))
        .withOnSuccess((output) => log.push(["success", output]))
        .withOnError(({ fields }) => log.push(["error", fields]))
        .withOnComplete(() => log.push("complete"))
        .call();
    const [first, second] = await Promise.allSettled([call(), call()]);
    return [log, first.reason === second.reason, first.reason.isValidationError];
  });
  assert.deepEqual(seen, [["optimistic", "undone", ["error", { email: ["is wrong"] }], "complete"], true, true], "the second settles with the first");
  await called(server, 1);
  assert.deepEqual(await shown(tab), ["is wrong"]);
  assert.equal(await tab.evaluate(() => document.activeElement.name), "email");
  // The form shows its error: a script need not catch it.
  await tab.evaluate(() => void action.contact.Submit(document.querySelector("form")).call());
  await called(server, 2);
  await idle(tab);
  server.actions = {};
  assert.equal(await tab.evaluate(() => action.contact.Submit(document.querySelector("form")).call()), null);
  assert.deepEqual([await shown(tab), await tab.inputValue("[name=name]")], [[], ""]);
  await tab.evaluate(() => action.contact.Submit(new FormData(document.querySelector("form"))).call());
  assert.deepEqual(server.calls.at(-1).fields, [["name", ""], ["email", ""]], "a FormData is sent as it is");
});

scene("each builder method holds for a call of a form", async (stage) => {
  stage.expect(/status of 503/);
  const { server, tab } = await open(stage, CONTACT.replace('p-action="contact.Submit"', "p-keep"));
  await tab.fill("[name=name]", "Ada");
  const last = () => server.calls.at(-1);
  const isBusy = () => tab.evaluate(() => document.querySelector("form").getAttribute("aria-busy"));
  /** Runs a call of the form, built by the function. */
  const run = (build, given) => tab.evaluate(`(${build})(action.contact.Submit(document.querySelector("form")), ${JSON.stringify(given)})`);

  server.actions["contact.Submit"] = () => ({ body: 1 });
  assert.equal(await run((call) => call.withMethod("GET").call()), 1);
  assert.deepEqual([last().method, last().query], ["GET", "?name=Ada&email="]);

  const { promise, settle } = later();
  server.actions["contact.Submit"] = async () => (await promise, { body: 2 });
  await run((call) => void call.withLoading(true).call());
  await called(server, 2);
  assert.deepEqual([await tab.getAttribute("html", "class"), await isBusy()], ["kipo-loading", "true"]);
  settle();
  await idle(tab);
  assert.equal(await tab.getAttribute("html", "class"), "");

  const debounced = run((call) => {
    const form = document.querySelector("form");
    const calls = ["Ben", "Cy"].map((name) => ((form.name.value = name), action.contact.Submit(form).withDebounce(30).call()));
    return Promise.all(calls);
  });
  assert.deepEqual(await debounced, [2, 2]);
  await called(server, 3);
  assert.deepEqual(last().fields[0], ["name", "Cy"]);

  let tries = 0;
  server.actions["contact.Submit"] = () => ((tries += 1) < 3 ? { status: 503, body: { status: 503, code: "unavailable" } } : { body: 3 });
  assert.equal(await run((call) => call.withRetry(3, { baseDelay: 1 }).call()), 3);
  assert.equal(new Set(server.calls.slice(-3).map(({ headers }) => headers["idempotency-key"])).size, 1);

  server.actions["contact.Submit"] = () => new Promise(() => {});
  assert.equal(await run((call) => call.withTimeout(30).call().catch(({ code }) => code)), "timeout");
  assert.equal((await shown(tab)).length, 1, "the form shows it");
  const aborted = await run((call) => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 30);
    return call.withSignal(controller.signal).call().catch(({ name }) => name);
  });
  assert.deepEqual([aborted, await isBusy(), await shown(tab)], ["AbortError", null, []], "nobody is to read that");

  server.actions["contact.Submit"] = () => ({ body: 4 });
  const [sent, total, output] = await run((call) => new Promise((resolve) => {
    let progress = [];
    call.withOnUpload((...now) => (progress = now)).call().then((output) => resolve([...progress, output]));
  }));
  assert.ok(sent > 100 && sent === total && output === 4, `${sent} of ${total}`);
  server.actions["contact.Submit"] = () => ({ body: 4, effects: [{ effect: "dispatchEvent", name: "heard" }] });
  await tab.evaluate(() => {
    globalThis.heard = 0;
    document.addEventListener("heard", () => (globalThis.heard += 1));
  });
  await run((call) => call.call());
  await tab.waitForFunction(() => globalThis.heard === 1);
  await run((call) => call.suppressHelpers().call());
  await run((call) => call.call());
  await tab.waitForFunction(() => globalThis.heard > 1);
  assert.equal(await tab.evaluate(() => globalThis.heard), 2, "the second call's effects are not performed");
  assert.equal(await run((call) => call.build().call()), 4, "a plan");

  server.actions["contact.Submit"] = () => ({ events: 'id: p1\nevent: kipo:ready\ndata: {"ping_ms":15000}\n\nid: p2\nevent: step\ndata: {"n":1}\n\nevent: complete\ndata: 5\n\n' });
  const streamed = await run(async (call) => {
    const seen = [];
    const output = await call.withFrom("p0").withRetryStream().withOnState((state) => seen.push(state)).withOnProgress((data, event) => seen.push([event, data.n])).call();
    return [...seen, output];
  });
  assert.deepEqual(streamed, ["connecting", "open", ["step", 1], "closed", 5]);
  assert.deepEqual([last().headers["last-event-id"], last().headers.accept, last().fields[0]], ["p0", "text/event-stream", ["name", "Cy"]]);
  assert.deepEqual([await isBusy(), await shown(tab)], [null, []]);
});

scene("a form asks first and gives up after its time", async (stage) => {
  const form = `<form p-action="a.B" p-confirm="Send it?" p-timeout="50"><input name="text" value="x"><button id="send">Send</button><button id="delete" p-confirm="Delete it?">Delete</button></form>
    <input type="checkbox" name="done" p-action="a.B" p-confirm="Is it done?" aria-label="Done">`;
  const { server, tab } = await open(stage, form, { "a.B": () => new Promise(() => {}) });
  const asked = [];
  let isYes = false;
  tab.on("dialog", (dialog) => (asked.push(dialog.message()), isYes ? dialog.accept() : dialog.dismiss()));
  for (const selector of ["#send", "#delete", "[name=done]"]) await tab.click(selector);
  await called(server, 0);
  assert.deepEqual([asked, await tab.isChecked("[name=done]")], [["Send it?", "Delete it?", "Is it done?"], false]);
  isYes = true;
  await tab.click("#send");
  await called(server, 1);
  await tab.locator("form > [p-error='']").waitFor();
  assert.match((await shown(tab)).join(), /50 ms/);
});

scene("a script of the page may handle the submit and the outcome itself", async (stage) => {
  stage.expect(REFUSED_422);
  const { server, tab } = await open(stage, CONTACT, { "contact.Submit": () => invalid({ name: ["is taken"] }) });
  await tab.fill("[name=name]", "Ada");
  await tab.evaluate(() => {
    globalThis.seen = [];
    document.querySelector("form").addEventListener("submit", (event) => event.preventDefault(), { once: true });
    document.addEventListener("kipo:error", (event) => (event.preventDefault(), globalThis.seen.push(event.detail.code, event.target.id)));
    document.addEventListener("kipo:success", (event) => (event.preventDefault(), globalThis.seen.push("success")));
  });
  await tab.click("button");
  await called(server, 0);
  await tab.click("button");
  await called(server, 1);
  await idle(tab);
  server.actions = {};
  await tab.click("button");
  await called(server, 2);
  await idle(tab);
  assert.deepEqual(await tab.evaluate(() => globalThis.seen), ["validation_failed", "contact-form", "success"]);
  assert.deepEqual([await shown(tab), await wrong(tab), await tab.inputValue("[name=name]")], [[], [], "Ada"]);
});

scene("a form that comes with a reloaded part is bound", async (stage) => {
  let loads = 0;
  const { server, tab } = await open(stage, () => `<section p-part="list">${loads++ ? CONTACT : "Nothing yet."}</section>`);
  assert.deepEqual(server.asked.filter((name) => name.startsWith("form/")), [], "a page without forms loads none of it");
  await tab.evaluate(() => import("kipo").then(({ reloadPart }) => reloadPart("list")));
  await tab.fill("[name=name]", "Ada");
  await tab.click("button");
  await called(server, 1);
  assert.deepEqual(server.calls[0].fields[0], ["name", "Ada"]);
});

scene("a success reloads parts, and other forms keep what was typed", async (stage) => {
  let rows = 0;
  const body = () => `<section p-part="list"><p id="rows">${rows}</p><form id="other" p-action="a.C"><input name="note" value="served ${rows}"><input name="same" value="served ${rows}"></form></section>
    <form id="add" p-action="a.B" p-reload="list"><input name="text"><button>Add</button></form>`;
  const { tab } = await open(stage, body, { "a.B": () => ({ body: (rows += 1) }) });
  await tab.fill("[name=note]", "half typ");
  await tab.fill("[name=text]", "x");
  await tab.click("button");
  await tab.waitForFunction(() => document.querySelector("#rows").textContent === "1");
  assert.deepEqual(await tab.evaluate(() => ["note", "same", "text"].map((name) => document.querySelector(`[name=${name}]`).value)), ["half typ", "served 1", ""]);
});

scene("a reloaded part leaves the errors and the busy state of its form", async (stage) => {
  stage.expect(REFUSED_422);
  let loads = 0;
  const { server, tab } = await open(stage, () => `<section p-part="all"><p id="loads">${loads++}</p>${CONTACT}</section>`, {
    "contact.Submit": () => invalid({ name: ["is taken"], email: ["is wrong"], captcha: ["is required"] }),
  });
  const reload = async () => {
    await tab.evaluate(() => import("kipo").then(({ reloadPart }) => reloadPart("all")));
    return tab.evaluate(() => ["form", "button"].map((name) => ["aria-busy", "aria-disabled"].map((mark) => document.querySelector(name).getAttribute(mark))));
  };
  await tab.fill("[name=name]", "Ada");
  await tab.click("button");
  await called(server, 1);
  await idle(tab);
  await tab.fill("[name=email]", "ada");
  await reload();
  assert.deepEqual([await shown(tab), await wrong(tab)], [["is taken", "captcha: is required"], ["name"]], "except those of edited fields");

  const { promise, settle } = later();
  server.actions["contact.Submit"] = async () => (await promise, { body: 1 });
  await tab.click("button");
  await called(server, 2);
  assert.deepEqual(await reload(), [["true", null], [null, "true"]]);
  settle();
  await tab.waitForFunction(() => document.querySelector("[name=name]").value === "");
  assert.deepEqual(await reload(), [[null, null], [null, null]]);
  assert.deepEqual(await shown(tab), []);
});

scene("a form that keeps its values follows the server afterwards", async (stage) => {
  let name = "ada";
  const { tab } = await open(stage, () => `<section p-part="edit"><form p-action="a.B" p-keep p-reload="edit"><input name="name" value="${name}"><button>Save</button></form></section>`, {
    "a.B": ({ fields }) => ({ body: (name = fields[0][1].trim()) }),
  });
  await tab.fill("[name=name]", "  Ben  ");
  await tab.click("button");
  await tab.waitForFunction(() => document.querySelector("[name=name]").value === "Ben");
});

scene("navigation ends a call without an error", async (stage) => {
  const page = (title, main) => `<main p-navigate><h1>${title}</h1>${main}<a href="/two">on</a></main>`;
  const { promise, settle } = later();
  const { server, tab } = await open(stage, page("One", CONTACT), { "contact.Submit": async () => (await promise, { body: 1 }) }, { pages: { "/two": page("Two", CONTACT) } });
  await tab.evaluate(() => {
    globalThis.seen = [];
    for (const name of ["kipo:error", "kipo:success", "unhandledrejection"]) addEventListener(name, () => globalThis.seen.push(name));
  });
  await tab.fill("[name=name]", "Ada");
  await tab.click("button");
  await called(server, 1);
  await tab.click("a");
  await tab.waitForFunction(() => document.querySelector("h1").textContent === "Two");
  settle();
  await tab.fill("[name=name]", "Ben");
  await tab.click("button");
  await called(server, 2);
  await tab.waitForFunction(() => document.querySelector("[name=name]").value === "");
  assert.deepEqual(await tab.evaluate(() => globalThis.seen), ["kipo:success"]);
});

scene("the way back finds what was typed, except secrets and files", async (stage) => {
  const page = (main) => `<main p-navigate><h1>${main ? "One" : "Two"}</h1>${main}<a href="/two">on</a></main>`;
  const { tab } = await open(
    stage,
    page(`${CONTACT}<input id="password" type="password"><input id="shown" autocomplete="current-password"><input id="code" autocomplete="one-time-code"><input id="card" autocomplete="section-a billing cc-number"><input id="file" type="file"><textarea id="note" p-secret></textarea>`),
    {},
    { pages: { "/two": page("") } },
  );
  await tab.fill("[name=name]", "Ada");
  for (const id of ["password", "shown", "code", "card", "note"]) await tab.fill(`#${id}`, "secret");
  await tab.setInputFiles("#file", { name: "plan.pdf", mimeType: "application/pdf", buffer: Buffer.from("plan") });
  await tab.click("a");
  await tab.waitForFunction(() => document.querySelector("h1").textContent === "Two");
  await tab.goBack();
  await tab.waitForFunction(() => document.querySelector("[name=name]")?.value === "Ada");
  assert.deepEqual(await tab.evaluate(() => ["password", "shown", "code", "card", "note", "file"].map((id) => document.getElementById(id).value)), ["", "", "", "", "", ""]);
});

scene("a user who has gone elsewhere keeps the focus", async (stage) => {
  stage.expect(REFUSED_422);
  const { promise, settle } = later();
  const { tab } = await open(stage, `${CONTACT}<input id="search" aria-label="Search">`, { "contact.Submit": async () => (await promise, invalid({ name: ["is taken"] })) });
  await tab.fill("[name=name]", "Ada");
  await tab.click("button");
  await tab.click("#search");
  settle();
  await idle(tab);
  assert.deepEqual([await tab.evaluate(() => document.activeElement.id), await shown(tab)], ["search", ["is taken"]]);
});

scene("the server of an app decodes a form and refuses it by its fields", async (stage) => {
  stage.expect(REFUSED_422);
  const { root } = await site(stage, {
    "pages/index.html": `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Chat</title><link rel="icon" href="data:,"></head><body><main id="app">
      <form p-action="chat.Send"><label>Name <input name="username"></label><label>Text <textarea name="message"></textarea></label><button>Send</button></form></main></body></html>`,
  });
  const server = await stage.server({ root });
  const tab = await stage.tab(server.url);
  await tab.fill("[name=username]", "Ada");
  await tab.fill("[name=message]", "  ");
  await tab.click("button");
  await tab.waitForSelector("[aria-invalid]");
  assert.deepEqual([await shown(tab), await wrong(tab)], [["must not be blank"], ["message"]]);
  await tab.fill("[name=message]", "Hello");
  await tab.click("button");
  await tab.waitForFunction(() => document.querySelector("[name=message]").value === "");
  assert.deepEqual([await shown(tab), await wrong(tab)], [[], []]);
});
