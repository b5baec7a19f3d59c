// A script of a page: checked as it stands.
import { action } from "kipo";

/** @type {import("kipo").chat.Message[]} */
const messages = [];

action.chat.Listen().withOnProgress((data, event) => {
  if (event === "chat") messages.push(data);
  if (event === "presence") messages.push(data); // error: TS2739
});

/** @param {import("kipo").chat.Message} message */
export function show(message) {
  return `${message.username}: ${message.body}`; // error: TS2339
}
