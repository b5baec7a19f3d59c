// The position of a stream: where to resume, and which messages it has already received.

/** `<generation>-<sequence>-<fingerprint>`: the id of a message in a topic. */
export const CURSOR = /^([0-9a-f]{16})-(\d+)-[0-9a-f]{8}$/;

/** The position of one stream. */
export class Position {
  /** The id to resume after; empty before the first. */
  id = "";
  /** After a gap the log may be a new one, so the next message cannot be compared with the last. */
  #isAfterGap = false;

  /**
   * Sets the position to `id`: at the start of a connection, or after a gap.
   *
   * When a connection begins with a gap, the id comes with the gap and not earlier. A client that loses the
   * connection before the gap resumes from its old id, and receives the gap again.
   *
   * @param {string | null} id
   * @param {boolean} [isGap]
   */
  moveTo(id, isGap = false) {
    this.#isAfterGap = isGap;
    this.id = id ?? this.id;
  }

  /**
   * Advances to a message, and returns whether it is new.
   *
   * @param {string | null} id messages without an id are always new
   */
  advance(id) {
    if (id === null) return true;
    if (!this.#isAfterGap && isSeen(id, this.id)) return false;
    this.#isAfterGap = false;
    this.id = id;
    return true;
  }
}

/**
 * Returns whether a reader at position `last` has received the message at `id`.
 *
 * @param {string} id
 * @param {string} last
 */
export function isSeen(id, last) {
  const [, generation, sequence] = CURSOR.exec(id) ?? [];
  const [, lastGeneration, lastSequence] = CURSOR.exec(last) ?? [];
  if (generation === undefined || generation !== lastGeneration) return id === last;
  return Number(sequence) <= Number(lastSequence);
}
