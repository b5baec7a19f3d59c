// @ts-check
// Messages that are not sent yet: they are sent one at a time, in the order in which they were written.

/**
 * @typedef {object} Hooks
 * @property {(text: string) => Promise<string>} post sends a message and returns its id
 * @property {(id: string) => void} onSent
 * @property {(texts: string[], error: unknown) => void} onFailed receives the texts that were not sent, the oldest first
 * @property {(busy: boolean) => void} onBusy
 */

export class Outbox {
  #hooks;
  /** @type {string[]} The first one is being sent. */
  #waiting = [];

  /** @param {Hooks} hooks */
  constructor(hooks) {
    this.#hooks = hooks;
  }

  /** The message that is being sent, if there is one. */
  get current() {
    return this.#waiting[0];
  }

  /**
   * Adds a message after those that wait. A failure returns all of them, because a later message must not be sent
   * before an earlier one.
   *
   * @param {string} text
   */
  put(text) {
    this.#waiting.push(text);
    if (this.#waiting.length === 1) void this.#run();
  }

  async #run() {
    this.#hooks.onBusy(true);
    for (let text = this.current; text !== undefined; text = this.current) {
      try {
        const id = await this.#hooks.post(text);
        this.#waiting.shift();
        this.#hooks.onSent(id);
      } catch (error) {
        this.#hooks.onFailed(this.#waiting.splice(0), error);
      }
    }
    this.#hooks.onBusy(false);
  }
}
