/** @import { Control, Definitions, Schema, Texts } from "./types.d.ts" */

import { el, say } from "./dom.js";
import { controls, example, inputOf, keyOf, textOf, textsOf } from "./schema.js";

/** A form for an input: as fields, or as JSON. */
export class Form {
  element = el("div", { class: "form" });
  #definitions;
  #schema;
  /** Null if the input has no fixed fields. */
  #controls;
  /** By key. @type {Map<string, { field: HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement, error: HTMLElement }>} */
  #fields = new Map();
  #json = el("textarea", { class: "json", rows: 6, spellcheck: "false", "aria-label": "Input as JSON" });
  #jsonError = el("p", { class: "error", role: "alert" });
  #isJson = false;
  #id;

  /**
   * @param {string} id unique in the panel
   * @param {Schema} schema
   * @param {Definitions} definitions
   * @param {object | null} input the initial values
   */
  constructor(id, schema, definitions, input) {
    this.#id = id;
    this.#schema = schema;
    this.#definitions = definitions;
    this.#controls = controls(schema, definitions);
    this.#show(this.#controls === null, input ?? undefined);
  }

  /** Whether it can show fields as well as JSON. */
  get hasBoth() {
    return this.#controls !== null && this.#controls.length > 0;
  }

  get isJson() {
    return this.#isJson;
  }

  /** Switches between fields and JSON, unless the current text is invalid. */
  turn() {
    const input = this.read();
    if (input !== undefined) this.#show(!this.#isJson, input);
  }

  /** Returns the input, or undefined after it has shown what is invalid. @returns {unknown} */
  read() {
    this.showErrors({});
    if (this.#isJson) {
      try {
        return JSON.parse(this.#json.value);
      } catch (error) {
        say(this.#jsonError, `This is not JSON: ${error instanceof Error ? error.message : error}`);
        return undefined;
      }
    }
    const { input, wrong } = inputOf(this.#controls ?? [], this.#texts());
    this.showErrors(Object.fromEntries(Object.entries(wrong).map(([key, why]) => [key, [why]])));
    return Object.keys(wrong).length === 0 ? input : undefined;
  }

  /**
   * Shows the errors beside their fields, and clears the others.
   *
   * @param {Record<string, string[]>} errors by field, as in a problem of the server
   */
  showErrors(errors) {
    const rest = { ...errors };
    for (const [key, { field, error }] of this.#fields) {
      const mine = Object.keys(rest).filter((path) => path === key || path.startsWith(`${key}[`) || path.startsWith(`${key}.`));
      const words = mine.flatMap((path) => (path === key ? rest[path] ?? [] : [`${path}: ${rest[path]?.join(", ")}`]));
      for (const path of mine) delete rest[path];
      say(error, words.join("; "));
      if (words.length > 0) field.setAttribute("aria-invalid", "true");
      else field.removeAttribute("aria-invalid");
    }
    say(this.#jsonError, Object.entries(rest).map(([path, words]) => `${path}: ${words.join(", ")}`).join("; "));
  }

  /**
   * @param {boolean} isJson
   * @param {unknown} [input]
   */
  #show(isJson, input) {
    this.#isJson = isJson;
    this.#fields.clear();
    if (isJson) {
      this.#json.value = JSON.stringify(input ?? example(this.#schema, this.#definitions), null, 2);
      this.element.replaceChildren(this.#json, this.#jsonError);
      return;
    }
    const fields = this.#controls ?? [];
    const texts = textsOf(fields, input);
    this.element.replaceChildren(...fields.map((control) => this.#control(control, texts)), this.#jsonError);
  }

  #texts() {
    /** @type {Texts} */
    const texts = {};
    for (const [key, { field }] of this.#fields) {
      texts[key] = field instanceof HTMLInputElement && field.type === "checkbox" ? String(field.checked) : field.value;
    }
    return texts;
  }

  /**
   * @param {Control} control
   * @param {Texts} texts
   * @returns {HTMLElement}
   */
  #control(control, texts) {
    const key = keyOf(control);
    const name = control.path.at(-1) ?? "";
    if (control.kind === "group") {
      const inner = control.controls.map((control) => this.#control(control, texts));
      return el("fieldset", {}, el("legend", {}, name), el("p", { class: "hint" }, control.doc), ...inner);
    }
    const id = `${this.#id}-${key}`;
    const field = input(control, texts[key] ?? control.initial);
    const error = el("p", { class: "error", id: `${id}-error`, role: "alert" });
    const hint = el("p", { class: "hint", id: `${id}-hint` }, [control.doc, control.hint].filter(Boolean).join(" · "));
    field.id = id;
    field.setAttribute("aria-describedby", `${id}-hint ${id}-error`);
    this.#fields.set(key, { field, error });
    const label = el("label", { for: id }, name, control.isRequired ? null : el("span", { class: "soft" }, " optional"));
    const isFlag = control.kind === "flag";
    return el("div", { class: isFlag ? "field flag" : "field" }, label, field, hint, error);
  }
}

/**
 * @param {Control} control
 * @param {string} text
 */
function input({ kind, choices, isRequired, isLong }, text) {
  if (kind === "flag") return el("input", { type: "checkbox", checked: text === "true" });
  if (kind === "choice") {
    const options = choices.map((choice) => el("option", { value: textOf(choice), selected: textOf(choice) === text }, textOf(choice)));
    return el("select", {}, isRequired ? null : el("option", { value: "" }, "—"), ...options);
  }
  const isNumber = kind === "number" || kind === "integer";
  const attributes = { autocomplete: "off", spellcheck: "false", autocapitalize: "off", inputmode: isNumber ? "decimal" : null };
  const field = isLong ? el("textarea", { ...attributes, class: kind, rows: kind === "json" ? 4 : 2 }) : el("input", { ...attributes, type: "text" });
  field.value = text;
  return field;
}
