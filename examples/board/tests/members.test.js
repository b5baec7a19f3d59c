// Who may see a board.

import assert from "node:assert/strict";
import { part, reads, scene } from "../../../app/tests/stage.js";
import { REFUSED, addCard, invite, live, makeBoard, serve, shows, signUp } from "./board.js";

/** Follows a board from a page, and returns the code of the error with which that ends. */
const follow = (page, board) => page.evaluate(async (board) => {
  const { action } = await import("kipo");
  return action.boards.Listen({ board }).withOnProgress(() => {}).call().then(() => "complete", (error) => error.code);
}, board);

scene("nobody but a member sees a board, follows it or changes it", async (stage) => {
  stage.expect(REFUSED);
  const server = await serve(stage);
  const ann = await signUp(stage, server, "ann");
  const address = await makeBoard(ann, "Kitchen");
  await addCard(ann, "todo", "Tea");
  await shows(ann, { todo: "Tea" });
  const eve = await signUp(stage, server, "eve");
  const board = Number(address.split("/").at(-1));
  assert.equal(await follow(eve, board), "not_found");
  const codes = await eve.evaluate(async (board) => {
    const { action } = await import("kipo");
    const calls = [
      action.cards.Add({ board, column: "todo", title: "x" }),
      action.cards.Edit({ card: 1, title: "x", text: "" }),
      action.cards.Move({ card: 1, column: "done" }),
      action.cards.Step({ card: 1, direction: "right" }),
      action.cards.Remove({ card: 1 }),
      action.cards.Restore({ card: 1 }),
      action.attachments.Add({ card: 1, files: [new Blob(["x"])] }),
      action.attachments.Get({ attachment: 1 }),
      action.attachments.Remove({ attachment: 1 }),
      action.boards.Remove({ board }),
      action.boards.members.Invite({ board, name: "eve" }),
      action.boards.members.Remove({ board, name: "ann" }),
    ];
    return Promise.all(calls.map((call) => call.call().then(() => "done", (error) => error.code)));
  }, board);
  assert.deepEqual(codes, Array(12).fill("not_found"));
  await eve.goto(address);
  await reads(eve, ".eyebrow", /^404$/);
  await shows(ann, { todo: "Tea" });
});

scene("the owner invites by name and takes off, which ends the open page of the member", async (stage) => {
  stage.expect(REFUSED);
  const server = await serve(stage);
  const ann = await signUp(stage, server, "ann");
  const bob = await signUp(stage, server, "bob");
  const address = await makeBoard(ann, "Kitchen");
  await invite(ann, "nobody");
  await reads(ann, `${part("members_view")} [role='alert']`, /^nobody has this name$/);
  for (const round of [1, 2]) {
    await invite(ann, "BOB");
    await reads(ann, ".member-list", /bob/);
    await bob.goto(address);
    await live(bob);
    await addCard(bob, "todo", `card ${round}`);
    await reads(ann, "[data-column='todo']", new RegExp(`card ${round}`));
    await ann.click("[aria-label='Take bob from the board']");
    await reads(bob, part("board_error"), /^You are no member of this board any more\.$/);
    await ann.waitForSelector("[aria-label='Take bob from the board']", { state: "detached" });
  }
});

scene("a member leaves, and an owner deletes the board under everybody", async (stage) => {
  stage.expect(REFUSED);
  const server = await serve(stage);
  const ann = await signUp(stage, server, "ann");
  const [bob, eve] = [await signUp(stage, server, "bob"), await signUp(stage, server, "eve")];
  const address = await makeBoard(ann, "Kitchen");
  for (const name of ["bob", "eve"]) {
    await invite(ann, name);
    await reads(ann, ".member-list", new RegExp(name));
  }
  await bob.goto(address);
  await bob.click(`${part("members_view")} summary`);
  await bob.click(part("leave_board"));
  await bob.waitForURL(`${server.url}/`);
  await eve.goto(address);
  await live(eve);
  await ann.click("text=Delete this board");
  await ann.click(part("remove_board"));
  await ann.waitForURL(`${server.url}/`);
  await reads(eve, part("board_error"), /^This board was deleted\.$/);
  await eve.reload();
  await reads(eve, ".eyebrow", /^404$/);
});
