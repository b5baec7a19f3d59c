// @ts-check
// The page of the chat: a reader joins with a name, and then listens and writes.

import { action, refs } from "kipo";
import { Conversation } from "./_chat/conversation.js";
import { complain, onName } from "./_chat/fields.js";
import { session } from "./_chat/session.js";

const conversation = new Conversation({
  room: null,
  listen: () => action.chat.Listen({}),
  post: (username, message) => action.chat.Send({ username, message }),
  onNameRefused(why) {
    leave();
    complain(refs.username_input, refs.username_error, why);
  },
});

/** @param {string} name */
function join(name) {
  session.name = name;
  conversation.name = name;
  refs.own_name.textContent = name;
  refs.join_view.hidden = true;
  refs.room_view.hidden = false;
  refs.message_input.focus();
  conversation.listen();
}

/** Leaves the room and shows the form for the name. */
function leave() {
  session.name = null;
  conversation.leave();
  refs.room_view.hidden = true;
  refs.join_view.hidden = false;
  refs.username_input.focus();
}

onName(join);
refs.leave_btn.addEventListener("click", leave);

// After a reload the tab is still in the room.
if (session.name !== null) {
  refs.username_input.value = session.name;
  join(session.name);
}
