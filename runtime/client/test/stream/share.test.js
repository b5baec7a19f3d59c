import assert from "node:assert/strict";
import { test } from "node:test";

import { share } from "../../stream/share.js";
import { SseParser } from "../../stream/sse.js";
import { FakeBrowser, FakeClock, FakeStream, answerWith, chat, cursor, engine, fakePlatform, fakeServer, frame, ready, settle, skippedTo } from "../../testing/fakes.js";

const KEY = "kipo test";

/** Tabs of one browser. Each has a server of its own, so that a test controls what each tab receives. */
class Tabs {
  browser = new FakeBrowser();
  clock = new FakeClock();

  /**
   * Opens a stream in a new tab. `wires` are its own connections, in order.
   *
   * @param {string} id
   * @param {...(FakeStream | ((request: import("../../testing/fakes.js").FakeRequest) => Response))} wires
   */
  async open(id, ...wires) {
    const server = fakeServer(...wires.map((wire) => (wire instanceof FakeStream ? wire.respond : wire)));
    const { platform } = fakePlatform(server.fetch, { clock: this.clock, browser: this.browser });
    const controller = new AbortController();
    const tab = {
      /** The position that each of its connections asked for. @type {string[]} */
      asked: [],
      /** The data of each event, in order. @type {unknown[]} */
      events: [],
      /** What the last `kipo:engine` reported. */
      isReachable: true,
      /** The ids of the messages. @type {number[]} */
      numbers: [],
      end: "",
      status: 0,
      close: async () => {
        controller.abort();
        await settle();
      },
      pause: false,
    };
    const opening = share(
      KEY,
      (id, signal) => {
        tab.asked.push(id);
        return platform.fetch(new URL("http://kipo.test/"), { signal });
      },
      id,
      controller.signal,
      platform,
    );
    void (async () => {
      const response = await opening;
      tab.status = response.status;
      const parser = new SseParser();
      const reader = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader();
      try {
        for (;;) {
          while (tab.pause) await new Promise((resolve) => setImmediate(resolve));
          const { value } = await reader.read();
          if (!value) break;
          for (const event of parser.push(value)) {
            tab.events.push(event.event);
            if (event.event === "kipo:engine") tab.isReachable = JSON.parse(event.data).reachable;
            if (event.event === "chat") tab.numbers.push(JSON.parse(event.data).n);
          }
        }
        tab.end = "ended";
      } catch (error) {
        tab.end = String(error);
      }
    })();
    await settle();
    return tab;
  }
}

test("a tab that has caught up closes its connection and follows the leader", async () => {
  const tabs = new Tabs();
  const [one, two] = [new FakeStream(), new FakeStream()];
  const first = await tabs.open("", one);
  await one.send(ready(cursor(0)) + chat(1));
  const second = await tabs.open("", two);
  await two.send(ready(cursor(0)));
  assert.ok(!two.isClosed, "the first message is still missing");
  await two.send(chat(1));
  assert.ok(two.isClosed && !one.isClosed);
  await one.send(chat(2) + chat(3));
  assert.deepEqual([first.numbers, second.numbers], [[1, 2, 3], [1, 2, 3]]);
});

test("a tab ahead of the leader gets no message twice", async () => {
  const tabs = new Tabs();
  const [one, two] = [new FakeStream(), new FakeStream()];
  await tabs.open("", one);
  await one.send(ready(cursor(0)) + chat(1));
  const second = await tabs.open("", two);
  await two.send(ready(cursor(0)) + chat(1) + chat(2));
  assert.ok(two.isClosed);
  await one.send(chat(2) + chat(3));
  assert.deepEqual(second.numbers, [1, 2, 3]);
});

test("a tab does not close its connection in the middle of a frame", async () => {
  const tabs = new Tabs();
  const [one, two] = [new FakeStream(), new FakeStream()];
  await tabs.open("", one);
  await one.send(ready(cursor(0)));
  const second = await tabs.open("", two);
  const next = chat(1);
  await two.send(ready(cursor(0)) + next.slice(0, 9));
  assert.ok(!two.isClosed);
  await two.send(next.slice(9));
  await one.send(chat(1) + chat(2));
  assert.ok(two.isClosed);
  assert.deepEqual(second.numbers, [1, 2]);
});

