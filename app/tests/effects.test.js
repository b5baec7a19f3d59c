// The effects that the client has by itself, in a browser: toasts, forms that are reset, the focus, and modal dialogs.

import assert from "node:assert/strict";
import { called, open } from "./forms-page.js";
import { scene } from "./stage.js";

scene("a toast is announced, and its undo runs an action", async (stage) => {
  const effects = [{ effect: "toast", text: "Deleted <b>it</b>", undo: { action: "cards.Restore", input: { id: 3 } } }];
  const { server, tab } = await open(stage, `<form p-action="cards.Delete"><button>Delete</button></form>`, { "cards.Delete": () => ({ body: null, effects }) });
  await tab.click("form button");
  const toast = tab.locator(".kipo-toasts[role=status] .kipo-toast");
  await toast.waitFor();
  assert.equal(await toast.locator("span").textContent(), "Deleted <b>it</b>");
  assert.equal(await toast.evaluate((element) => getComputedStyle(element.parentElement).position), "fixed", "the policy of the page permits its style");
  await toast.locator("button").click();
  await called(server, 2);
  assert.deepEqual([server.calls[1].name, server.calls[1].body], ["cards.Restore", '{"id":3}']);
  assert.equal(await toast.count(), 0);

  await tab.evaluate(() => import("kipo").then(({ effect }) => effect("toast", ({ text }) => (globalThis.own = text))));
  await tab.click("form button");
  await tab.waitForFunction(() => globalThis.own === "Deleted <b>it</b>");
});

scene("a toast of a dialog stays in sight when the dialog is closed", async (stage) => {
  const effects = [{ effect: "toast", text: "Deleted", undo: { action: "cards.Restore" } }];
  const { server, tab } = await open(stage, `<dialog><form p-action="cards.Delete"><button>Delete</button></form></dialog>`, {
    "cards.Delete": () => ({ body: null, effects }),
  });
  const toast = tab.locator(".kipo-toast");
  for (const [number, closes] of ["with the answer", "at once", "when its toast is shown"].entries()) {
    await tab.evaluate((closes) => {
      const dialog = document.querySelector("dialog");
      dialog.showModal();
      const close = () => dialog.close();
      if (closes === "with the answer") dialog.addEventListener("kipo:success", close, { once: true });
      if (closes === "at once") dialog.addEventListener("kipo:success", () => setTimeout(close), { once: true });
    }, closes);
    await tab.click("dialog form button");
    if (closes === "when its toast is shown") {
      await tab.locator("dialog .kipo-toast").waitFor();
      await tab.evaluate(() => document.querySelector("dialog").close());
    }
    await tab.locator("html > .kipo-toasts .kipo-toast button").click();
    await called(server, 2 * (number + 1));
    assert.equal(await toast.count(), 0, closes);
  }
});

scene("toasts go after their time, unless they are being used", async (stage) => {
  const effects = [{ effect: "toast", text: "Saved", ms: 3000 }];
  const { tab } = await open(stage, `<form p-action="a.B"><button>Save</button></form>`, { "a.B": () => ({ body: null, effects }) });
  await tab.click("button");
  const toast = tab.locator(".kipo-toast");
  await toast.hover();
  await tab.waitForTimeout(3500);
  assert.equal(await toast.count(), 1);
  await tab.mouse.move(0, 0);
  await toast.waitFor({ state: "detached" });
});

scene("effects reset a form, set the focus, and open and close a modal dialog", async (stage) => {
  const { server, tab } = await open(
    stage,
    `<input p-ref="search" value="old" aria-label="Search"><form p-ref="other"><input name="x"></form>
     <dialog p-ref="edit"><form p-action="a.Close"><input name="text"><button>Close</button></form></dialog>
     <form id="open" p-action="a.Open"><input name="text"><button>Open</button></form>`,
    {
      "a.Open": () => ({ body: null, effects: [{ effect: "resetForm" }, { effect: "resetForm", name: "other" }, { effect: "openModal", name: "edit" }] }),
      "a.Close": () => ({ body: null, effects: [{ effect: "closeModal" }, { effect: "focus", name: "search" }, { effect: "toast", text: "Closed" }] }),
    },
  );
  // The effect resets the form, and not its success.
  await tab.evaluate(() => document.addEventListener("kipo:success", (event) => event.preventDefault()));
  await tab.fill("[name=x]", "typed");
  await tab.fill("#open [name=text]", "typed");
  await tab.click("#open button");
  await tab.waitForSelector("dialog:modal");
  assert.deepEqual(await tab.evaluate(() => [document.querySelector("[name=x]").value, document.querySelector("#open [name=text]").value]), ["", ""]);
  await tab.click("dialog button");
  await tab.locator(".kipo-toast").waitFor();
  assert.deepEqual(await tab.evaluate(() => [document.querySelector("dialog").open, document.activeElement.getAttribute("p-ref"), getSelection().toString()]), [false, "search", "old"]);
  assert.equal(server.calls.length, 2);
});

scene("an effect on an element that is missing is reported", async (stage) => {
  stage.expect(/this page has no element with p-ref="nothing"/, /closeModal: the element of the call is not a dialog/);
  const problems = [];
  const { tab } = await open(stage, `<form p-action="a.B"><button>Go</button></form>`, {
    "a.B": () => ({ body: null, effects: [{ effect: "focus", name: "nothing" }, { effect: "closeModal" }, { effect: "toast", text: "Last" }] }),
  });
  tab.on("pageerror", ({ message }) => problems.push(message));
  await tab.click("button");
  await tab.locator(".kipo-toast").waitFor();
  assert.equal(problems.length, 2);
});
