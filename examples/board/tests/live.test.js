// A board in several tabs.

import assert from "node:assert/strict";
import { AWAY, part, reads, scene } from "../../../app/tests/stage.js";
import { addCard, card, invite, live, makeBoard, openCard, serve, shows, signUp } from "./board.js";

/** Opens one board as its owner Ann and as its member Bob. */
async function together(stage, server) {
  const ann = await signUp(stage, server, "ann");
  const bob = await signUp(stage, server, "bob");
  const address = await makeBoard(ann, "Kitchen");
  await invite(ann, "bob");
  await reads(ann, ".member-list", /bob/);
  await bob.goto(address);
  await live(bob);
  return [ann, bob];
}

scene("what one user does, the other sees: cards that are added, moved, edited and removed", async (stage) => {
  const server = await serve(stage);
  const [ann, bob] = await together(stage, server);
  await addCard(ann, "todo", "Tea");
  await addCard(ann, "todo", "<b>Milk</b>");
  for (const page of [ann, bob]) await shows(page, { todo: "Tea, <b>Milk</b>" });
  await reads(bob, part("news"), /^ann added “<b>Milk<\/b>” in To do\.$/);
  await card(bob, "Tea").locator("[value='right']").click();
  for (const page of [ann, bob]) await shows(page, { todo: "<b>Milk</b>", doing: "Tea" });
  await reads(ann, part("news"), /^bob moved “Tea” to Doing\.$/);
  await card(ann, "Tea").locator(".card-open").click();
  await ann.fill(part("card_title"), "Green tea");
  await ann.fill(part("card_text"), "Two\nlines");
  await ann.click("text=Save");
  for (const page of [ann, bob]) await shows(page, { todo: "<b>Milk</b>", doing: "Green tea" });
  assert.equal(await card(bob, "Green tea").locator(".card-text").textContent(), "Two\nlines");
  await card(bob, "Milk").locator(".card-open").click();
  await bob.click(part("card_remove"));
  for (const page of [ann, bob]) await shows(page, { doing: "Green tea" });
  // The server renders the same.
  for (const page of [ann, bob]) {
    await page.reload();
    await shows(page, { doing: "Green tea" });
  }
});

scene("a card is moved by the keyboard, and keeps the focus", async (stage) => {
  const server = await serve(stage);
  const page = await signUp(stage, server, "ann");
  await makeBoard(page, "Kitchen");
  for (const title of ["a", "b", "c"]) await addCard(page, "todo", title);
  await shows(page, { todo: "a, b, c" });
  await card(page, "a").locator(".card-open").focus();
  for (const [key, expected] of [
    ["ArrowDown", { todo: "b, a, c" }],
    ["ArrowDown", { todo: "b, c, a" }],
    ["ArrowDown", { todo: "b, c, a" }],
    ["ArrowUp", { todo: "b, a, c" }],
    ["ArrowLeft", { todo: "b, a, c" }],
    ["ArrowRight", { todo: "b, c", doing: "a" }],
    ["ArrowRight", { todo: "b, c", done: "a" }],
  ]) {
    await page.keyboard.press(`Shift+${key}`);
    await shows(page, expected);
    assert.equal(await page.evaluate(() => document.activeElement?.textContent), "a", key);
  }
  // A button that is not possible any more passes the focus on.
  await card(page, "b").locator("[value='down']").focus();
  await page.keyboard.press("Enter");
  await shows(page, { todo: "c, b", done: "a" });
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), "b");
});

scene("a card is dragged to a place in another column", async (stage) => {
  const server = await serve(stage);
  const page = await signUp(stage, server, "ann");
  await makeBoard(page, "Kitchen");
  await addCard(page, "todo", "Tea");
  await addCard(page, "done", "Milk");
  await shows(page, { todo: "Tea", done: "Milk" });
  await card(page, "Tea").dragTo(card(page, "Milk"), { sourcePosition: { x: 4, y: 4 }, targetPosition: { x: 20, y: 3 } });
  await shows(page, { done: "Tea, Milk" });
  assert.equal(await page.locator(".lane.over").count(), 0);
});

scene("all see who is there, each user once", async (stage) => {
  const server = await serve(stage);
  const [ann, bob] = await together(stage, server);
  const second = await bob.context().newPage();
  await second.goto(bob.url());
  await live(second);
  await reads(ann, part("here"), /^youbob$/);
  for (const page of [bob, second]) await reads(page, part("here"), /^annyou$/);
  await second.close();
  await bob.close();
  await reads(ann, part("here"), /^you$/);
});

scene("a page that has missed a change loads the board again, and keeps what is typed", async (stage) => {
  const server = await serve(stage);
  const page = await signUp(stage, server, "ann");
  await makeBoard(page, "Kitchen");
  await addCard(page, "todo", "Tea");
  await shows(page, { todo: "Tea" });
  // As if the event of the card had been lost.
  await page.evaluate(() => {
    const board = document.querySelector("[p-part='board']");
    board.dataset.revision = "0";
    board.querySelector(".card").remove();
  });
  await page.fill("#add-doing", "half typ");
  await addCard(page, "done", "Milk");
  await shows(page, { todo: "Tea", done: "Milk" });
  assert.equal(await page.getAttribute(part("board"), "data-revision"), "2");
  assert.equal(await page.inputValue("#add-doing"), "half typ");
});

scene("without a stream, a card that is deleted closes with its dialog, and its toast stays in sight", async (stage) => {
  stage.expect(/net::ERR_FAILED/);
  const server = await serve(stage);
  const page = await signUp(stage, server, "ann");
  await makeBoard(page, "Kitchen");
  await addCard(page, "todo", "Tea");
  await page.route("**/boards.Listen", (route) => route.abort());
  await page.reload();
  await openCard(page, "Tea");
  await page.click(part("card_remove"));
  await page.locator("dialog:modal").waitFor({ state: "detached" });
  await shows(page, {});
  await Promise.all([page.waitForResponse("**/cards.Restore"), page.click(".kipo-toast >> text=Undo")]);
  await page.reload();
  await shows(page, { todo: "Tea" });
});

scene("a board survives a restart of the server, and its tabs go on", async (stage) => {
  stage.expect(...AWAY);
  const data = await stage.data();
  const server = await serve(stage, { data });
  const page = await signUp(stage, server, "ann");
  await page.route("**/reload.js", (route) => route.fulfill({ contentType: "text/javascript", body: "" }));
  await makeBoard(page, "Kitchen");
  await addCard(page, "todo", "Tea");
  await shows(page, { todo: "Tea" });
  await server.kill();
  await reads(page, part("state"), /^connecting$/);
  await serve(stage, { data, port: Number(new URL(server.url).port) });
  await live(page);
  await addCard(page, "doing", "Milk");
  await shows(page, { todo: "Tea", doing: "Milk" });
});
