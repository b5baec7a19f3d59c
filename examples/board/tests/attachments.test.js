// The files of cards in a browser: dropped, sent with their progress, shown, downloaded, and gone with their card until an undo.

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { part, reads, scene } from "../../../app/tests/stage.js";
import { REFUSED, addCard, card, invite, live, makeBoard, openCard, serve, shows, signUp } from "./board.js";

const MB = 1024 * 1024;

/** A picture of one pixel. */
const PNG = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==", "base64");

/** Opens the card `Tea` of a new board. */
async function tea(stage) {
  const server = await serve(stage);
  const page = await signUp(stage, server, "ann");
  const address = await makeBoard(page, "Kitchen");
  await addCard(page, "todo", "Tea");
  await shows(page, { todo: "Tea" });
  return { server, page, address };
}

/** Chooses a file for the card that is open. */
const choose = (page, name, mimeType, buffer) => page.setInputFiles("#files", [{ name, mimeType, buffer }]);

/** Chooses a file of a size. It is on the disk, since the browser would get the bytes of another one in a message. */
async function chooseLarge(stage, page, bytes) {
  const path = join(await stage.data(), "film.bin");
  await writeFile(path, Buffer.alloc(bytes, 7));
  await page.setInputFiles("#files", path);
}

/** Drops a file onto the dialog, as from a file manager. */
async function drop(page, name, type, bytes) {
  const transfer = await page.evaluateHandle(([name, type, text]) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([Uint8Array.from(atob(text), (character) => character.charCodeAt(0))], name, { type }));
    return transfer;
  }, [name, type, bytes.toString("base64")]);
  await page.dispatchEvent(part("editor"), "dragover", { dataTransfer: transfer });
  assert.ok(await page.locator(".editor.over").isVisible(), "the dialog shows that it takes the file");
  await page.dispatchEvent(part("editor"), "drop", { dataTransfer: transfer });
}

scene("a file of 20 MB is sent with its progress, and everybody on the board sees that it is there", async (stage) => {
  const { server, page, address } = await tea(stage);
  const bob = await signUp(stage, server, "bob");
  await invite(page, "bob");
  await reads(page, ".member-list", /bob/);
  await bob.goto(address);
  await live(bob);
  await openCard(page, "Tea");
  // A slow line, on which the progress can be seen.
  const session = await page.context().newCDPSession(page);
  await session.send("Network.emulateNetworkConditions", { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 16 * MB });
  await page.evaluate(() => {
    globalThis.seen = { values: [], news: [] };
    const [bar, news] = ["sent", "news"].map((name) => document.querySelector(`[p-ref="${name}"]`));
    new MutationObserver(() => globalThis.seen.values.push(bar.value)).observe(bar, { attributes: true });
    new MutationObserver(() => globalThis.seen.news.push(news.textContent)).observe(news, { childList: true });
  });
  await chooseLarge(stage, page, 20 * MB);
  await page.click(".attach button");
  await page.locator(part("sending")).waitFor();
  await page.locator(".file", { hasText: "film.bin" }).waitFor({ timeout: 30_000 });
  await page.locator(part("sending")).waitFor({ state: "hidden" });
  // The stream may bring it after the call has ended.
  await reads(page, part("news"), /^You changed the files of “Tea”\.$/);
  const { values, news } = await page.evaluate(() => globalThis.seen);
  assert.ok(values.length > 3 && values.at(-1) === 1, `${values}`);
  assert.deepEqual(values, values.toSorted((one, other) => one - other), "the bar never goes back");
  assert.ok(news.length <= 5, `a screen reader reads few of them: ${news}`);
  assert.equal(news.at(-1), "You changed the files of “Tea”.");
  assert.equal(await page.textContent(".file .hint"), "20 MB");
  await reads(bob, ".card-files", /^Files: 1$/);
});

scene("a file that is dropped is attached: a picture is shown, and each is downloaded as it was", async (stage) => {
  const { server, page } = await tea(stage);
  await openCard(page, "Tea");
  await drop(page, "Küche.png", "image/png", PNG);
  await page.locator(".file img").waitFor();
  assert.equal(await page.locator(".editor.over").count(), 0);
  assert.equal(await page.locator(".file img").evaluate(async (image) => (await image.decode(), image.naturalWidth)), 1);
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("text=Küche.png")]);
  assert.equal(download.suggestedFilename(), "Küche.png");
  assert.deepEqual(await readFile(await download.path()), PNG);
  // A page that a stranger wrote is saved, and never runs here.
  await choose(page, "page.html", "text/html", Buffer.from("<script>alert(1)</script>"));
  await page.click(".attach button");
  await page.locator(".file", { hasText: "page.html" }).waitFor();
  const response = await page.request.get(`${server.url}/_kipo/actions/attachments.Get?attachment=2&shown=true`);
  const { "content-disposition": disposition, "x-content-type-options": options } = response.headers();
  assert.deepEqual([disposition, options], ['attachment; filename="page.html"', "nosniff"]);
});

