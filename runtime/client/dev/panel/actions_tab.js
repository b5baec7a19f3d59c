/** @import { Described, Facts, Tab } from "./types.d.ts" */
/** @import { Memory } from "./storage.js" */

import { el, placeLink } from "./dom.js";
import { Runner } from "./runner.js";
import { reached } from "./schema.js";

/**
 * All registered actions, each with what it is, and a form to run it.
 *
 * @param {Facts} facts
 * @param {unknown} action of the page's client
 * @param {Memory} memory
 * @returns {Tab}
 */
export function actionsTab(facts, action, memory) {
  const { actions } = facts;
  const items = actions.map((described) => item(described, facts, action, memory));
  const filter = el("input", {
    type: "search",
    placeholder: "Filter",
    "aria-label": "Filter actions by name",
    autocomplete: "off",
    spellcheck: "false",
    oninput: () => {
      const word = filter.value.trim().toLowerCase();
      actions.forEach(({ name }, index) => {
        const element = items[index];
        if (element) element.hidden = !name.toLowerCase().includes(word);
      });
    },
  });
  const none = el("p", { class: "empty" }, "No action is registered. A struct with #[action] below actions/ is one.");
  const list = el("div", { class: "list" }, ...items);
  const element = el("div", {}, el("div", { class: "bar" }, filter, el("span", { class: "soft" }, `${actions.length} registered`)), list);
  return { element: actions.length === 0 ? none : element };
}

/**
 * @param {Described} described
 * @param {Facts} facts
 * @param {unknown} action
 * @param {Memory} memory
 */
function item(described, facts, action, memory) {
  const { name, doc, events } = described;
  const summary = el(
    "summary",
    {},
    el("span", { class: "name" }, name),
    el("span", { class: "tag", "data-kind": events ? "stream" : "call" }, events ? "stream" : "call"),
    el("span", { class: "soft line" }, doc.split("\n\n")[0]?.replaceAll("\n", " ") ?? ""),
  );
  const details = el("details", { class: "item" }, summary);
  // Made when it is looked at first: an app may have hundreds of actions.
  const fill = () => {
    if (details.children.length === 1) details.append(body(described, facts, action, memory));
  };
  details.addEventListener("toggle", () => {
    if (details.open) fill();
    const others = memory.unfolded.filter((other) => other !== name);
    memory.unfolded = details.open ? [...others, name] : others;
  });
  if (memory.unfolded.includes(name)) {
    details.open = true;
    fill();
  }
  return details;
}

/**
 * @param {Described} described
 * @param {Facts} facts
 * @param {unknown} action
 * @param {Memory} memory
 */
function body(described, { definitions, places, editor }, action, memory) {
  const { name, doc, input, output, output_text, events } = described;
  const place = places[name];
  const text = (/** @type {string[]} */ keys) => keys.map((key) => definitions[key]?.text ?? "").join("\n\n");
  const inputs = reached([input], definitions);
  const others = reached([output, ...(events ?? []).map(({ data }) => data)], definitions);
  const gives = [
    ...(events ?? []).map(({ name, text, doc }) => `${doc ? `// ${doc.replaceAll("\n", " ")}\n` : ""}event ${name}: ${text}`),
    `output: ${output_text}`,
    text(others.filter((key) => !inputs.includes(key))),
  ];
  const schemas = JSON.stringify({ input: input.$ref && definitions[inputs[0] ?? ""]?.schema, output, events }, null, 2);
  return el(
    "div",
    { class: "body" },
    new Runner(described, definitions, action, memory).element,
    el(
      "div",
      { class: "about" },
      ...doc.split("\n\n").filter(Boolean).map((paragraph) => el("p", {}, paragraph.replaceAll("\n", " "))),
      place ? el("p", {}, placeLink(place, editor)) : null,
      el("h3", {}, "Takes"),
      el("pre", { tabindex: 0, "aria-label": `What ${name} takes` }, text(inputs)),
      el("h3", {}, "Gives"),
      el("pre", { tabindex: 0, "aria-label": `What ${name} gives` }, gives.filter(Boolean).join("\n\n")),
      el("details", { class: "more" }, el("summary", {}, "JSON schema"), el("pre", { tabindex: 0 }, schemas)),
    ),
  );
}
