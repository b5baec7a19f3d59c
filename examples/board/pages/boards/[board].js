// @ts-check
// The page of a board: the server has rendered it, and the stream brings the changes after that.

import { ActionError, action, refs, reloadPart } from "kipo";
import { isSigningOut, offerSignOut } from "../_account.js";
import { inWords, say } from "../_forms.js";
import { place, remove, titleOf } from "./_cards.js";
import { offerEditing } from "./_editor.js";
import { offerMembers } from "./_members.js";
import { offerMoving } from "./_moving.js";
import { HEADINGS, inColumn } from "./_columns.js";

/** The pause before the first attempt to connect again, in milliseconds. */
const RECONNECT_MS = 500;

const board = Number(refs.board.dataset.board);
const own = refs.own_name.textContent;

/** How many requests for the whole board have no answer yet. */
let loading = 0;
let isLive = false;

/** Loads the whole board: the page may have missed a change. */
async function reload() {
  loading += 1;
  try {
    await Promise.all([reloadPart("board"), reloadPart("members")]);
  } catch (error) {
    say(refs.board_error, inWords(error));
  } finally {
    loading -= 1;
  }
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

/**
 * Makes a change. The stream brings it back to this page as to all others; while there is no stream, the board is loaded again.
 *
 * @param {{ call(): Promise<unknown> }} change
 */
async function make(change) {
  say(refs.board_error, "");
  try {
    await change.call();
    if (!isLive) await reload();
  } catch (error) {
    say(refs.board_error, inWords(error));
  }
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
        const where = data.change === "edited" ? "" : ` ${data.change === "added" ? "in" : "to"} ${HEADINGS[data.card.column]}`;
        announce(data.by, `${data.change} “${data.card.title}”${where}`);
      } else if (event === "removed") {
        announce(data.by, `deleted “${titleOf(data.card)}”`);
        remove(data.card);
      } else {
        void reloadPart("members").catch((error) => say(refs.board_error, inWords(error)));
      }
    }
  })
  .call()
  .then(() => say(refs.board_error, "This board was deleted."), showEnd);

offerSignOut();
offerEditing(make);
offerMoving(make);
offerMembers(board);

// One listener for all columns, because the server may replace them.
refs.board.addEventListener("submit", (event) => {
  event.preventDefault();
  const form = /** @type {HTMLFormElement} */ (event.target);
  const field = /** @type {HTMLInputElement} */ (form.elements.namedItem("title"));
  const title = field.value.trim();
  if (title === "") return;
  field.value = "";
  void make(action.cards.Add({ board, column: inColumn(form), title }));
});
