// The floors of the client: which file may import which.

import { posix } from "node:path";

/**
 * The rooms from the ground up. A file imports files of lower floors, and files that stand before it in its own room.
 * Two rooms on one floor know nothing of each other: main.js joins them.
 */
export const ROOMS = [
  { floor: 0, files: ["types.d.ts", "error.js", "internal.d.ts", "platform.js"] },
  { floor: 1, files: ["upload/remembered.js", "upload/transfer.js", "upload/resumable.js"] },
  { floor: 1, files: ["stream/cursor.js", "stream/sse.js", "stream/connection.js", "stream/stream.js", "stream/share.js"] },
  {
    floor: 2,
    files: ["call/loading.js", "call/query.js", "call/form_data.js", "call/upload.js", "call/request.js", "call/call.js", "call/action.js", "call/batch.js"],
  },
  { floor: 2, files: ["effect/elements.js", "effect/toast.js", "effect/effects.js"] },
  {
    floor: 2,
    files: [
      ...["page/document.js", "page/selector.js", "page/user_state.js", "page/history.js", "page/traversal.js"],
      ...["page/match_nodes.js", "page/morph.js", "page/reload_part.js", "page/scripts.js", "page/navigate.js"],
    ],
  },
  { floor: 3, files: ["form/fields.js", "form/errors.js", "form/attributes.js", "form/forms.js"] },
  {
    floor: 3,
    files: [
      ...["dev/panel/types.d.ts", "dev/panel/style.js", "dev/panel/schema.js", "dev/panel/dom.js", "dev/panel/storage.js"],
      ...["dev/panel/activity.js", "dev/panel/observe.js", "dev/panel/form.js", "dev/panel/runner.js", "dev/panel/resize.js"],
      ...["dev/panel/tabs/actions.js", "dev/panel/tabs/activity.js", "dev/panel/tabs/build.js", "dev/panel/tabs/client.js"],
      ...["dev/panel/tabs/forms.js", "dev/panel/tabs/pages.js", "dev/panel/tabs/topics.js", "dev/panel/view.js", "dev/panel.js", "dev/ansi.js", "dev/overlay.js"],
      ...["dev/saved_state.js", "dev/swap_assets.js", "dev/update_page.js", "dev/reload.js"],
    ],
  },
  { floor: 4, files: ["main.js"] },
];

/**
 * Returns the imports that break the floors, and the files that stand in no room. Every circle has an import that
 * breaks them. Types count as well: what a comment imports is a dependency for its reader.
 *
 * @param {typeof ROOMS} rooms
 * @param {Map<string, string>} texts by file
 */
export function violations(rooms, texts) {
  const rank = (name) => {
    const room = rooms.find(({ files }) => files.includes(name));
    return room && { room, floor: room.floor, index: room.files.indexOf(name) };
  };
  const missing = rooms.flatMap(({ files }) => files).filter((name) => !texts.has(name));
  const found = missing.map((name) => `${name} has a room and does not exist`);
  for (const [name, text] of texts) {
    const from = rank(name);
    if (!from) found.push(`${name} has no room`);
    for (const imported of importsOf(name, text)) {
      const to = rank(imported);
      const isBelow = from && to && (from.room === to.room ? to.index < from.index : to.floor < from.floor);
      if (!isBelow) found.push(`${name} imports ${imported}`);
    }
  }
  return found;
}

/**
 * Returns the files that a module imports, at once or later, and those whose types its comments import.
 *
 * @param {string} name
 * @param {string} text
 */
export function importsOf(name, text) {
  const paths = [...text.matchAll(/\b(?:from|import)\b\s*\(?\s*["'`](\.[^"'`]*)["'`]/g)].map(([, path]) => path);
  return paths.map((path) => posix.join(posix.dirname(name), path));
}
