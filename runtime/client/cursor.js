// Where a stream stands: what to resume after, and which messages were seen already.

/** `<generation>-<sequence>-<fingerprint>`, as topics number their messages. */
const CURSOR = /^([0-9a-f]{16})-(\d+)-[0-9a-f]{8}$/;

export class Place {
  /** The id to resume after; empty before the first. */
  id = "";
  /** The next message cannot be compared with what came before: the log may have begun anew. */
  #isLoose = false;

  /**
   * The stream goes on after `id`: from its start, or after a gap, where the log may be another one.
   *
   * A stream that begins with a gap gives its id with the gap and not before: a client that is cut off in
   * between asks with the old id again, and hears of what it missed.
   *
   * @param {string | null} id
   * @param {boolean} [isGap]
   */
  goOn(id, isGap = false) {
    this.#isLoose = isGap;
    this.id = id ?? this.id;
  }

  /**
   * Moves on to a message, unless it was seen before.
   *
   * @param {string | null} id messages without one are always new
   */
  accept(id) {
    if (id === null) return true;
    if (!this.#isLoose && isSeen(id, this.id)) return false;
    this.#isLoose = false;
    this.id = id;
    return true;
  }
}

/**
 * Whether an id names a place in a topic.
 *
 * @param {string} id
 */
export function isCursor(id) {
  return CURSOR.test(id);
}

/**
 * Whether whoever has got to `last` has seen what ends at `id`.
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
