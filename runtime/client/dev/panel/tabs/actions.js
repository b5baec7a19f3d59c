/** @import { Described, Facts, Tab } from "../types.d.ts" */
/** @import { PanelStorage } from "../storage.js" */

import { el, locationLink } from "../dom.js";
import { Runner } from "../runner.js";
import { reached } from "../schema.js";

/**
 * Returns the tab with all registered actions: their descriptions, and a form to run each.
 *
 * @param {Facts} facts
 * @param {unknown} action of the page's client
 * @param {PanelStorage} storage
 * @returns {Tab}
 */
export function actionsTab(facts, action, storage) {
  const { actions } = facts;
  const items = actions.map((described) => item(described, facts, action, storage));
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
  const none = el("p", { class: "empty" }, "No action is registered. Add a struct with #[action] below actions/.");
  const list = el("div", { class: "list" }, ...items);
  const element = el("div", {}, el("div", { class: "bar" }, filter, el("span", { class: "soft" }, `${actions.length} registered`)), list);
  return { element: actions.length === 0 ? none : element };
}

/**
 * @param {Described} described
 * @param {Facts} facts
 * @param {unknown} action
 * @param {PanelStorage} storage
 */
function item(described, facts, action, storage) {
  const { name, doc, events } = described;
  const summary = el(
    "summary",
    {},
    el("span", { class: "name" }, name),
    el("span", { class: "tag", "data-kind": events ? "stream" : "call" }, events ? "stream" : "call"),
    el("span", { class: "soft line" }, doc.split("\n\n")[0]?.replaceAll("\n", " ") ?? ""),
  );
  const details = el("details", { class: "item" }, summary);
  // Created when it first opens: an app may have hundreds of actions.
  const fill = () => {
    if (details.children.length === 1) details.append(body(described, facts, action, storage));
  };
  details.addEventListener("toggle", () => {
    if (details.open) fill();
    const others = storage.unfolded.filter((other) => other !== name);
    storage.unfolded = details.open ? [...others, name] : others;
  });
  if (storage.unfolded.includes(name)) {
    details.open = true;
    fill();
  }
  return details;
}

/**
 * @param {Described} described
 * @param {Facts} facts
 * @param {unknown} action
 * @param {PanelStorage} storage
 */
function body(described, { definitions, places, editor }, action, storage) {
  const { name, doc, input, output, output_text, events } = described;
  const location = places[name];
  const text = (/** @type {string[]} */ keys) => keys.map((key) => definitions[key]?.text ?? "").join("\n\n");
  const inputs = reached([input], definitions);
  const others = reached([output, ...(events ?? []).map(({ data }) => data)], definitions);
  const outputs = [
    ...(events ?? []).map(({ name, text, doc }) => `${doc ? `// ${doc.replaceAll("\n", " ")}\n` : ""}event ${name}: ${text}`),
    `output: ${output_text}`,
    text(others.filter((key) => !inputs.includes(key))),
  ];
  const schemas = JSON.stringify({ input: input.$ref && definitions[inputs[0] ?? ""]?.schema, output, events }, null, 2);
  return el(
    "div",
    { class: "body" },
    new Runner(described, definitions, action, storage).element,
    el(
      "div",
      { class: "about" },
      ...doc.split("\n\n").filter(Boolean).map((paragraph) => el("p", {}, paragraph.replaceAll("\n", " "))),
      location ? el("p", {}, locationLink(location, editor)) : null,
      el("h2", {}, "Input"),
      el("pre", { tabindex: 0, "aria-label": `Input of ${name}` }, text(inputs)),
      el("h2", {}, "Output"),
      el("pre", { tabindex: 0, "aria-label": `Output of ${name}` }, outputs.filter(Boolean).join("\n\n")),
      el("details", { class: "more" }, el("summary", {}, "JSON schema"), el("pre", { tabindex: 0 }, schemas)),
    ),
  );
}
