// @ts-check
// Messages on their way: one at a time, in the order they were written.

/**
 * @typedef {object} Hooks
 * @property {(text: string) => Promise<string>} post sends, and answers the id that the message got
 * @property {(id: string) => void} onSent
 * @property {(texts: string[], error: unknown) => void} onFailed takes back what was not sent, the oldest first
 * @property {(busy: boolean) => void} onBusy
 */

export class Outbox {
  #hooks;
  /** @type {string[]} The first one is on the wire. */
  #waiting = [];

  /** @param {Hooks} hooks */
  constructor(hooks) {
    this.#hooks = hooks;
  }

  /** What is on the wire, if anything. */
  get current() {
    return this.#waiting[0];
  }

  /**
   * Sends after those that wait already. A failure gives all of them back: what was written second
   * must not be said first.
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