test("when the leader closes, the next tab leads from its own position", async () => {
  const tabs = new Tabs();
  const [one, two, more] = [new FakeStream(), new FakeStream(), new FakeStream()];
  const first = await tabs.open("", one);
  await one.send(ready(cursor(0)) + chat(1));
  const second = await tabs.open("", two, more);
  await two.send(ready(cursor(0)) + chat(1));
  const third = await tabs.open("", new FakeStream());
  await first.close();
  assert.deepEqual(second.asked, ["", cursor(1)]);
  await more.send(ready(cursor(1), "resumed") + chat(2));
  assert.deepEqual([second.numbers, second.end], [[1, 2], ""]);
  assert.deepEqual(third.numbers, [], "its own connection has sent nothing yet");
});

test("a frame with only an id moves the position of every tab", async () => {
  const tabs = new Tabs();
  const [one, two, more] = [new FakeStream(), new FakeStream(), new FakeStream()];
  const first = await tabs.open("", one);
  await one.send(ready(cursor(0)) + chat(1));
  const second = await tabs.open("", two, more);
  await two.send(ready(cursor(0)) + chat(1));
  await one.send(skippedTo(66));
  const third = await tabs.open(cursor(66));
  assert.deepEqual([third.asked, third.events], [[], ["kipo:ready"]], "it is where the leader is");
  await one.send(chat(70));
  assert.deepEqual([first, second, third].map(({ numbers }) => numbers), [[1, 70], [1, 70], [70]]);
  await one.send(skippedTo(135));
  await first.close();
  assert.deepEqual(second.asked, ["", cursor(135)]);
  await more.send(ready(cursor(135), "resumed") + chat(136));
  assert.deepEqual([second.numbers, third.numbers], [[1, 70, 136], [70, 136]]);
});

test("a tab fetches a message that the leader did not broadcast", async () => {
  const tabs = new Tabs();
  const [one, two, more] = [new FakeStream(), new FakeStream(), new FakeStream()];
  await tabs.open("", one);
  await one.send(ready(cursor(0)));
  const second = await tabs.open("", two, more);
  await two.send(ready(cursor(0)));
  const [, channel] = tabs.browser.channels(KEY);
  tabs.browser.frozen.add(channel);
  await one.send(chat(1));
  tabs.browser.frozen.clear();
  await one.send(chat(2));
  assert.deepEqual([second.asked, second.numbers], [["", cursor(0)], []]);
  await more.send(ready(cursor(0), "resumed") + chat(1) + chat(2));
  assert.ok(more.isClosed, "it has caught up again");
  await one.send(chat(3));
  assert.deepEqual(second.numbers, [1, 2, 3]);
});

test("a tab that reconnects without missed messages needs no connection", async () => {
  const tabs = new Tabs();
  const one = new FakeStream();
  await tabs.open("", one);
  await one.send(ready(cursor(0)) + chat(1));
  const back = await tabs.open(cursor(1));
  assert.deepEqual([back.asked, back.events], [[], ["kipo:ready"]]);
  await one.send(chat(2));
  assert.deepEqual(back.numbers, [2]);
});

test("a tab does not wait for a frozen leader", async () => {
  const tabs = new Tabs();
  const [one, two] = [new FakeStream(), new FakeStream()];
  await tabs.open("", one);
  await one.send(ready(cursor(0)) + chat(1));
  tabs.browser.frozen.add(tabs.browser.channels(KEY)[0]);
  const back = await tabs.open(cursor(1), two);
  assert.deepEqual(back.asked, []);
  await tabs.clock.advance(200);
  assert.deepEqual(back.asked, [cursor(1)]);
  await two.send(ready(cursor(1), "resumed") + chat(2));
  assert.deepEqual([back.numbers, two.isClosed], [[2], false]);
});

