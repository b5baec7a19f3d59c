// @ts-check
// What one tab remembers of itself across a reload: the name it joined with, and which messages it sent.

const NAME = "chat.name";
const SENT = "chat.sent";

/** More than the room keeps, so that a reload can tell all of them. */
const SENT_MAX = 200;

export const session = {
  /** The name this tab is in the room with; null if it is not. */
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
  keep(ids) {
    storage()?.setItem(SENT, [...ids].slice(-SENT_MAX).join(" "));
  },
};

/** A browser that keeps nothing for this site throws already when asked where. */
function storage() {
  try {
    return sessionStorage;
  } catch {
    return null;
  }
}
