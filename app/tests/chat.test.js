// The chat as people use it.

import assert from "node:assert/strict";
import { holds, join, part, reads, say, scene, state, texts } from "./stage.js";

scene("three tabs of one browser talk in all directions", async (stage) => {
  const { url } = await stage.server();
  const profile = await stage.profile();
  const tabs = [];
  for (const name of ["Ada", "Grace", "Ada"]) tabs.push(await stage.chat(url, name, profile));

  const said = [];
  for (const round of [1, 2]) {
    for (const [index, tab] of tabs.entries()) {
      said.push(`round ${round}, from tab ${index}`);
      await tab.bringToFront();
      await say(tab, said.at(-1));
      for (const each of tabs) await holds(each, said);
    }
  }
  for (const [index, tab] of tabs.entries()) {
    // Two tabs have the same name, but each marks only the messages that it has sent.
    const own = tab.locator("[data-own='yes'] .msg-text");
    await tab.waitForFunction(() => document.querySelectorAll("[data-own='yes']").length === 2);
    assert.deepEqual(await own.allTextContents(), [`round 1, from tab ${index}`, `round 2, from tab ${index}`]);
  }
});

scene("a new reader sees the earlier messages in order", async (stage) => {
  const server = await stage.server();
  const said = [];
  for (let n = 1; n <= 30; n += 1) {
    said.push(`message ${n}`);
    await server.say("Ada", said.at(-1));
  }
  const page = await stage.chat(server.url, "Grace");
  await holds(page, said);
  await say(page, "and one more");
  await holds(page, [...said, "and one more"]);
});

scene("after a reload the tab is in the room and knows its own messages", async (stage) => {
  const server = await stage.server();
  const page = await stage.chat(server.url, "Ada");
  await say(page, "mine");
  await holds(page, ["mine"]);
  // The answer to the call can arrive later than the event.
  await page.waitForFunction(() => sessionStorage.getItem("chat.sent"));
  await server.say("Ada", "of somebody else with this name");
  await page.reload();
  await state(page, "connected");
  await holds(page, ["mine", "of somebody else with this name"]);
  assert.deepEqual(await page.locator("[data-own='yes'] .msg-text").allTextContents(), ["mine"]);

  await page.click(part("leave_btn"));
  await page.reload();
  assert.ok(await page.isVisible(part("join_view")));
});

scene("markup in a name and a message is text", async (stage) => {
  const { url } = await stage.server();
  const profile = await stage.profile();
  const [sender, reader] = [await stage.chat(url, "<b>Eve</b>", profile), await stage.chat(url, "Ada", profile)];
  const said = [`<script>globalThis.broken = true</script>`, `<img src="x" onerror="globalThis.broken = true">`, "{{ 1 + 1 }} &amp; \u2028 end"];
  for (const text of said) await say(sender, text);
  await holds(reader, said);
  assert.equal(await reader.locator(".msg-name").first().textContent(), "<b>Eve</b>");
  for (const page of [sender, reader]) {
    assert.equal(await page.evaluate(() => globalThis.broken), undefined);
    assert.equal(await page.locator(".feed script, .feed img, .feed b").count(), 0);
  }
});

scene("characters that change the direction of text act within a name or a message alone", async (stage) => {
  const server = await stage.server();
  const [name, text] = ["\u202eEve", "\u202eevil \u2067 words"];
  await server.say(name, text);
  const page = await stage.chat(server.url, name);
  await say(page, "and \u202e more");
  await holds(page, [text, "and \u202e more"]);
  const seen = await page.evaluate(
    ([own, leave]) => {
      const isolated = (selector) => [...document.querySelectorAll(selector)].map((each) => getComputedStyle(each).unicodeBidi !== "normal");
      const box = (selector) => document.querySelector(selector).getBoundingClientRect();
      return {
        names: isolated(".msg-name"),
        texts: isolated(".msg-text"),
        isBeside: box(leave).left >= box(own).right,
        face: document.querySelector(".face").textContent,
      };
    },
    [part("own_name"), part("leave_btn")],
  );
  assert.deepEqual(seen, { names: [true, true], texts: [true, true], isBeside: true, face: "E" });
});

scene("control characters are refused, except line breaks; a copied tab becomes spaces", async (stage) => {
  const server = await stage.server();
  for (const [username, message, field] of [["Ada\u0007", "hello", "username"], ["Ada", "hel\u0000lo", "message"], ["Ada", "\u001b[31mred", "message"]]) {
    const { status, body } = await server.post("chat.Send", { username, message });
    assert.equal(status, 422);
    assert.deepEqual(body.errors, { [field]: ["must not contain control characters"] });
  }
  const page = await stage.chat(server.url, "Ada");
  await say(page, "one\n\ttwo");
  await holds(page, ["one\n  two"]);

  stage.expect(/the server responded with a status of 422/);
  await say(page, "bell \u0007");
  await reads(page, part("message_error"), /^Your message must not contain control characters\.$/);
  assert.equal(await page.inputValue(part("message_input")), "bell \u0007");
});

scene("nothing empty is sent", async (stage) => {
  const { url } = await stage.server();
  const page = await stage.tab(url);
  await page.click(".login-row button");
  await reads(page, part("username_error"), /Say who you are/);
  await join(page, "Ada");

  let sent = 0;
  page.on("request", (request) => (sent += Number(request.url().endsWith("/chat.Send"))));
  await page.click(part("send_btn"));
  await reads(page, part("message_error"), /Write something/);
  assert.equal(await page.getAttribute(part("message_input"), "aria-invalid"), "true");
  await page.fill(part("message_input"), " \n ");
  await reads(page, part("message_error"), /^$/);
  await page.press(part("message_input"), "Enter");
  await reads(page, part("message_error"), /Write something/);
  // If one of these had been sent, it would be before this message.
  await say(page, "not empty");
  await holds(page, ["not empty"]);
  assert.equal(sent, 1);
});

