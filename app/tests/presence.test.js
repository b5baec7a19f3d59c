// Who is in a room, as people see it: beside the feed, in a sheet, without a script, and for screen readers.

import assert from "node:assert/strict";
import { AWAY, part, reads, say, scene, state } from "./stage.js";

const PHONE = { viewport: { width: 320, height: 568 }, isMobile: true, hasTouch: true };

/** Longer than a person stays after the last tab was closed, and than announcements wait after a reconnect. */
const LONG_MS = 20_000;

/** Makes a room, and returns the address of its page. */
async function make(server, room) {
  const { body } = await server.post("rooms.Create", { room });
  return server.url + body.address;
}

/** Opens a room in a new tab, under a name. */
async function enter(stage, url, name, profile) {
  const page = await (profile ?? (await stage.profile())).newPage();
  await page.goto(url);
  await join(page, name);
  return page;
}

async function join(page, name) {
  await page.fill(part("username_input"), name);
  await page.click(`${part("join_form")} button`);
  await page.waitForSelector(".person[data-own='yes']");
}

const names = (page) => page.locator(".person bdi").allTextContents();

/** Waits until the list has exactly these names, in this order. */
async function lists(page, expected) {
  const isListed = (expected) => JSON.stringify([...document.querySelectorAll(".person bdi")].map((name) => name.textContent)) === expected;
  await page.waitForFunction(isListed, JSON.stringify(expected), { timeout: LONG_MS }).catch(() => {}); // The assertion has the better message.
  assert.deepEqual(await names(page), expected);
  for (const count of ["people_total", "people_count"]) assert.equal(await page.locator(part(count)).textContent(), String(expected.length));
}

/** Waits until a name was announced, so that it is in no later announcement. */
const knows = (page, name) => reads(page, part("people_news"), new RegExp(`\u2068${name}\u2069 came in`));

/** Records what is announced from now on. Returns a function that returns it. */
async function announcements(page) {
  await page.evaluate((region) => {
    window.announced = [];
    const record = () => window.announced.push(document.querySelector(region).textContent.replace(/[\u2068\u2069]/g, ""));
    new MutationObserver(record).observe(document.querySelector(region), { childList: true });
  }, part("people_news"));
  return () => page.evaluate(() => window.announced);
}

/** Waits until this was announced. */
async function hears(page, announced, expected) {
  await page.waitForFunction((count) => window.announced.length >= count, expected.length, { timeout: LONG_MS }).catch(() => {});
  assert.deepEqual(await announced(), expected);
}

scene("two people see each other, and one who closes the tab is gone after the grace", async (stage) => {
  const server = await stage.server();
  const url = await make(server, "Tea");
  const ada = await enter(stage, url, "Ada");
  await lists(ada, ["Ada"]);
  const announced = await announcements(ada);
  const grace = await enter(stage, url, "Grace");
  for (const page of [ada, grace]) await lists(page, ["Ada", "Grace"]);
  assert.equal(await ada.locator(".person[data-own='yes'] bdi").textContent(), "Ada");
  await hears(ada, announced, ["Grace came in."]);
  await grace.close();
  await lists(ada, ["Ada"]);
  await hears(ada, announced, ["Grace came in.", "Grace left."]);
});

scene("a reader without a name sees who is there and is in no list", async (stage) => {
  const server = await stage.server();
  const url = await make(server, "Tea");
  const reader = await stage.tab(url);
  await state(reader, "connected");
  await reads(reader, part("people_empty"), /^Nobody here has given a name yet\.$/);
  assert.ok(await reader.isVisible(part("people_empty")));
  const ada = await enter(stage, url, "Ada");
  for (const page of [ada, reader]) await lists(page, ["Ada"]);
  assert.ok(await reader.isHidden(part("people_empty")));
  assert.equal(await reader.locator(".person[data-own='yes']").count(), 0);
});

scene("a person with two tabs is there once, and a reload is neither a leave nor a come", async (stage) => {
  const server = await stage.server();
  const url = await make(server, "Tea");
  const grace = await enter(stage, url, "Grace");
  const profile = await stage.profile();
  const tabs = [await enter(stage, url, "Ada", profile), await enter(stage, url, "Ada", profile)];
  for (const page of [...tabs, grace]) await lists(page, ["Ada", "Grace"]);
  await knows(grace, "Ada");
  const announced = await announcements(grace);
  await grace.evaluate((list) => {
    window.counts = new Set();
    new MutationObserver(() => window.counts.add(document.querySelectorAll(".person").length)).observe(document.querySelector(list), { childList: true });
  }, part("people_list"));
  for (const tab of tabs) await tab.reload();
  for (const tab of tabs) {
    await state(tab, "connected");
    await lists(tab, ["Ada", "Grace"]);
  }
  await tabs[0].close();
  // The list changes when the next person comes: until then nobody has left.
  await server.enter("Tea", "Eve");
  await lists(grace, ["Ada", "Eve", "Grace"]);
  await hears(grace, announced, ["Eve came in."]);
  assert.ok(await grace.evaluate(() => Math.min(...window.counts)) >= 2, "Ada was there all the time");
});

