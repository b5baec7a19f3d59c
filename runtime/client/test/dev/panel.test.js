import assert from "node:assert/strict";
import { test } from "node:test";

import { isPanelKey } from "../../dev/panel.js";
import { Memory } from "../../dev/panel/storage.js";

/** @param {object} event */
function check(event, expected) {
  assert.equal(isPanelKey({ altKey: true, shiftKey: true, ctrlKey: false, metaKey: false, ...event }), expected, JSON.stringify(event));
}

test("the_key_is_the_same_on_every_keyboard", () => {
  check({ key: "K", code: "KeyK" }, true);
  check({ key: "", code: "KeyK" }, true); // Option+Shift+K on a Mac
  check({ key: "Л", code: "KeyK" }, true); // a Russian keyboard
  check({ key: "K", code: "KeyV" }, true); // Dvorak
  check({ key: "T", code: "KeyK" }, false); // Dvorak: Alt+Shift+T is the browser's
  check({ key: "K", code: "KeyK", ctrlKey: true }, false);
  check({ key: "K", code: "KeyK", shiftKey: false }, false);
  check({ key: "j", code: "KeyJ" }, false);
});

/** As much of a storage as is asked for. */
function storage() {
  const items = new Map();
  return { items, getItem: (name) => items.get(name) ?? null, setItem: (name, value) => items.set(name, value) };
}

test("the_panel_is_closed_until_it_is_opened_and_remembers_how_it_looked", () => {
  const [local, session] = [storage(), storage()];
  const memory = new Memory(() => local, () => session);
  assert.equal(memory.state.isOpen, false);
  memory.change({ isOpen: true, tab: "pages" });
  memory.keepInput("chat.Send", { message: "hi" });
  memory.unfolded = ["chat.Send"];
  const later = new Memory(() => local, () => session);
  assert.deepEqual([later.state.isOpen, later.state.tab, later.state.dock], [true, "pages", "bottom"]);
  assert.deepEqual(later.input("chat.Send"), { message: "hi" });
  assert.equal(later.input("chat.Listen"), null);
  assert.deepEqual(later.unfolded, ["chat.Send"]);
});

test("a_browser_that_allows_no_storage_has_a_panel_all_the_same", () => {
  const denied = () => {
    throw new DOMException("denied", "SecurityError");
  };
  const memory = new Memory(denied, denied);
  memory.change({ isOpen: true });
  assert.equal(memory.state.isOpen, true);
  assert.deepEqual(memory.unfolded, []);
  assert.equal(new Memory(denied, denied).state.isOpen, false);
});
