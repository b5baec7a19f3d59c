// @ts-check
// The list of rooms: it makes new ones, and shows those that others have made.

import { reloadPart, refs } from "kipo";
import { complain } from "../_chat/fields.js";
import { make } from "./_make.js";

const CHARACTERS_MAX = 40;

let isBusy = false;

async function submit() {
  const field = refs.room_input;
  const name = field.value.normalize("NFC").trim();
  const length = [...name].length;
  const wrong = name === "" ? "Give the room a name first." : length > CHARACTERS_MAX ? `A name has at most ${CHARACTERS_MAX} characters; this one has ${length}.` : "";
  complain(field, refs.make_error, wrong);
  if (wrong !== "") {
    field.focus();
    return;
  }
  if (isBusy) return;
  isBusy = true;
  complain(field, refs.make_error, await make(name));
  isBusy = false;
}

/** Shows the rooms that were made since. The list stays as it is while the server cannot be reached. */
function refresh() {
  reloadPart("rooms").catch(() => {});
}

refs.make_form.addEventListener("submit", (event) => {
  event.preventDefault();
  void submit();
});
refs.room_input.addEventListener("input", () => complain(refs.room_input, refs.make_error, ""));
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) refresh();
});
addEventListener("pageshow", (event) => {
  if (event.persisted) refresh();
});
