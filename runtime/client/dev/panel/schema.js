// Turns a JSON Schema into the fields of a form, and the texts of a form into an input.

/** @import { Control, Definitions, Schema, Texts } from "./types.d.ts" */

const REFERENCE = "#/components/schemas/";

/** The depth of nested groups. Deeper objects are written as JSON. */
const DEPTH_MAX = 3;

/** A field for a longer text has several lines. */
const LINE_CHARS = 120;

/**
 * Returns the fields of an object, or null if it has no fixed fields: it is then written as JSON.
 *
 * @param {Schema} schema
 * @param {Definitions} definitions
 * @param {string[]} [path]
 * @returns {Control[] | null}
 */
export function controls(schema, definitions, path = []) {
  const found = resolve(schema, definitions).schema;
  const { properties, required = [], additionalProperties, oneOf, anyOf, allOf } = found;
  if (additionalProperties || oneOf || anyOf || allOf) return null;
  // A list or a scalar: the input is no object.
  if (![undefined, "object"].includes(typeOf(found))) return null;
  if (!properties) return path.length === 0 ? [] : null;
  return Object.entries(properties).map(([name, field]) =>
    control(field, definitions, [...path, name], required.includes(name)),
  );
}

/**
 * @param {Schema} field
 * @param {Definitions} definitions
 * @param {string[]} path
 * @param {boolean} isRequired
 * @returns {Control}
 */
function control(field, definitions, path, isRequired) {
  const { schema, isNullable } = resolve(field, definitions);
  const type = typeOf(schema);
  const own = { path, doc: field.description ?? schema.description ?? "", isRequired: isRequired && !isNullable, isNullable: isRequired && isNullable };
  const rest = { choices: [], controls: [], hint: hint(schema), initial: textOf(schema.default), isLong: false };
  const choices = choicesOf(schema);
  if (choices) return { ...rest, ...own, kind: "choice", choices };
  if (type === "boolean") return own.isRequired ? { ...rest, ...own, kind: "flag" } : { ...rest, ...own, kind: "choice", choices: [true, false] };
  if (type === "integer" || type === "number") return { ...rest, ...own, kind: type };
  if (type === "string") {
    const isLong = (schema.maxLength ?? 0) > LINE_CHARS;
    return { ...rest, ...own, kind: "text", isLong };
  }
  const inner = own.isRequired && path.length < DEPTH_MAX && type === "object" ? controls(schema, definitions, path) : null;
  if (inner) return { ...rest, ...own, kind: "group", controls: inner };
  const initial = rest.initial || (own.isRequired ? JSON.stringify(example(schema, definitions)) : "");
  return { ...rest, ...own, kind: "json", initial, isLong: true };
}

/**
 * Resolves references, and separates `null` from the other types of a value.
 *
 * @param {Schema} schema
 * @param {Definitions} definitions
 * @returns {{ schema: Schema, isNullable: boolean }}
 */
export function resolve(schema, definitions) {
  let isNullable = false;
  // The bound also ends a definition that refers only to itself.
  for (let steps = 0; steps < 16; steps += 1) {
    const { $ref, anyOf, ...rest } = schema;
    const definition = $ref === undefined ? undefined : definitions[$ref.replace(REFERENCE, "")]?.schema;
    const others = anyOf?.filter((member) => member.type !== "null");
    if (definition) schema = { ...definition, ...rest };
    else if (anyOf && others?.length === 1 && others.length < anyOf.length) {
      isNullable = true;
      schema = { ...others[0], ...rest };
    } else break;
  }
  if (Array.isArray(schema.type) && schema.type.includes("null")) {
    return { schema: { ...schema, type: schema.type.filter((name) => name !== "null") }, isNullable: true };
  }
  return { schema, isNullable };
}

/** @param {Schema} schema */
function typeOf({ type, properties }) {
  if (Array.isArray(type)) return type.length === 1 ? type[0] : undefined;
  return type ?? (properties ? "object" : undefined);
}

/** @param {Schema} schema */
function choicesOf({ enum: values, const: value, oneOf }) {
  if (values) return values.filter((value) => value !== null);
  if (value !== undefined) return [value];
  // Constants, each with a description.
  return oneOf?.every((member) => member.const !== undefined) ? oneOf.map((member) => member.const) : null;
}

/** @param {Schema} schema */
function hint({ type, format, minimum, maximum, minLength, maxLength }) {
  const range = (/** @type {number | undefined} */ from, /** @type {number | undefined} */ to, /** @type {string} */ unit) => {
    if (from === undefined && to === undefined) return "";
    return `${from ?? "…"} to ${to ?? "…"}${unit}`;
  };
  const words = [[type].flat().join(" or "), format, range(minimum, maximum, ""), range(minLength, maxLength, " characters")];
  return words.filter(Boolean).join(", ");
}

/**
 * Returns a value that matches a schema, for the user to edit.
 *
 * @param {Schema | boolean | undefined} given
 * @param {Definitions} definitions
 * @param {number} [depth]
 * @returns {unknown}
 */