test("a gap reaches the tabs whose position is its start", async () => {
  const tabs = new Tabs();
  const [one, two] = [new FakeStream(), new FakeStream()];
  const first = await tabs.open("", one);
  await one.send(ready(cursor(0)));
  const second = await tabs.open("", two);
  await two.send(ready(cursor(0)));
  await one.send(frame("kipo:gap", { reason: "trimmed", missed: 8, first: 9 }, cursor(8)) + chat(9));
  assert.deepEqual([first.numbers, second.numbers], [[9], [9]]);
  assert.equal(second.events.filter((event) => event === "kipo:gap").length, 1);
});

test("the end of the leader's connection does not end the other tabs", async () => {
  const tabs = new Tabs();
  const [one, two, more] = [new FakeStream(), new FakeStream(), new FakeStream()];
  const first = await tabs.open("", one);
  await one.send(ready(cursor(0)));
  const second = await tabs.open("", two, more);
  await two.send(ready(cursor(0)));
  await one.end();
  assert.equal(first.end, "ended");
  assert.deepEqual(second.asked, ["", cursor(0)]);
  await more.send(ready(cursor(0), "resumed") + chat(1));
  assert.deepEqual([second.numbers, second.end], [[1], ""]);
});

test("a refused reconnect is an error of that tab alone", async () => {
  const tabs = new Tabs();
  const [one, two] = [new FakeStream(), new FakeStream()];
  const first = await tabs.open("", one);
  await one.send(ready(cursor(0)));
  const second = await tabs.open("", two, answerWith(401, { code: "unauthorized", title: "who are you?" }));
  await two.send(ready(cursor(0)));
  await first.close();
  assert.match(second.end, /who are you\?/);
});

test("a refused stream returns the refusal", async () => {
  const tabs = new Tabs();
  const tab = await tabs.open("", answerWith(403, { code: "forbidden" }));
  assert.equal(tab.status, 403);
  assert.equal(tabs.browser.channels(KEY).length, 0);
});

test("a stream that follows no topic stays with its tab", async () => {
  const tabs = new Tabs();
  const [one, two] = [new FakeStream(), new FakeStream()];
  await tabs.open("", one);
  await one.send(ready() + frame("part", { done: 1 }));
  const second = await tabs.open("", two);
  await two.send(ready() + frame("part", { done: 1 }, "hand-made"));
  await one.send(frame("part", { done: 2 }));
  assert.ok(!one.isClosed && !two.isClosed);
  assert.deepEqual(second.events, ["kipo:ready", "part"]);
});

test("a page that reads too slowly gets its own connection and the missed messages", async () => {
  const tabs = new Tabs();
  const [one, two, more] = [new FakeStream(), new FakeStream(), new FakeStream()];
  await tabs.open("", one);
  await one.send(ready(cursor(0)));
  const slow = await tabs.open("", two, more);
  await two.send(ready(cursor(0)));
  slow.pause = true;
  for (let n = 1; n <= 300; n += 1) await one.send(chat(n));
  assert.equal(slow.asked.length, 2);
  const last = Number(slow.asked[1]?.split("-")[1]);
  assert.ok(last < 300, "after the last message that it received");
  slow.pause = false;
  await settle();
  await more.send(ready(slow.asked[1], "resumed") + Array.from({ length: 300 - last }, (_, n) => chat(last + n + 1)).join(""));
  assert.deepEqual(slow.numbers, Array.from({ length: 300 }, (_, n) => n + 1));
  assert.ok(!more.isClosed, "it has stopped sharing");
});

test("an endless frame reaches the page and ends the sharing", async () => {
  const tabs = new Tabs();
  const [one, two] = [new FakeStream(), new FakeStream()];
  const first = await tabs.open("", one);
  await one.send(ready(cursor(0)));
  await one.send(`: ${"x".repeat(1 << 20)}`);
  await one.send(`${"x".repeat(9)}\n\n${chat(1)}`);
  assert.deepEqual(first.numbers, [1]);
  const second = await tabs.open("", two);
  await two.send(ready(cursor(0)) + chat(1));
  assert.ok(!two.isClosed, "no other tab leads, so this one does");
  assert.deepEqual(second.numbers, [1]);
});

