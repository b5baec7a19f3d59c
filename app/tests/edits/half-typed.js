// A tab in the room with a half-typed message.

import assert from "node:assert/strict";
import { holds, part, state } from "../stage.js";

/** A tab and its state, which has to be the same after an edit. */
export class HalfTyped {
  static async open(stage, server) {
    const tab = new HalfTyped();
    tab.server = server;
    tab.page = await stage.chat(server.url, "Ada");
    tab.listens = 0;
    tab.page.on("request", (request) => (tab.listens += request.url().includes("chat.Listen") ? 1 : 0));
    tab.said = [];
    return tab;
  }

  /** Types another half of a message, and sends a message as another person. */
  async begin(round) {
    this.text = `half a message ${round}`;
    await this.page.fill(part("message_input"), this.text);
    await this.page.locator(part("message_input")).evaluate((field) => field.setSelectionRange(4, 6));
    this.said.push(`before ${round}`);
    await this.server.say("Grace", `before ${round}`);
    await holds(this.page, this.said);
  }

  async check(round) {
    await this.page.waitForFunction(
      ([selector, text]) => {
        const field = document.querySelector(selector);
        return field?.value === text && document.activeElement === field && field.selectionStart === 4 && field.selectionEnd === 6;
      },
      [part("message_input"), this.text],
    ).catch(async () => {
      const seen = await this.page.evaluate((selector) => {
        const field = document.querySelector(selector);
        return [field?.value, document.activeElement?.outerHTML.slice(0, 80), field?.selectionStart, field?.selectionEnd];
      }, part("message_input"));
      assert.fail(`round ${round}: ${seen}`);
    });
    await state(this.page, "connected");
    this.said.push(`after ${round}`);
    await this.server.say("Grace", `after ${round}`);
    await holds(this.page, this.said);
  }
}
