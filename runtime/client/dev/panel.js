// Development only: sees what the actions of this tab do from the start, and opens the panel that shows it.
//
// The panel itself is loaded when it is opened first. A script tag of its own puts this file after main.js and
// before the scripts of the page.

import { Client } from "../call/action.js";
import { Activity } from "./panel/activity.js";
import { Memory } from "./panel/storage.js";
import { observe } from "./panel/observe.js";

/** The key in words; dev/panel.rs says the same in the terminal. */
const KEY = "Alt+Shift+K";

/**
 * Whether this is the key of the panel, on any keyboard: where the key marked K writes another letter, it is the
 * letter that counts, and where it writes none that could be meant (Option+Shift+K on a Mac, or Cyrillic), its place.
 *
 * @param {Pick<KeyboardEvent, "altKey" | "shiftKey" | "ctrlKey" | "metaKey" | "key" | "code">} event
 */
export function isPanelKey({ altKey, shiftKey, ctrlKey, metaKey, key, code }) {
  if (!altKey || !shiftKey || ctrlKey || metaKey) return false;
  return /^[a-z]$/i.test(key) ? key.toLowerCase() === "k" : code === "KeyK";
}

/** Begins to observe, and waits for the key. */
function begin() {
  // main.js makes it a global, for pages as for this.
  const { action } = /** @type {{ action?: unknown }} */ (globalThis);
  const activity = new Activity();
  const memory = new Memory();
  observe(Client, activity);
  /** @type {Promise<import("./panel/view.js").View> | undefined} */
  let view;
  const load = () =>
    (view ??= import("./panel/view.js").then(
      ({ View }) => new View({ activity, memory, base: new URL("../", import.meta.url), action, key: KEY }),
      (error) => {
        view = undefined; // The server was away: the next try may find it.
        throw error;
      },
    ));
  // First of all: neither the page nor the panel has a say in this key.
  addEventListener(
    "keydown",
    async (event) => {
      if (!isPanelKey(event)) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      if (event.repeat) return;
      const panel = await load();
      if (panel.isOpen) panel.close();
      else panel.open(true);
    },
    { capture: true },
  );
  if (memory.state.isOpen) void load().then((panel) => panel.open(false));
}

if (globalThis.document) begin();
