// @ts-check
// The list of rooms: it makes new ones, and shows those that others have made.

import { reloadPart, refs } from "kipo";
import { complain } from "../_chat/fields.js";
import { make } from "./_make.js";

const CHARACTERS_MAX = 40;

/** A list in front of the reader is reloaded after this time, in milliseconds: people come and go. */
const REFRESH_MS = 10_000;

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

/**
 * Shows the rooms that were made since, and how many people are in each. While the server cannot be reached, the list
 * stays as it is, without the numbers.
 */
function refresh() {
  reloadPart("rooms").catch(() => (refs.lobby.dataset.stale = ""));
}

refs.make_form.addEventListener("submit", (event) => {
  event.preventDefault();
  void submit();
});
refs.room_input.addEventListener("input", () => complain(refs.room_input, refs.make_error, ""));
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) refresh();
});
setInterval(() => {
  if (!document.hidden) refresh();
}, REFRESH_MS);
addEventListener("pageshow", (event) => {
  if (event.persisted) refresh();
});