scene("people who come at the same moment are one announcement, without the reader's own name", async (stage) => {
  const server = await stage.server();
  const url = await make(server, "Tea");
  await server.enter("Tea", "Zoë");
  const page = await stage.tab(url);
  const announced = await announcements(page);
  await join(page, "Ada");
  await Promise.all(["Alan", "Barbara", "Claude", "Donald", "Edsger"].map((name) => server.enter("Tea", name)));
  await lists(page, ["Ada", "Alan", "Barbara", "Claude", "Donald", "Edsger", "Zoë"]);
  await hears(page, announced, ["Alan, Barbara, Claude, and 2 others came in."]);
  assert.equal(await page.getAttribute(part("people_news"), "role"), "status");
});

scene("a person who takes another name is there under the new one", async (stage) => {
  const server = await stage.server();
  const url = await make(server, "Tea");
  const [ada, bob] = [await enter(stage, url, "Ada"), await enter(stage, url, "Bob")];
  await lists(ada, ["Ada", "Bob"]);
  await knows(ada, "Bob");
  const announced = [await announcements(ada), await announcements(bob)];
  await say(ada, "before");
  await ada.click(part("leave_btn"));
  await join(ada, "Grace");
  await say(ada, "after");
  for (const page of [ada, bob]) await lists(page, ["Bob", "Grace"]);
  assert.equal(await ada.locator(".person[data-own='yes'] bdi").textContent(), "Grace");
  assert.deepEqual(await ada.locator(".msg-text").allTextContents(), ["before", "after"]);
  await hears(bob, announced[1], ["Grace came in.", "Ada left."]);
  assert.deepEqual(await announced[0](), []);
});

scene("a name that the server refuses is asked for again, and the room is read meanwhile", async (stage) => {
  stage.expect(/the server responded with a status of 422/);
  const server = await stage.server();
  const url = await make(server, "Tea");
  const page = await stage.tab(url);
  await page.evaluate(() => sessionStorage.setItem("chat.name", "A\u0007da"));
  await page.reload();
  await reads(page, part("username_error"), /^Your name must not contain control characters\.$/);
  await state(page, "connected");
  await server.post("rooms.Send", { room: "Tea", username: "Grace", message: "hello" });
  await page.waitForSelector(".msg");
  await lists(page, []);
  await join(page, "Ada");
  await lists(page, ["Ada"]);
});

scene("in a narrow window the names are in a sheet, which the keyboard opens and closes", async (stage) => {
  const server = await stage.server();
  const url = await make(server, "Tea");
  for (let n = 10; n < 40; n += 1) await server.enter("Tea", `Reader ${n}`);
  const page = await stage.tab(url, PHONE);
  await state(page, "connected");
  const [open, sheet, list] = [page.locator(".people-open"), page.locator(part("people_view")), page.locator(part("people_list"))];
  assert.ok(await sheet.isHidden());
  await reads(page, ".people-open", /^30 here$/);
  await open.focus();
  await page.keyboard.press("Enter");
  await sheet.waitFor({ state: "visible" });
  assert.equal(await page.evaluate(() => document.activeElement?.className), "people-close");
  await page.waitForFunction(() => document.getElementById("people").getAnimations().length === 0);
  const { y, height, width } = await sheet.boundingBox();
  assert.deepEqual([Math.round(y + height), width], [568, 320], "the sheet is at the lower edge");
  // The list scrolls, and stays where it is when somebody comes.
  await page.keyboard.press("Tab");
  await page.keyboard.press("End");
  await page.waitForFunction((selector) => {
    const { scrollTop, clientHeight, scrollHeight } = document.querySelector(selector);
    return Math.ceil(scrollTop + clientHeight) >= scrollHeight;
  }, part("people_list"));
  const before = await list.evaluate((element) => element.scrollTop);
  await server.enter("Tea", "Zoë");
  await reads(page, part("people_count"), /^31$/);
  assert.equal(await list.evaluate((element) => element.scrollTop), before);
  await page.keyboard.press("Escape");
  await sheet.waitFor({ state: "hidden" });
  assert.equal(await page.evaluate(() => document.activeElement?.className), "people-open");

  await open.tap();
  await sheet.waitFor({ state: "visible" });
  const link = await page.locator("nav a").first().boundingBox();
  await page.touchscreen.tap(link.x + 20, link.y + 20);
  await sheet.waitFor({ state: "hidden" });
  assert.equal(page.url(), url, "a tap beside the sheet follows no link");
  await open.tap();
  await page.locator(".people-close").tap();
  await sheet.waitFor({ state: "hidden" });
  await open.tap();
  await page.setViewportSize({ width: 1000, height: 700 });
  await page.waitForFunction(() => !document.getElementById("people").matches(":popover-open"));
  assert.ok(await sheet.isVisible(), "the names are beside the feed");
  assert.ok(await open.isHidden());
});

