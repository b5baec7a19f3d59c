import assert from "node:assert/strict";
import { test } from "node:test";

import { follow } from "../reload.js";
import { settle } from "../testing/fakes.js";

const URL_OF_EVENTS = new URL("http://kipo.test/_kipo/dev/reload");

globalThis.CSSStyleSheet = class {
  replaceSync(text) {
    this.text = text;
  }
};

/** As much of an element as the overlay and the style sheets need. */
class FakeNode extends EventTarget {
  children = [];
  textContent = "";
  #parent;
  constructor(name) {
    super();
    this.name = name;
  }
  attachShadow() {
    return (this.shadow = new FakeNode("#shadow"));
  }
  setAttribute() {}
  append(...nodes) {
    for (const node of nodes) node.#parent = this;
    this.children.push(...nodes);
  }
  remove() {
    this.#parent.children = this.#parent.children.filter((child) => child !== this);
  }
  get text() {
    return [this.textContent, ...[...this.children, ...(this.shadow?.children ?? [])].map(({ text }) => text)].join(" ");
  }
}

class FakeEvents extends EventTarget {
  readyState = 1;
  /** An event of the server. */
  send(name, data = {}) {
    this.dispatchEvent(new MessageEvent(name, { data: JSON.stringify(data) }));
  }
  /** A lost connection: not an event of the server, though it has the name of one. */
  fail(readyState) {
    this.readyState = readyState;
    this.dispatchEvent(new Event("error"));
  }
}

/** Some tabs of one browser, with one lock and one channel between them. */
class FakeBrowser {
  tabs = [];
  opened = [];
  #queue = [];

