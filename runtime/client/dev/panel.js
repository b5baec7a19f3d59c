// Development only: observes the actions of this tab from the start, and opens the panel that shows them.
//
// The panel itself loads when it first opens. A script tag of its own loads this file after main.js and before the
// scripts of the page.

import { Client } from "../call/action.js";
import { Activity } from "./panel/activity.js";
import { observe } from "./panel/observe.js";
import { PanelStorage } from "./panel/storage.js";

/** The key as text; dev/panel.rs prints the same to the terminal. */
const KEY = "Alt+Shift+K";

/**
 * Returns whether this is the key of the panel, on any keyboard layout. If the key writes a Latin letter, the letter must
 * be K. If it writes none (Option+Shift+K on a Mac, or a Cyrillic layout), the physical key must be the K key.
 *
 * @param {Pick<KeyboardEvent, "altKey" | "shiftKey" | "ctrlKey" | "metaKey" | "key" | "code">} event
 */
export function isPanelKey({ altKey, shiftKey, ctrlKey, metaKey, key, code }) {
  if (!altKey || !shiftKey || ctrlKey || metaKey) return false;
  return /^[a-z]$/i.test(key) ? key.toLowerCase() === "k" : code === "KeyK";
}

/** Starts to observe, and waits for the key. */
function begin() {
  // main.js makes it a global.
  const { action } = /** @type {{ action?: unknown }} */ (globalThis);
  const activity = new Activity();
  const storage = new PanelStorage();
  observe(Client, activity);
  /** @type {Promise<import("./panel/view.js").View> | undefined} */
  let view;
  const load = () =>
    (view ??= import("./panel/view.js").then(
      ({ View }) => new View({ activity, storage, base: new URL("../", import.meta.url), action, key: KEY }),
      (error) => {
        view = undefined; // The server was down: the next attempt may succeed.
        throw error;
      },
    ));
  // In the capture phase: neither the page nor the panel can intercept this key.
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
  if (storage.state.isOpen) void load().then((panel) => panel.open(false));
}

if (globalThis.document) begin();