scene("names are text, and a long or crowded list stays beside the feed", async (stage) => {
  const server = await stage.server();
  const url = await make(server, "Tea");
  const special = ["<b>Eve</b>", "W".repeat(20), "\u202eAda", "מיכל"];
  for (const name of special) await server.enter("Tea", name);
  await Promise.all(Array.from({ length: 296 }, (_, n) => server.enter("Tea", `Reader ${100 + n}`)));
  const page = await stage.tab(url);
  await reads(page, part("people_count"), /^300$/);
  const shown = await names(page);
  for (const name of special) assert.ok(shown.includes(name), name);
  assert.equal(await page.locator(".people b").count(), 0);
  const [feed, people] = [await page.locator(".feed-frame").boundingBox(), await page.locator(".people").boundingBox()];
  assert.ok(people.x >= feed.x + feed.width && people.y === feed.y && people.height === feed.height);
  const wide = (selector) => page.evaluate((selector) => document.querySelector(selector).scrollWidth > document.querySelector(selector).clientWidth, selector);
  for (const selector of ["html", part("people_list")]) assert.equal(await wide(selector), false, selector);
  assert.equal(await page.evaluate(() => document.scrollingElement.scrollHeight > innerHeight), false);
});

scene("who is there is read without JavaScript", async (stage) => {
  const server = await stage.server();
  const url = await make(server, "Tea");
  const leave = await server.enter("Tea", "Ada");
  await server.enter("Tea", "bob");
  const page = await stage.tab(url, { javaScriptEnabled: false });
  assert.deepEqual(await names(page), ["Ada", "bob"]);
  assert.ok(await page.locator(".person").first().isVisible());
  const narrow = await stage.tab(url, { ...PHONE, javaScriptEnabled: false });
  assert.ok(await narrow.locator(".person").first().isHidden());
  await narrow.tap(".people-open");
  assert.ok(await narrow.locator(".person").first().isVisible());
  await narrow.tap(".people-close");
  assert.ok(await narrow.locator(".person").first().isHidden());
  leave();
  const isGone = async () => {
    await page.reload();
    return (await names(page)).join() === "bob";
  };
  for (const end = Date.now() + LONG_MS; !(await isGone()); ) assert.ok(Date.now() < end, "Ada is still there");
});

scene("the list of rooms shows how many are in each, as long as it knows", async (stage) => {
  stage.expect(...AWAY);
  const server = await stage.server();
  for (const room of ["Empty", "Tea"]) await make(server, room);
  await server.enter("Tea", "Ada");
  const page = await (await stage.steadyProfile()).newPage();
  await page.goto(`${server.url}/rooms`);
  const counts = () => page.locator(".room-link").allInnerTexts().then((texts) => texts.map((text) => text.split(/\s+/).slice(1).join(" ")));
  assert.deepEqual(await counts(), ["Empty", "Tea 1 here"]);
  await server.enter("Tea", "Bob");
  await server.enter("Empty", "Bob");
  const refresh = () => page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  await refresh();
  await page.waitForFunction(() => /2 here/.test(document.body.textContent));
  assert.deepEqual(await counts(), ["Empty 1 here", "Tea 2 here"]);
  await server.kill();
  await refresh();
  await page.locator(".room-people").first().waitFor({ state: "hidden" });
});

scene("after a restart of the server people are there again, and nobody has left", async (stage) => {
  stage.expect(...AWAY);
  const data = await stage.data();
  const server = await stage.server({ data });
  const url = await make(server, "Tea");
  const [ada, bob] = [await enter(stage, url, "Ada", await stage.steadyProfile()), await enter(stage, url, "Bob", await stage.steadyProfile())];
  for (const page of [ada, bob]) await lists(page, ["Ada", "Bob"]);
  await knows(ada, "Bob");
  const announced = await announcements(ada);
  await server.kill();
  await state(ada, "reconnecting");
  const next = await stage.server({ data, port: Number(new URL(server.url).port) });
  for (const page of [ada, bob]) await state(page, "connected", LONG_MS);
  await next.enter("Tea", "Eve");
  for (const page of [ada, bob]) await lists(page, ["Ada", "Bob", "Eve"]);
  await hears(ada, announced, ["Eve came in."]);
});