export function example(given, definitions, depth = 0) {
  if (typeof given !== "object") return null;
  const { schema, isNullable } = resolve(given, definitions);
  if (schema.default !== undefined) return schema.default;
  if (isNullable || depth > DEPTH_MAX) return null;
  const choices = choicesOf(schema);
  if (choices) return choices[0];
  const one = schema.oneOf?.[0] ?? schema.anyOf?.[0];
  if (one) return example(one, definitions, depth + 1);
  switch (typeOf(schema)) {
    case "string":
      return "";
    case "integer":
    case "number":
      return Math.min(Math.max(0, schema.minimum ?? 0), schema.maximum ?? 0);
    case "boolean":
      return false;
    case "array":
      if (schema.prefixItems) return schema.prefixItems.map((item) => example(item, definitions, depth + 1));
      return Array.from({ length: schema.minItems ?? 0 }, () => example(schema.items, definitions, depth + 1));
    case "object": {
      const fields = (schema.required ?? []).map((name) => [name, example(schema.properties?.[name], definitions, depth + 1)]);
      return Object.fromEntries(fields);
    }
    default:
      return null;
  }
}

/**
 * Reads the input from the texts of a form. Empty optional fields are left out.
 *
 * @param {Control[]} fields
 * @param {Texts} texts
 * @returns {{ input: Record<string, unknown>, wrong: Texts }} `wrong` has a message for each invalid field
 */
export function inputOf(fields, texts) {
  /** @type {Record<string, unknown>} */
  const input = {};
  /** @type {Texts} */
  const wrong = {};
  for (const field of fields) {
    const name = field.path.at(-1) ?? "";
    const key = keyOf(field);
    const text = texts[key] ?? "";
    if (field.kind === "group") {
      const inner = inputOf(field.controls, texts);
      input[name] = inner.input;
      Object.assign(wrong, inner.wrong);
    } else if (text !== "" || (field.isRequired && field.kind === "text")) {
      const { value, why } = valueOf(field, text);
      if (why) wrong[key] = why;
      else input[name] = value;
    } else if (field.isNullable) {
      input[name] = null;
    } else if (field.isRequired) {
      wrong[key] = `${field.kind === "json" ? "JSON" : `a ${field.kind}`} is required`;
    }
  }
  return { input, wrong };
}

/**
 * @param {Control} field
 * @param {string} text
 * @returns {{ value?: unknown, why?: string }}
 */
function valueOf({ kind, choices }, text) {
  switch (kind) {
    case "number":
    case "integer": {
      const value = Number(text);
      if (text.trim() === "" || Number.isNaN(value)) return { why: "this is not a number" };
      const isExact = kind === "number" || !Number.isInteger(value) || Number.isSafeInteger(value);
      return isExact ? { value } : { why: "this number has too many digits for JavaScript" };
    }
    case "flag":
      return { value: text === "true" };
    case "choice":
      return { value: choices.find((choice) => textOf(choice) === text) };
    case "json":
      try {
        return { value: JSON.parse(text) };
      } catch (error) {
        return { why: `this is not JSON: ${error instanceof Error ? error.message : error}` };
      }
    default:
      return { value: text };
  }
}

/**
 * Returns the texts of a form for an input.
 *
 * @param {Control[]} fields
 * @param {unknown} input
 * @returns {Texts}
 */
export function textsOf(fields, input) {
  const values = /** @type {Record<string, unknown>} */ (Object(input));
  /** @type {Texts} */
  const texts = {};
  for (const field of fields) {
    const value = values[field.path.at(-1) ?? ""];
    const isJson = field.kind === "json";
    if (field.kind === "group") Object.assign(texts, textsOf(field.controls, value));
    else if (value !== undefined && (value !== null || (isJson && field.isRequired))) {
      texts[keyOf(field)] = isJson ? JSON.stringify(value) : textOf(value);
    }
  }
  return texts;
}

/** Returns the name of a field, as problems of the server have it. @param {Control} field */
export function keyOf({ path }) {
  return path.join(".");
}

/** @param {unknown} value */
export function textOf(value) {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

/**
 * Returns the keys of the definitions that schemas refer to, each once, in order.
 *
 * @param {Schema[]} schemas
 * @param {Definitions} definitions
 * @returns {string[]}
 */
export function reached(schemas, definitions) {
  /** @type {Set<string>} */
  const keys = new Set();
  const look = (/** @type {unknown} */ value) => {
    if (typeof value !== "object" || value === null) return;
    for (const [word, inner] of Object.entries(value)) {
      const key = word === "$ref" ? String(inner).replace(REFERENCE, "") : undefined;
      if (key === undefined) look(inner);
      else if (definitions[key] && !keys.has(key)) {
        keys.add(key);
        look(definitions[key].schema);
      }
    }
  };
  look(schemas);
  return [...keys];
}