scene("a text that is too long is refused with the name of its field", async (stage) => {
  const server = await stage.server();
  const long = "x".repeat(21);
  const answer = await server.post("chat.Send", { username: long, message: "x".repeat(501) });
  assert.equal(answer.status, 422);
  assert.match(answer.type, /^application\/problem\+json/);
  assert.equal(answer.body.code, "validation_failed");
  assert.deepEqual(Object.keys(answer.body.errors).sort(), ["message", "username"]);
  assert.doesNotMatch(JSON.stringify(answer.body), /xxx/, "the answer does not contain the value");
  // The limit counts characters, not bytes.
  assert.equal((await server.post("chat.Send", { username: "é".repeat(20), message: "🦀".repeat(500) })).status, 200);

  stage.expect(/the server responded with a status of 422/);
  const page = await stage.tab(server.url);
  const fields = await page.evaluate(
    (username) => globalThis.action.chat.Send({ username, message: "hello" }).call().catch((error) => error.fields),
    long,
  );
  assert.deepEqual(Object.keys(fields), ["username"]);

  // Without the page's own limit, the server's answer is shown beside its field and no text is lost.
  await page.evaluate((input) => (document.querySelector(input).maxLength = 40), part("username_input"));
  await join(page, long);
  await say(page, "hello");
  await reads(page, part("username_error"), /^Your name must have 1 to 20 characters\.$/);
  assert.ok(await page.isVisible(part("username_error")));
  await join(page, "Ada");
  assert.equal(await page.inputValue(part("message_input")), "hello");
});

scene("the keyboard is enough", async (stage) => {
  const { url } = await stage.server();
  const page = await stage.tab(url);
  const focused = () => page.evaluate(() => document.activeElement?.getAttribute("p-ref") ?? document.activeElement?.textContent?.trim());
  const outlined = () => page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle !== "none");
  for (const stop of ["Skip to the content", "kipo", "Chat", "Rooms", "Progress", "username_input"]) {
    await page.keyboard.press("Tab");
    assert.equal(await focused(), stop);
    assert.ok(await outlined(), `${stop} shows its focus`);
  }
  await page.keyboard.type("Ada");
  await page.keyboard.press("Enter");
  await state(page, "connected");
  assert.equal(await focused(), "message_input");
  await page.keyboard.type("one");
  await page.keyboard.press("Shift+Enter");
  await page.keyboard.type("two");
  await page.keyboard.press("Enter");
  await holds(page, ["one\ntwo"]);
  assert.equal(await focused(), "message_input", "ready for the next message");
  await page.keyboard.type("three");
  await page.keyboard.press("Tab");
  assert.equal(await focused(), "send_btn");
  await page.keyboard.press("Space");
  await holds(page, ["one\ntwo", "three"]);
  assert.equal(await focused(), "message_input");
  await page.keyboard.press("Shift+Tab");
  assert.equal(await focused(), "feed", "the feed can be scrolled by keys");
  await page.keyboard.press("Shift+Tab");
  assert.equal(await focused(), "leave_btn");
  await page.keyboard.press("Enter");
  assert.equal(await focused(), "username_input");
});

scene("messages that are written faster than the server answers stay in order", async (stage) => {
  const server = await stage.server();
  const page = await stage.chat(server.url, "Ada");
  const said = Array.from({ length: 8 }, (_, n) => `message ${n}`);
  for (const text of said) {
    await page.fill(part("message_input"), text);
    await page.press(part("message_input"), "Enter");
  }
  await holds(page, said);
  await page.waitForFunction((count) => document.querySelectorAll("[data-own='yes']").length === count, said.length);
});

scene("the feed follows its end only while the reader is there", async (stage) => {
  const server = await stage.server();
  for (let n = 1; n <= 40; n += 1) await server.say("Ada", `message ${n}`);
  const page = await stage.chat(server.url, "Grace");
  const atEnd = () => page.waitForFunction((feed) => {
    const { scrollHeight, scrollTop, clientHeight } = document.querySelector(feed);
    return scrollHeight > clientHeight && scrollHeight - scrollTop - clientHeight < 2;
  }, part("feed"));
  await page.waitForFunction(() => document.querySelectorAll(".msg").length === 40);
  await atEnd();

  await page.hover(part("feed"));
  await page.mouse.wheel(0, -600);
  await page.waitForFunction((feed) => {
    const { scrollHeight, scrollTop, clientHeight } = document.querySelector(feed);
    return scrollHeight - scrollTop - clientHeight > 500;
  }, part("feed"));
  const before = await page.evaluate((feed) => document.querySelector(feed).scrollTop, part("feed"));
  await server.say("Ada", "news");
  await reads(page, part("jump_btn"), /^1 new message$/);
  await server.say("Ada", "more news");
  await reads(page, part("jump_btn"), /^2 new messages$/);
  assert.equal(await page.evaluate((feed) => document.querySelector(feed).scrollTop, part("feed")), before, "the scroll position stays");
  await page.click(part("jump_btn"));
  await atEnd();
  assert.ok(await page.isHidden(part("jump_btn")));
  await server.say("Ada", "the last");
  await page.waitForFunction(() => document.querySelectorAll(".msg").length === 43);
  await atEnd();
  assert.equal((await texts(page)).at(-1), "the last");
});