scene("a file over the limit is refused before it is sent, by the server as well, and the form says why", async (stage) => {
  stage.expect(REFUSED);
  const { page } = await tea(stage);
  await openCard(page, "Tea");
  let sent = 0;
  page.on("request", (request) => (sent += request.url().endsWith("attachments.Add") ? 1 : 0));
  await page.click(".attach button");
  assert.ok(await page.locator("#files").evaluate((input) => input.validity.valueMissing), "a file has to be chosen");
  await chooseLarge(stage, page, 20 * MB + 1);
  await page.click(".attach button");
  assert.equal(await page.locator("#files").evaluate((input) => input.validationMessage), "“film.bin” is larger than 20 MB.");
  assert.equal(sent, 0);
  await page.locator("#files").evaluate((input) => input.setCustomValidity(""));
  await page.click(".attach button");
  await reads(page, ".attach .field-error", /^must be at most 20 MB$/);
  assert.deepEqual([sent, await page.locator(".file").count()], [1, 0]);
  assert.ok(await page.isHidden(part("sending")));
});

scene("a deleted card comes back with its files by the button of the toast, also for the others", async (stage) => {
  stage.expect(REFUSED);
  const { server, page, address } = await tea(stage);
  const bob = await signUp(stage, server, "bob");
  await invite(page, "bob");
  await reads(page, ".member-list", /bob/);
  await bob.goto(address);
  await live(bob);
  await openCard(page, "Tea");
  await choose(page, "plan.png", "image/png", PNG);
  await page.click(".attach button");
  await page.locator(".file").waitFor();
  await openCard(bob, "Tea");
  await page.click(part("card_remove"));
  for (const tab of [page, bob]) {
    await shows(tab, {});
    await tab.locator("dialog:modal").waitFor({ state: "detached" });
    await reads(tab, ".removed", /Tea/);
    assert.equal(tab.url(), address, "the address names no card any more");
  }
  const get = async () => (await page.request.get(`${server.url}/_kipo/actions/attachments.Get?attachment=1`)).status();
  assert.equal(await get(), 404);
  await page.click(".kipo-toast >> text=Undo");
  for (const tab of [page, bob]) {
    await shows(tab, { todo: "Tea" });
    await reads(tab, ".card-files", /^Files: 1$/);
    await tab.locator(".removed details").waitFor({ state: "detached" });
  }
  await reads(bob, part("news"), /^ann restored “Tea”\.$/);
  assert.equal(await get(), 200);
});

scene("a card is opened, edited, given a file and deleted with the keyboard alone", async (stage) => {
  const { page, address } = await tea(stage);
  const focused = () => page.evaluate(() => document.activeElement?.getAttribute("p-ref") ?? document.activeElement?.textContent?.trim());
  const tabTo = async (name) => {
    for (let n = 0; n < 40 && (await focused()) !== name; n += 1) await page.keyboard.press("Tab");
    assert.equal(await focused(), name);
  };
  await card(page, "Tea").locator(".card-open").focus();
  await page.keyboard.press("Enter");
  await page.waitForSelector("dialog:modal");
  await page.waitForURL(`${address}?card=1`);
  await tabTo("card_title");
  await page.keyboard.press("End");
  await page.keyboard.type(" and milk");
  await page.keyboard.press("Enter");
  await shows(page, { todo: "Tea and milk" });
  // The stream may bring the change before the answer that closes the dialog.
  await page.locator("dialog:modal").waitFor({ state: "detached" });
  assert.equal(await focused(), "Tea and milk", "the focus is where it was");
  await page.keyboard.press("Enter");
  await page.waitForSelector("dialog:modal");
  await page.keyboard.press("Escape");
  await page.locator("dialog:modal").waitFor({ state: "detached" });
  // The event "close" comes after the dialog has gone.
  await page.waitForURL(address);
  await page.keyboard.press("Enter");
  await page.waitForSelector("dialog:modal");
  await tabTo("files_input");
  const [chooser] = await Promise.all([page.waitForEvent("filechooser"), page.keyboard.press("Space")]);
  await chooser.setFiles([{ name: "plan.png", mimeType: "image/png", buffer: PNG }]);
  await tabTo("Attach");
  await page.keyboard.press("Enter");
  await page.locator(".file").waitFor();
  await tabTo("card_remove");
  await page.keyboard.press("Enter");
  await shows(page, {});
  await reads(page, part("news"), /^You deleted “Tea and milk”\.$/);
  assert.equal(await page.evaluate(() => document.activeElement?.id), "add-todo", "the focus is near where the card was");
});
