// Controls that run an action by themselves, in a browser.

import assert from "node:assert/strict";
import { REFUSED_422, called, idle, open, shown } from "./forms-page.js";
import { invalid, later } from "./forms-server.js";
import { scene } from "./stage.js";

scene("a checkbox shows the truth of the server", async (stage) => {
  stage.expect(/status of (403|422)/);
  let done = false;
  const body = () => `<section p-part="card"><input type="checkbox" name="done" p-action="cards.Check" p-with="id=3" p-reload="card" ${done ? "checked" : ""} aria-label="Done"></section>`;
  const { server, tab } = await open(stage, body, { "cards.Check": () => ({ status: 403, body: { status: 403, code: "forbidden", detail: "this card is locked" } }) });
  const box = "[name=done]";
  await tab.click(box);
  await called(server, 1);
  await idle(tab, box);
  assert.deepEqual(server.calls[0].fields, [["id", "3"], ["done", "true"]]);
  assert.deepEqual([await tab.isChecked(box), await shown(tab)], [false, ["this card is locked"]]);

  // The server accepts and sets nothing: the HTML of the part is the same as before.
  server.actions["cards.Check"] = () => ({ body: null });
  await tab.click(box);
  await called(server, 2);
  await tab.waitForFunction((box) => !document.querySelector(box).checked, box);
  assert.deepEqual(await shown(tab), []);

  server.actions["cards.Check"] = ({ fields }) => ({ body: (done = fields[1][1] === "true") });
  await tab.click(box);
  await called(server, 3);
  await idle(tab, box);
  assert.equal(await tab.isChecked(box), true);
  await tab.click(box);
  await called(server, 4);
  assert.deepEqual([server.calls[3].fields, await tab.isChecked(box)], [[["id", "3"], ["done", "false"]], false]);
});

scene("a control that changes again while it is sent is sent once more", async (stage) => {
  const { promise, settle } = later();
  const { server, tab } = await open(stage, `<input type="checkbox" name="done" p-action="a.B" aria-label="Done">`, { "a.B": async () => (await promise, { body: 1 }) });
  await tab.click("input");
  await called(server, 1);
  for (let times = 0; times < 3; times += 1) await tab.click("input");
  settle();
  await called(server, 2);
  assert.deepEqual(server.calls.map(({ fields }) => fields), [[["done", "true"]], [["done", "false"]]]);
  assert.equal(await tab.isChecked("input"), false);
});

scene("a select, radio buttons and a choice go back when they are refused", async (stage) => {
  stage.expect(REFUSED_422);
  const { server, tab } = await open(
    stage,
    `<select name="list" p-action="a.B" aria-label="List"><option value="1">One</option><option value="2" selected>Two</option></select>
     <label><input type="radio" name="size" value="s" checked p-action="a.B"> S</label><label><input type="radio" name="size" value="m" p-action="a.B"> M</label>
     <input type="checkbox" name="tag" value="blue" p-action="a.B" aria-label="Blue"><input name="title" value="Old" p-action="a.B" aria-label="Title">`,
    { "a.B": () => invalid({ list: ["is full"] }) },
  );
  await tab.selectOption("select", "1");
  await called(server, 1);
  await tab.click("[value=m]");
  await called(server, 2);
  await tab.click("[name=tag]");
  await called(server, 3);
  await tab.fill("[name=title]", "New");
  await tab.press("[name=title]", "Tab");
  await called(server, 4);
  const values = () => tab.evaluate(() => [document.querySelector("select").value, document.querySelector("[name=size]:checked").value, document.querySelector("[name=tag]").checked, document.querySelector("[name=title]").value]);
  await tab.waitForFunction(() => document.querySelector("[name=title]").value === "Old");
  assert.deepEqual(await values(), ["2", "s", false, "Old"]);
  assert.deepEqual(server.calls.map(({ fields }) => fields), [[["list", "1"]], [["size", "m"]], [["tag", "blue"], ["checked", "true"]], [["title", "New"]]]);

  server.actions = {};
  await tab.selectOption("select", "1");
  await called(server, 5);
  server.actions["a.B"] = () => invalid({ list: ["is full"] });
  await tab.selectOption("select", "2");
  await called(server, 6);
  await tab.waitForFunction(() => document.querySelector("select").value === "1", "what the server has accepted before");
});

scene("a control that is refused goes back to what was accepted while it had changed again", async (stage) => {
  stage.expect(REFUSED_422);
  for (const [body, choose] of [
    [`<select name="list" p-action="a.B" aria-label="List"><option>a</option><option>b</option><option>c</option></select>`, (tab, value) => tab.selectOption("select", value)],
    [`<input name="title" value="a" p-action="a.B" aria-label="Title">`, async (tab, value) => (await tab.fill("input", value), tab.press("input", "Enter"))],
    [["a", "b", "c"].map((value) => `<input type="radio" name="size" value="${value}" p-action="a.B" aria-label="${value}">`).join(""), (tab, value) => tab.click(`[value=${value}]`)],
  ]) {
    const { promise, settle } = later();
    let calls = 0;
    const { server, tab } = await open(stage, body, { "a.B": async () => (calls++ ? invalid({}) : (await promise, { body: 1 })) });
    await choose(tab, "b");
    await called(server, 1);
    await choose(tab, "a");
    await choose(tab, "c");
    settle();
    await called(server, 2);
    await tab.waitForFunction(() => (document.querySelector("select, :checked") ?? document.querySelector("input:not([type=radio])"))?.value === "b");
    assert.deepEqual(server.calls.map(({ fields }) => fields[0][1]), ["b", "c"], body);
  }
});
