// Where a stream stands: what to resume after, and which messages were seen already.

/** `<generation>-<sequence>-<fingerprint>`, as topics number their messages. */
const CURSOR = /^([0-9a-f]{16})-(\d+)-[0-9a-f]{8}$/;

export class Place {
  /** The id to resume after; empty before the first. */
  id = "";
  /** The id that counts once the gap before it has been told. @type {string | null} */
  #afterGap = null;
  /** The next message cannot be compared with what came before: the log may have begun anew. */
  #isLoose = false;

  /**
   * A connection is ready, and goes on after `id`.
   *
   * If there is a gap, the old id stands until the gap was told: a client that is cut off in between
   * must ask with the old id again, or it would never hear of what it missed.
   *
   * @param {string | null} id
   * @param {unknown} resume
   */
  ready(id, resume) {
    this.#isLoose = resume === "gap";
    this.#afterGap = this.#isLoose ? id : null;
    if (!this.#isLoose) this.id = id ?? this.id;
  }

  /** The gap was told. */
  gap() {
    this.#isLoose = true;
    this.id = this.#afterGap ?? this.id;
    this.#afterGap = null;
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
    this.#afterGap = null;
    this.id = id;
    return true;
  }
}

/**
 * @param {string} id
 * @param {string} last
 */
function isSeen(id, last) {
  const [, generation, sequence] = CURSOR.exec(id) ?? [];
  const [, lastGeneration, lastSequence] = CURSOR.exec(last) ?? [];
  if (generation === undefined || generation !== lastGeneration) return id === last;
  return Number(sequence) <= Number(lastSequence);
}
