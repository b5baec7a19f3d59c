// @ts-check
// The page of a board: the server has rendered it with its forms, and the stream brings the changes after that.

import { ActionError, action, refs, reloadPart } from "kipo";
import { isSigningOut, watchSignOut } from "../_account.js";
import { inWords, say } from "../_words.js";
import { offerFiles } from "./_attachments.js";
import { place, remove, titleOf } from "./_cards.js";
import { closeEditor, closeEditorOfNone, offerEditing, openCard } from "./_editor.js";
import { offerMoving } from "./_moving.js";
import { HEADINGS } from "./_columns.js";

/** A change of a card. @typedef {import("kipo").boards.Change} Change */

/** A part of the page. @typedef {import("kipo").PartName} Part */

/** The pause before the first attempt to connect again, in milliseconds. */
const RECONNECT_MS = 500;

/** The parts of the page that the server renders. @type {Part[]} */
const PARTS = ["board", "removed", "members", "card"];

const board = Number(refs.board.dataset.board);
const own = refs.own_name.textContent;

/** How many requests for the whole board have no answer yet. */
let loading = 0;
let isLive = false;

/** Loads parts of the page again. @param {Part[]} names */
async function reloadParts(...names) {
  try {
    await Promise.all(names.map((name) => reloadPart(name)));
    closeEditorOfNone();
  } catch (error) {
    // The address of the page has changed in the meantime: a card was opened or closed.
    if (error instanceof DOMException && error.name === "AbortError") return reloadParts(...names);
    say(refs.board_error, inWords(error));
  }
}

/** Loads the whole board: the page may have missed a change. */
async function reload() {
  loading += 1;
  await reloadParts(...PARTS);
  loading -= 1;
}

/**
 * Returns whether a change is the next one after those on the page. If changes in between are missing, the board is loaded again.
 *
 * @param {number} revision
 */
function isNext(revision) {
  const shown = Number(refs.board.dataset.revision);
  if (revision <= shown) return false;
  if (revision > shown + 1 || loading > 0) {
    void reload();
    return false;
  }
  refs.board.dataset.revision = String(revision);
  return true;
}

/**
 * Announces a change to screen readers.
 *
 * @param {string} by
 * @param {string} what
 */
function announce(by, what) {
  refs.news.textContent = `${by === own ? "You" : by} ${what}.`;
}

/**
 * Describes a change of a card.
 *
 * @param {Change} change
 * @param {import("kipo").Card} card
 */
function describe(change, { title, column }) {
  switch (change) {
    case "added": return `added “${title}” in ${HEADINGS[column]}`;
    case "moved": return `moved “${title}” to ${HEADINGS[column]}`;
    case "files": return `changed the files of “${title}”`;
    default: return `${change} “${title}”`;
  }
}

/** @param {string[]} names */
function showHere(names) {
  refs.here.replaceChildren(...names.map((name) => {
    const item = document.createElement("li");
    item.className = "face";
    item.textContent = name === own ? "you" : name;
    return item;
  }));
}

/** @param {string} state */
function showState(state) {
  isLive = state === "open";
  refs.state.dataset.state = state;
  say(refs.state, isLive ? "live" : state === "closed" ? "closed" : "connecting");
}

/**
 * Shows why the stream has ended.
 *
 * @param {unknown} error
 */
function showEnd(error) {
  if (error instanceof ActionError && error.status === 401) {
    // The server sends a stranger to the page for signing in, and back here afterwards.
    if (!isSigningOut()) location.reload();
    return;
  }
  say(refs.board_error, inWords(error));
}

action.boards.Listen({ board })
  .withRetryStream({ maxReconnects: Infinity, baseDelay: RECONNECT_MS, backoff: "exponential", onGap: () => void reload() })
  .withOnState(showState)
  .withOnProgress((data, event) => {
    if (event === "here") {
      showHere(data.names);
    } else if (isNext(data.revision)) {
      if (event === "card") {
        place(data.card, data.before);
        announce(data.by, describe(data.change, data.card));
        if (openCard() === data.card.card) void reloadParts("card");
        if (data.change === "restored") void reloadParts("removed");
      } else if (event === "removed") {
        announce(data.by, `deleted “${titleOf(data.card)}”`);
        if (openCard() === data.card) closeEditor();
        remove(data.card);
        void reloadParts("removed");
      } else {
        void reloadParts("members");
      }
    }
  })
  .call()
  .then(() => say(refs.board_error, "This board was deleted."), showEnd);

// The forms call their actions by themselves. The stream brings a change back to this page as to all others; while there is no
// stream, the board is loaded again.
document.addEventListener("kipo:success", () => {
  say(refs.board_error, "");
  if (!isLive) void reload();
});
// A form without an element for errors has them above the board.
document.addEventListener("kipo:error", (event) => {
  if (!(event.target instanceof Element) || event.target.querySelector("[p-error]") !== null) return;
  event.preventDefault();
  say(refs.board_error, inWords(event.detail));
});

watchSignOut();
offerEditing();
offerFiles();
offerMoving(async (move) => {
  say(refs.board_error, "");
  try {
    await move.call();
    if (!isLive) await reload();
  } catch (error) {
    say(refs.board_error, inWords(error));
  }
});