  open({ isPoor = false } = {}) {
    const root = new FakeNode("html");
    const links = ["/index.css", "/_layout.css?kipo=1", "http://other.test/index.css"].map((href) => ({
      rel: "stylesheet",
      href: new URL(href, "http://kipo.test/").href,
    }));
    const tab = {
      reloads: 0,
      links,
      timers: [],
      overlay: () => root.text.trim(),
      document: {
        baseURI: "http://kipo.test/",
        documentElement: root,
        querySelectorAll: () => links,
        createElement: (name) => new FakeNode(name),
      },
      reload: () => (tab.reloads += 1),
      now: () => 7,
      setTimer: (run) => tab.timers.push(run),
      openEvents: (url) => {
        const events = new FakeEvents();
        this.opened.push({ tab, url, events });
        return events;
      },
    };
    if (!isPoor) {
      tab.channel = {
        postMessage: (data) => {
          for (const other of this.tabs) if (other !== tab) other.channel.onmessage({ data: structuredClone(data) });
        },
      };
      tab.locks = {
        request: async (name, run) => {
          assert.equal(name, "kipo:reload");
          this.#queue.push({ tab, run });
          if (this.#queue.length === 1) run();
        },
      };
      this.tabs.push(tab);
    }
    follow(URL_OF_EVENTS, tab);
    return tab;
  }

  /** Closes a tab; the next in the queue gets the lock. */
  close(tab) {
    this.tabs = this.tabs.filter((other) => other !== tab);
    const wasLeader = this.#queue[0]?.tab === tab;
    this.#queue = this.#queue.filter((waiting) => waiting.tab !== tab);
    if (wasLeader) this.#queue[0]?.run();
  }
}

test("many_tabs_share_one_connection_and_all_reload", async () => {
  for (const name of ["page", "script"]) {
    const browser = new FakeBrowser();
    const tabs = Array.from({ length: 24 }, () => browser.open());
    assert.equal(browser.opened.length, 1);
    assert.equal(browser.opened[0].url, URL_OF_EVENTS);
    browser.opened[0].events.send(name);
    assert.ok(tabs.every(({ reloads }) => reloads === 1));
  }
});

test("a_tab_takes_over_when_the_one_with_the_connection_closes", () => {
  const browser = new FakeBrowser();
  const [first, second] = [browser.open(), browser.open()];
  browser.opened[0].events.send("start", { id: "a" });
  browser.close(first);
  assert.deepEqual(browser.opened.map(({ tab }) => tab), [first, second]);
  browser.opened[1].events.send("start", { id: "a" });
  assert.equal(second.reloads, 0);
  browser.opened[1].events.send("page");
  assert.deepEqual([first.reloads, second.reloads], [0, 1]);
});

test("a_style_is_swapped_without_a_reload", () => {
  const browser = new FakeBrowser();
  const [leader, other] = [browser.open(), browser.open()];
  browser.opened[0].events.send("css", { path: "/index.css" });
  for (const tab of [leader, other]) {
    assert.deepEqual(tab.links.map(({ href }) => href), [
      "http://kipo.test/index.css?kipo=7",
      "http://kipo.test/_layout.css?kipo=1",
      "http://other.test/index.css",
    ]);
    assert.equal(tab.reloads, 0);
  }
});

test("a_style_event_without_a_path_swaps_all_styles_of_this_site", () => {
  const browser = new FakeBrowser();
  const tab = browser.open();
  browser.opened[0].events.send("css");
  assert.deepEqual(tab.links.map(({ href }) => href), [
    "http://kipo.test/index.css?kipo=7",
    "http://kipo.test/_layout.css?kipo=7",
    "http://other.test/index.css",
  ]);
});

test("an_error_is_shown_in_every_tab_until_the_next_good_event", () => {
  const browser = new FakeBrowser();
  const tabs = [browser.open(), browser.open()];
  const { events } = browser.opened[0];
  events.send("error", { file: "app/pages/index.html", line: 3, column: 9, message: "unknown variable <b>", excerpt: "{{ nme }}" });
  for (const tab of tabs) assert.match(tab.overlay(), /unknown variable <b>.*app\/pages\/index\.html:3:9.*\{\{ nme \}\}/);
  events.send("error", { file: "app/pages/index.html", line: 3, message: "another", excerpt: "" });
  for (const tab of tabs) {
    assert.match(tab.overlay(), /another.*index\.html:3 /);
    assert.doesNotMatch(tab.overlay(), /unknown/);
  }
  events.send("css", { path: "/index.css" });
  for (const tab of tabs) assert.equal(tab.overlay(), "");
});

test("a_tab_that_opens_later_sees_the_error_that_stands", () => {
  const browser = new FakeBrowser();
  browser.open();
  const { events } = browser.opened[0];
  events.send("start", { id: "a" });
  events.send("error", { message: "broken" });
  assert.match(browser.open().overlay(), /broken/);
  events.send("css");
  assert.equal(browser.open().overlay(), "");
});

test("a_restarted_server_reloads_every_tab", () => {
  const browser = new FakeBrowser();
  const tabs = [browser.open(), browser.open()];
  const { events } = browser.opened[0];
  events.send("start", { id: "a" });
  events.fail(0);
  events.send("start", { id: "a" });
  assert.deepEqual(tabs.map(({ reloads }) => reloads), [0, 0]);
  events.send("start", { id: "b" });
  assert.deepEqual(tabs.map(({ reloads }) => reloads), [1, 1]);
});

test("a_tab_that_takes_over_notices_that_the_server_is_another", () => {
  const browser = new FakeBrowser();
  const first = browser.open();
  browser.opened[0].events.send("start", { id: "a" });
  const second = browser.open();
  browser.close(first);
  browser.opened[1].events.send("start", { id: "b" });
  assert.equal(second.reloads, 1);
});

test("a_lost_connection_shows_no_error_and_one_that_gave_up_is_opened_again", () => {
  const browser = new FakeBrowser();
  const tab = browser.open();
  const { events } = browser.opened[0];
  events.fail(0);
  assert.equal(tab.timers.length, 0, "EventSource comes back by itself");
  events.fail(2);
  assert.equal(tab.overlay(), "");
  tab.timers[0]();
  assert.equal(browser.opened.length, 2);
});

test("without_locks_or_channel_each_tab_listens_for_itself", async () => {
  const browser = new FakeBrowser();
  const tabs = [browser.open({ isPoor: true }), browser.open({ isPoor: true })];
  assert.equal(browser.opened.length, 2);
  browser.opened[1].events.send("page");
  await settle();
  assert.deepEqual(tabs.map(({ reloads }) => reloads), [0, 1]);
});
