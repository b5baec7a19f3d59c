// @ts-check
// The page of a room: the server has rendered its last messages, and the stream goes on after them.

import { action, refs } from "kipo";
import { Conversation } from "../_chat/conversation.js";
import { complain, onName, say } from "../_chat/fields.js";
import { session } from "../_chat/session.js";
import { make } from "./_make.js";
import { People } from "./_people.js";

// The page of a name that no room has offers to make the room.
if (document.querySelector("[p-ref='make_form']") === null) enter(refs.room_view.dataset.room ?? "");
else offer(refs.make_form.dataset.room ?? "");

/** @param {string} room */
function enter(room) {
  const people = new People();
  /** The name under which the reader is in the room, or null. @type {string | null} */
  let visitor = null;
  const conversation = new Conversation({
    room,
    listen: () => action.rooms.Listen({ room, username: visitor }),
    post: (username, message) => action.rooms.Send({ room, username, message }),
    onNameRefused(why) {
      askForName();
      complain(refs.username_input, refs.username_error, why);
      listenAs(null);
    },
    onPeople: (names) => people.show(names),
    onReconnect: () => people.settle(),
  });

  /** @param {string} name */
  function join(name) {
    session.name = name;
    conversation.name = name;
    refs.own_name.textContent = name;
    setJoined(true);
    listenAs(name);
  }

  /** @param {string | null} name */
  function listenAs(name) {
    visitor = name;
    if (name !== null) people.claim(name);
    conversation.listen();
  }

  function askForName() {
    session.name = null;
    refs.username_input.value = conversation.name;
    setJoined(false);
    refs.username_input.focus();
  }

  /** @param {boolean} isJoined */
  function setJoined(isJoined) {
    refs.who.hidden = !isJoined;
    refs.send_form.hidden = !isJoined;
    refs.join_form.hidden = isJoined;
  }

  onName((name) => {
    join(name);
    refs.message_input.focus();
  });
  refs.leave_btn.addEventListener("click", askForName);

  // A tab that has a name, from another room or before a reload, may write at once.
  if (session.name === null) listenAs(null);
  else join(session.name);
}

/** @param {string} room */
function offer(room) {
  refs.make_form.addEventListener("submit", async (event) => {
    event.preventDefault();
    say(refs.make_error, await make(room));
  });
}
