/** @import { TopicFacts, TopicRow } from "../types.d.ts" */

import { el, locationLink } from "../dom.js";

/**
 * The columns with numbers: their heads, what these mean, and their texts.
 *
 * @type {[string, string, (topic: TopicRow) => string][]}
 */
const COLUMNS = [
  ["Known", "Topics that have had a message, in the store too", known],
  ["In memory", "Topics that this process has in memory", ({ counts }) => count(counts.topics)],
  ["Followed", "Topics in memory that have listeners", ({ counts }) => countOf(counts, counts.followed)],
  ["Listeners", "Listeners of these topics", ({ counts }) => countOf(counts, counts.listeners)],
  ["Messages", "Messages that the topics in memory have had", ({ counts }) => countOf(counts, counts.published)],
];

/**
 * Returns the topics and the families of topics, with counts.
 *
 * @param {TopicFacts} facts
 */
export function topicsList({ topics, editor }) {
  if (topics.length === 0) return el("p", { class: "empty" }, "This app has no topic with #[topic].");
  const heads = COLUMNS.map(([text, title]) => el("th", { scope: "col", title, class: "number" }, text));
  const head = el("tr", {}, el("th", { scope: "col" }, "Topic"), ...heads, el("th", { scope: "col" }, "Location"));
  const rows = topics.map((topic) => row(topic, editor));
  return el("table", { class: "topics" }, el("thead", {}, head), el("tbody", {}, ...rows));
}

/**
 * @param {TopicRow} topic
 * @param {string} editor
 */
function row(topic, editor) {
  const { name, durability, counts, place } = topic;
  const kind = counts.kind === "presence" ? counts.kind : `${counts.kind}, ${durability}`;
  return el(
    "tr",
    {},
    el("th", { scope: "row" }, `${name} `, el("span", { class: "tag" }, kind)),
    ...COLUMNS.map(([, , text]) => el("td", { class: "number" }, text(topic))),
    el("td", {}, locationLink(place, editor)),
  );
}

/** @param {TopicRow} topic */
function known({ counts, known, has_more }) {
  if (counts.kind !== "family") return "–";
  return known === null ? "?" : `${count(known)}${has_more ? "+" : ""}`;
}

/**
 * @param {TopicRow["counts"]} counts
 * @param {number} number
 */
function countOf({ topics }, number) {
  return topics === null ? "–" : count(number);
}

/** @param {number | null} number */
function count(number) {
  return number?.toLocaleString("en") ?? "–";
}
