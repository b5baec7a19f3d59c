// @ts-check
// The dialog with the card that is open. The address names the card, so the server renders its forms as it does without JavaScript,
// and loading the page again shows it again.

import { ActionError, refs, reloadPart } from "kipo";
import { inWords, say } from "../_words.js";

/** Returns the id of the card that is open, or null. */
export function openCard() {
  const card = new URLSearchParams(location.search).get("card");
  return refs.editor.open && card !== null ? Number(card) : null;
}

export function closeEditor() {
  forget();
  refs.editor.close();
}

/** Returns whether the server has sent no card: it is not on the board any more. */
function isEmpty() {
  return refs.card_view.childElementCount === 0;
}

/** Closes the dialog if its card is not on the board any more. */
export function closeEditorOfNone() {
  if (refs.editor.open && isEmpty()) closeEditor();
}

/** Lets the address name no card. */
function forget() {
  history.replaceState(history.state, "", location.pathname);
}

export function offerEditing() {
  // The server has rendered it for a page without a script.
  if (refs.editor.open) {
    refs.editor.removeAttribute("open");
    refs.editor.showModal();
  }

  refs.board.addEventListener("click", (event) => {
    const { button, metaKey, ctrlKey, shiftKey, altKey } = event;
    const link = event.target instanceof Element ? event.target.closest(".card-open") : null;
    if (!(link instanceof HTMLAnchorElement) || button !== 0 || metaKey || ctrlKey || shiftKey || altKey) return;
    event.preventDefault();
    void open(link.href);
  });

  refs.editor.addEventListener("close", () => {
    // What was typed for this card is not for the next one.
    refs.card_view.replaceChildren();
    forget();
  });
  refs.editor.addEventListener("click", (event) => {
    if (!(event.target instanceof Element) || event.target.closest("[p-ref='editor_close']") === null) return;
    event.preventDefault();
    closeEditor();
  });
  refs.editor.addEventListener("kipo:success", (event) => {
    if (event.target === refs.editor_form) closeEditor();
  });
}

/**
 * Opens the card that an address names.
 *
 * @param {string} address
 */
async function open(address) {
  history.replaceState(history.state, "", address);
  say(refs.board_error, "");
  try {
    await reloadPart("card");
    if (isEmpty()) throw new ActionError({ status: 404, code: "not_found", detail: "this card is not on the board any more" });
    refs.editor.showModal();
  } catch (error) {
    // Another card was opened in the meantime.
    if (location.href !== address) return;
    forget();
    say(refs.board_error, inWords(error));
  }
}
