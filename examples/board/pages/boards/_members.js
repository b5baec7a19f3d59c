// @ts-check
// The members of a board: the owner invites and takes off, and a member leaves.

import { action, refs } from "kipo";
import { inWords, onSubmit, say } from "../_forms.js";

/** @param {number} board */
export function offerMembers(board) {
  /** @param {{ call(): Promise<unknown> }} change */
  const make = (change) => {
    change.call().catch((error) => say(refs.board_error, inWords(error)));
  };

  refs.members_view.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("[data-remove]") : null;
    if (button instanceof HTMLElement) make(action.boards.members.Remove({ board, name: button.dataset.remove ?? "" }));
  });

  // An owner may invite and delete; any other member may leave.
  if (document.querySelector("[p-ref='leave_board']") !== null) {
    refs.leave_board.addEventListener("click", () => {
      make(action.boards.members.Remove({ board, name: refs.own_name.textContent }));
    });
    return;
  }
  onSubmit(refs.invite_form, async () => {
    await action.boards.members.Invite({ board, name: refs.invite_input.value }).call();
    refs.invite_input.value = "";
  }, {
    error: refs.invite_error,
    fields: { name: { label: "The name", input: refs.invite_input, error: refs.invite_error } },
  });
  refs.remove_board.addEventListener("click", () => {
    if (confirm("Delete this board with all its cards?")) make(action.boards.Remove({ board }));
  });
}
