// @ts-check
// What one tab stores for a reload: the name of its reader, and the ids of the messages it sent.

const NAME = "chat.name";
const SENT = "chat.sent";

/** More than a room retains, so that a reload knows all own messages in it. */
const SENT_MAX = 200;

export const session = {
  /** The name with which this tab has joined, in the chat or in a room, or null. */
  get name() {
    return storage()?.getItem(NAME) ?? null;
  },

  set name(name) {
    if (name === null) storage()?.removeItem(NAME);
    else storage()?.setItem(NAME, name);
  },

  /**
   * @param {string | null} room null is the chat
   * @returns {Set<string>} the ids of the messages that this tab sent there
   */
  sent(room) {
    return new Set(storage()?.getItem(key(room))?.split(" "));
  },

  /**
   * @param {string | null} room null is the chat
   * @param {Set<string>} ids
   */
  store(room, ids) {
    storage()?.setItem(key(room), [...ids].slice(-SENT_MAX).join(" "));
  },
};

/** @param {string | null} room */
function key(room) {
  return room === null ? SENT : `${SENT}/${room}`;
}

/** Returns the storage of this tab. A browser that allows none throws when it is read. */
function storage() {
  try {
    return sessionStorage;
  } catch {
    return null;
  }
}
