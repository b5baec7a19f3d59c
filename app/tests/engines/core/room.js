// The room of the chat, as the core tests use it.

import { part, reads, shows } from "../stage.js";

/** @import { Profile, Tab } from "../engine.d.ts" */
/** @import { Stage } from "../stage.js" */

/**
 * Opens the chat and joins it.
 *
 * @param {Stage} stage
 * @param {string} url
 * @param {string} name
 * @param {Profile} [profile]
 */
export async function chat(stage, url, name, profile) {
  const tab = await stage.tab(url, profile);
  await tab.type(part("username_input"), name);
  await tab.click(".login-row button");
  await isConnected(tab);
  return tab;
}

/** Waits for the badge to say so. @param {Tab} tab */
export const isConnected = (tab) => reads(tab, part("connection_state"), "connected");

/** @param {Tab} tab @param {string} text */
export async function say(tab, text) {
  await tab.type(part("message_input"), text);
  await tab.click(part("send_btn"));
}

/** Waits for the feed to hold exactly these messages, in this order. @param {Tab} tab @param {string[]} expected */
export const holds = (tab, expected) => shows(tab, expected, () => [...document.querySelectorAll(".msg-text")].map((text) => text.textContent));

/** Waits until so many messages are set apart as the reader's own. @param {Tab} tab @param {number} count */
export const owns = (tab, count) => shows(tab, count, () => document.querySelectorAll("[data-own='yes']").length);
