import assert from "node:assert/strict";
import { test } from "node:test";

import { isPanelKey } from "../../dev/panel.js";
import { PanelStorage } from "../../dev/panel/storage.js";

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

/** The methods of a storage that the panel uses. */
function fakeStorage() {
  const items = new Map();
  return { items, getItem: (name) => items.get(name) ?? null, setItem: (name, value) => items.set(name, value) };
}

test("the_panel_is_closed_at_first_and_remembers_its_layout", () => {
  const [local, session] = [fakeStorage(), fakeStorage()];
  const storage = new PanelStorage(() => local, () => session);
  assert.equal(storage.state.isOpen, false);
  storage.change({ isOpen: true, tab: "pages" });
  storage.saveInput("chat.Send", { message: "hi" });
  storage.unfolded = ["chat.Send"];
  const later = new PanelStorage(() => local, () => session);
  assert.deepEqual([later.state.isOpen, later.state.tab, later.state.dock], [true, "pages", "bottom"]);
  assert.deepEqual(later.input("chat.Send"), { message: "hi" });
  assert.equal(later.input("chat.Listen"), null);
  assert.deepEqual(later.unfolded, ["chat.Send"]);
});

test("the_panel_works_without_storage", () => {
  const denied = () => {
    throw new DOMException("denied", "SecurityError");
  };
  const storage = new PanelStorage(denied, denied);
  storage.change({ isOpen: true });
  assert.equal(storage.state.isOpen, true);
  assert.deepEqual(storage.unfolded, []);
  assert.equal(new PanelStorage(denied, denied).state.isOpen, false);
});
