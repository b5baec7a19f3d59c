// @ts-check
// The dialog that edits a card, or deletes it.

import { action, refs } from "kipo";
import { onSubmit } from "../_forms.js";
import { idOf } from "./_cards.js";

/** @param {import("./_moving.js").Make} make */
export function offerEditing(make) {
  /** The card in the dialog. */
  let card = 0;

  refs.board.addEventListener("click", (event) => {
    const item = event.target instanceof Element ? event.target.closest("[data-do='edit']")?.closest(".card") : null;
    const id = idOf(item);
    if (!item || id === null) return;
    card = id;
    refs.card_title.value = item.querySelector(".card-title")?.textContent ?? "";
    refs.card_text.value = item.querySelector(".card-text")?.textContent ?? "";
    refs.editor_error.textContent = refs.card_title_error.textContent = "";
    refs.editor.showModal();
  });

  const fields = { title: { label: "The title", input: refs.card_title, error: refs.card_title_error } };
  onSubmit(refs.editor_form, async () => {
    await action.cards.Edit({ card, title: refs.card_title.value, text: refs.card_text.value }).call();
    refs.editor.close();
  }, { error: refs.editor_error, fields });

  refs.editor_cancel.addEventListener("click", () => refs.editor.close());
  refs.card_remove.addEventListener("click", () => {
    refs.editor.close();
    void make(action.cards.Remove({ card }));
  });
}
