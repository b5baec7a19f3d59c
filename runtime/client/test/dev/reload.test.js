import assert from "node:assert/strict";
import { test } from "node:test";

import { follow } from "../../dev/reload.js";
import { settle } from "../../testing/fakes.js";

const URL_OF_EVENTS = new URL("http://kipo.test/_kipo/dev/reload");

class FakeEvents extends EventTarget {
  readyState = 1;
  /** An event of the server. */
  send(name, data = {}) {
    this.dispatchEvent(new MessageEvent(name, { data: JSON.stringify(data) }));
  }
  /** A lost connection: an `error` event that the server did not send. */
  fail(readyState) {
    this.readyState = readyState;
    this.dispatchEvent(new Event("error"));
  }
}

/** Tabs of one browser, which share one lock and one channel. */
class FakeBrowser {
  tabs = [];
  opened = [];
  #queue = [];

  open({ hasLocks = true, template, generation, edition = 1 } = {}) {
    const tab = {
      /** The changes of the page, in order. */
      done: [],
      covers: [],
      logged: [],
      timers: [],
      /** Fires all timers. */
      wait: () => tab.timers.splice(0).forEach((run) => run()),
      template: () => template,
      generation: () => generation,
      edition: () => edition,
      failure: () => undefined,
      load: () => tab.done.push("load"),
      update: async () => {
        tab.done.push("update");
        return tab.failing;
      },
      swapStyleSheets: (paths) => tab.done.push(`swap ${paths}`),
      refetch: (paths) => tab.done.push(`fetch ${paths}`),
      log: ({ message }) => tab.logged.push(message),
      cover: (errors, failures) => (tab.covers = [...failures, ...errors].map(({ message }) => message)),
      openWith: ({ editor }) => (tab.editor = editor),
      setTimer: (run) => tab.timers.push(run),
      openEvents: (url) => {
        const events = new FakeEvents();
        this.opened.push({ tab, url, events });
        return events;
      },
    };
    if (hasLocks) {
      tab.channel = {
        postMessage: (data) => {
          for (const other of this.tabs) if (other !== tab) other.channel.onmessage({ data: structuredClone(data) });
        },
      };
      tab.locks = {
        request: async (name, run) => {
          assert.equal(name, `kipo:reload ${URL_OF_EVENTS.pathname}`);
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

test("many_tabs_share_one_connection_and_all_follow", () => {
  for (const [name, data, done] of [
    ["page", { pages: null }, "update"],
    ["script", { pages: null }, "load"],
    ["css", { paths: ["pages/index.css"] }, "swap pages/index.css"],
    ["file", { paths: ["public/a.svg"] }, "fetch public/a.svg"],
  ]) {
    const browser = new FakeBrowser();
    const tabs = Array.from({ length: 24 }, () => browser.open());
    assert.equal(browser.opened.length, 1);
    assert.equal(browser.opened[0].url, URL_OF_EVENTS);
    browser.opened[0].events.send(name, data);
    for (const tab of tabs) assert.deepEqual(tab.done, [done]);
  }
});

test("a_page_with_another_template_does_not_change", () => {
  const browser = new FakeBrowser();
  const [index, about, unknown] = [browser.open({ template: "index.html" }), browser.open({ template: "about.html" }), browser.open()];
  const { events } = browser.opened[0];
  events.send("page", { pages: ["index.html", "other.html"] });
  events.send("script", { pages: ["about.html"] });
  assert.deepEqual([index.done, about.done, unknown.done], [["update"], ["load"], ["update", "load"]]);
});

test("when_the_leader_closes_the_next_tab_opens_a_connection", () => {
  const browser = new FakeBrowser();
  const [first, second] = [browser.open(), browser.open()];
  browser.opened[0].events.send("start", { id: "a" });
  browser.close(first);
  assert.deepEqual(browser.opened.map(({ tab }) => tab), [first, second]);
  browser.opened[1].events.send("start", { id: "a" });
  browser.opened[1].events.send("script", { pages: null });
  assert.deepEqual([first.done, second.done.at(-1)], [[], "load"]);
});

test("errors_cover_every_tab_until_they_are_fixed", () => {
  const browser = new FakeBrowser();
  const tabs = [browser.open(), browser.open()];
  const { events } = browser.opened[0];
  events.send("start", { id: "a", editor: "vscode://file{file}" });
  events.send("errors", { errors: [{ message: "first" }, { message: "second" }] });
  events.send("css", { paths: [] });
  for (const tab of tabs) assert.deepEqual(tab.covers, ["first", "second"]);
  for (const tab of tabs) assert.equal(tab.editor, "vscode://file{file}");
  events.send("errors", { errors: [{ message: "second" }] });
  for (const tab of tabs) assert.deepEqual(tab.covers, ["second"]);
  events.send("errors", { errors: [] });
  for (const tab of tabs) assert.deepEqual(tab.covers, []);
});

test("a_failure_shows_until_the_next_edit", () => {
  const browser = new FakeBrowser();
  const tab = browser.open();
  const { events } = browser.opened[0];
  events.send("errors", { errors: [{ message: "stands" }] });
  events.send("failure", { message: "panicked" });
  assert.deepEqual(tab.covers, ["panicked", "stands"]);
  events.send("failure", { message: "panicked again" });
  assert.deepEqual(tab.covers, ["panicked again", "stands"]);
  assert.deepEqual(tab.logged, ["panicked", "panicked again"]);
  events.send("page", { pages: null });
  assert.deepEqual(tab.covers, ["stands"]);
});

test("a_tab_that_opens_later_shows_the_current_errors", () => {
  const browser = new FakeBrowser();
  browser.open();
  const { events } = browser.opened[0];
  events.send("start", { id: "a" });
  events.send("errors", { errors: [{ message: "broken" }] });
  assert.deepEqual(browser.open().covers, ["broken"]);
  events.send("errors", { errors: [] });
  assert.deepEqual(browser.open().covers, []);
});

test("a_tab_that_opens_later_does_not_uncover_the_others", () => {
  const browser = new FakeBrowser();
  const first = browser.open();
  const { events } = browser.opened[0];
  events.send("start", { id: "a" });
  events.send("errors", { errors: [{ message: "broken" }] });
  events.send("failure", { message: "panicked" });
  const second = browser.open();
  second.covers = first.covers = undefined;
  browser.open();
  assert.deepEqual([first.covers, second.covers], [undefined, ["broken"]]);
  first.wait();
  assert.deepEqual([first.covers, second.covers], [undefined, ["broken"]]);
});

test("the_failure_of_a_page_shows_unless_the_server_has_reported_it", async () => {
  const browser = new FakeBrowser();
  const tab = browser.open();
  tab.failing = { message: "the server responds with 500" };
  const { events } = browser.opened[0];
  events.send("page", { pages: null });
  await settle();
  assert.deepEqual(tab.covers, ["the server responds with 500"]);
  events.send("page", { pages: null });
  events.send("failure", { message: "panicked" });
  await settle();
  assert.deepEqual(tab.covers, ["panicked"]);
});

test("an_error_page_updates_after_any_edit", () => {
  const browser = new FakeBrowser();
  const [missing, folder, other] = ["404.html", "blog/500.html", "about404.html"].map((template) => browser.open({ template }));
  browser.opened[0].events.send("page", { pages: ["index.html"] });
  assert.deepEqual([missing.done, folder.done, other.done], [["update"], ["update"], []]);
});

test("a_reconnect_fetches_edits_that_no_tab_received", () => {
  const browser = new FakeBrowser();
  const tabs = [browser.open(), browser.open()];
  const { events } = browser.opened[0];
  events.send("start", { id: "a", edition: 1 });
  events.fail(0);
  events.send("start", { id: "a", edition: 1 });
  for (const tab of tabs) assert.deepEqual(tab.done, [], "there was no edit");
  events.fail(0);
  events.send("start", { id: "a", edition: 2 });
  for (const tab of tabs) assert.deepEqual(tab.done.splice(0), ["swap null", "update"]);
  browser.close(tabs[0]);
  browser.opened[1].events.send("start", { id: "a", edition: 3 });
  assert.deepEqual(tabs[1].done, ["swap null", "update"]);
});

test("a_page_from_before_an_edit_updates_once_its_tab_follows", () => {
  const browser = new FakeBrowser();
  const page = (edition) => browser.open({ generation: "a", edition });
  const [old, fresh] = [page(1), page(2)];
  browser.opened[0].events.send("start", { id: "a", edition: 2 });
  assert.deepEqual([old.done.splice(0), fresh.done], [["swap null", "update"], []]);
  browser.opened[0].events.send("css", { paths: [], edition: 3 });
  assert.deepEqual([page(2), page(3)].map(({ done }) => done), [["swap null", "update"], []]);
});

test("a_page_without_an_edition_stays", () => {
  const browser = new FakeBrowser();
  const tab = browser.open({ edition: NaN });
  browser.opened[0].events.send("start", { id: "a", edition: 2 });
  assert.deepEqual(tab.done, []);
});

test("errors_fixed_during_a_lost_connection_go", () => {
  const browser = new FakeBrowser();
  const tab = browser.open();
  const { events } = browser.opened[0];
  events.send("start", { id: "a" });
  events.send("errors", { errors: [{ message: "broken" }] });
  events.fail(0);
  events.send("start", { id: "a" });
  assert.deepEqual(tab.covers, ["broken"], "it may not be fixed");
  tab.wait();
  assert.deepEqual(tab.covers, []);
  assert.deepEqual(browser.open().covers, []);
});

test("errors_that_are_reported_again_after_a_lost_connection_stay", () => {
  const browser = new FakeBrowser();
  const tab = browser.open();
  const { events } = browser.opened[0];
  for (let round = 0; round < 2; round += 1) {
    events.send("start", { id: "a" });
    events.send("errors", { errors: [{ message: "broken" }] });
  }
  tab.wait();
  assert.deepEqual(tab.covers, ["broken"]);
});

test("a_restarted_server_reloads_every_tab", () => {
  const browser = new FakeBrowser();
  const tabs = [browser.open(), browser.open()];
  const { events } = browser.opened[0];
  events.send("start", { id: "a" });
  events.fail(0);
  events.send("start", { id: "b" });
  for (const tab of tabs) assert.deepEqual(tab.done, ["load"]);
});

test("a_page_of_an_earlier_generation_reloads", () => {
  const browser = new FakeBrowser();
  const [old, fresh] = [browser.open({ generation: "a" }), browser.open({ generation: "b" })];
  browser.opened[0].events.send("start", { id: "b" });
  assert.deepEqual([old.done, fresh.done], [["load"], []]);
});

test("a_new_leader_notices_a_restarted_server", () => {
  const browser = new FakeBrowser();
  const first = browser.open();
  browser.opened[0].events.send("start", { id: "a" });
  const second = browser.open();
  browser.close(first);
  browser.opened[1].events.send("start", { id: "b" });
  assert.deepEqual(second.done, ["load"]);
});

test("a_lost_connection_shows_nothing_and_a_closed_one_is_opened_again", () => {
  const browser = new FakeBrowser();
  const tab = browser.open();
  const { events } = browser.opened[0];
  events.fail(0);
  assert.equal(tab.timers.length, 0, "EventSource reconnects by itself");
  events.fail(2);
  assert.deepEqual(tab.covers, []);
  tab.timers[0]();
  assert.equal(browser.opened.length, 2);
});

test("without_locks_or_channel_each_tab_has_its_own_connection", async () => {
  const browser = new FakeBrowser();
  const tabs = [browser.open({ hasLocks: false }), browser.open({ hasLocks: false })];
  assert.equal(browser.opened.length, 2);
  browser.opened[1].events.send("page", { pages: null });
  await settle();
  assert.deepEqual(tabs.map(({ done }) => done), [[], ["update"]]);
});