test("every tab knows that the server cannot reach its messages, and that it can again", async () => {
  const tabs = new Tabs();
  const [one, two] = [new FakeStream(), new FakeStream()];
  const first = await tabs.open("", one);
  await one.send(ready(cursor(0)) + chat(1));
  const second = await tabs.open("", two);
  await two.send(ready(cursor(0)) + chat(1) + chat(2));
  assert.ok(two.isClosed, "it is ahead of the leader");
  await one.send(engine(false));
  assert.deepEqual([first.isReachable, second.isReachable], [false, false]);
  const late = await tabs.open(cursor(1));
  assert.deepEqual([late.asked, late.isReachable], [[], false]);
  await one.send(": ping\n\n" + frame("kipo:later", 1));
  assert.ok(![first, second, late].some((tab) => tab.isReachable), "neither a ping nor an unknown frame is news of it");
  await one.send(engine(true));
  assert.ok([first, second, late].every((tab) => tab.isReachable));
  const count = ({ events }) => events.filter((event) => event === "kipo:engine").length;
  assert.deepEqual([first, second, late].map(count), [2, 2, 2]);
});

test("a tab that lost its leader is not stale for longer than the server", async () => {
  const tabs = new Tabs();
  const [one, two, more] = [new FakeStream(), new FakeStream(), new FakeStream()];
  const first = await tabs.open("", one);
  await one.send(ready(cursor(0)) + engine(false));
  const second = await tabs.open("", two, more);
  await two.send(ready(cursor(0)));
  assert.equal(second.isReachable, false);
  await first.close();
  await more.send(ready(cursor(0), "resumed"));
  const late = await tabs.open(cursor(0));
  await more.send(chat(1));
  assert.deepEqual([second.events, late.events], [
    ["kipo:ready", "kipo:engine", "kipo:ready", "chat"],
    ["kipo:ready", "chat"],
  ]);
});

test("tabs that start at different positions each get what follows their own", async () => {
  const tabs = new Tabs();
  const [one, behind, future, gone] = [new FakeStream(), new FakeStream(), new FakeStream(), new FakeStream()];
  const first = await tabs.open(cursor(2), one);
  assert.deepEqual(first.asked, [cursor(2)], "nobody leads yet, so it does not wait");
  await one.send(ready(cursor(2), "resumed") + chat(3) + chat(4));
  const second = await tabs.open(cursor(1), behind);
  await behind.send(ready(cursor(1), "resumed") + chat(2) + chat(3) + chat(4));
  const third = await tabs.open(cursor(4));
  // A page that another server rendered may be ahead of the leader.
  const fourth = await tabs.open(cursor(5), future);
  const other = "0123456789abcdef";
  const fifth = await tabs.open(cursor(9, other), gone);
  await gone.send(ready(undefined, "gap") + frame("kipo:gap", { reason: "new_generation", missed: null, first: 1 }, cursor(0)));
  await gone.send([1, 2, 3, 4].map(chat).join(""));
  await one.send(chat(5) + chat(6));
  assert.deepEqual(
    [first, second, third, fourth, fifth].map(({ asked, numbers }) => [asked, numbers]),
    [
      [[cursor(2)], [3, 4, 5, 6]],
      [[cursor(1)], [2, 3, 4, 5, 6]],
      [[], [5, 6]],
      [[], [6]],
      [[cursor(9, other)], [1, 2, 3, 4, 5, 6]],
    ],
  );
  assert.ok(behind.isClosed && gone.isClosed, "they follow the leader now");
});

test("a tab whose browser refuses locks has a connection of its own", async () => {
  const tabs = new Tabs();
  const refused = () => Promise.reject(new DOMException("sandboxed", "SecurityError"));
  Object.assign(tabs.browser.locks, { query: refused, request: refused });
  const one = new FakeStream();
  const tab = await tabs.open(cursor(1), one);
  await one.send(ready(cursor(1), "resumed") + chat(2));
  assert.deepEqual([tab.asked, tab.numbers, one.isClosed], [[cursor(1)], [2], false]);
});
