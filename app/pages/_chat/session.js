// @ts-check
// What one tab stores for a reload: the name it joined with, and the ids of the messages it sent.

const NAME = "chat.name";
const SENT = "chat.sent";

/** More than the room retains, so that a reload knows all own messages in it. */
const SENT_MAX = 200;

export const session = {
  /** The name with which this tab has joined the room, or null. */
  get name() {
    return storage()?.getItem(NAME) ?? null;
  },

  set name(name) {
    if (name === null) storage()?.removeItem(NAME);
    else storage()?.setItem(NAME, name);
  },

  /** @returns {Set<string>} the ids of the messages that this tab sent */
  sent() {
    return new Set(storage()?.getItem(SENT)?.split(" "));
  },

  /** @param {Set<string>} ids */
  store(ids) {
    storage()?.setItem(SENT, [...ids].slice(-SENT_MAX).join(" "));
  },
};

/** Returns the storage of this tab. A browser that allows none throws when it is read. */
function storage() {
  try {
    return sessionStorage;
  } catch {
    return null;
  }
}
