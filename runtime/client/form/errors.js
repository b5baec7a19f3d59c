// The errors of a form, beside its fields: text in `[p-error="name"]`, and in `[p-error=""]` for the form as a whole.

/** @import { ActionError } from "../error.js" */
/** @import { Control } from "./fields.js" */

import { canonical, controlsAt, controlsOf, isEditable } from "./fields.js";

/** Elements whose role is that of an alert while they show their error. @type {WeakSet<HTMLElement>} */
const alerts = new WeakSet();

/**
 * Shows the errors of a form, in place of those before.
 *
 * @param {HTMLFormElement} form
 * @param {Pick<ActionError, "fields" | "message">} error
 * @returns {Control[]} the wrong controls, in the order of the page
 */
export function showErrors(form, { fields, message }) {
  clearErrors(form);
  const controls = controlsOf(form);
  const { beside, whole } = distribute(fields, controls, (path) => errorElement(form, path) !== undefined);
  /** @type {Set<Control>} */
  const wrong = new Set();
  for (const { path, text, found } of beside) {
    const [first] = found;
    const name = first && canonical(first.name);
    const element = errorElement(form, canonical(path)) || (name && errorElement(form, name)) || addAfter(found, form, path);
    // Several items of a list may have one element for their errors.
    element.textContent = [element.textContent, text].filter(Boolean).join(", ");
    element.hidden = false;
    for (const control of found) {
      wrong.add(control);
      control.setAttribute("aria-invalid", "true");
      describe(control, element);
    }
  }
  const text = beside.length || whole.length ? whole.join("; ") : message;
  if (text) showWhole(form, text);
  return controls.filter((control) => wrong.has(control));
}

/**
 * Announces the error of a control. Screen readers read it by themselves only when the focus moves to the control.
 *
 * @param {Control} control
 */
export function announceError(control) {
  const element = elementsOf(control).find(({ textContent, role }) => textContent && !role);
  if (!element) return;
  element.setAttribute("role", "alert");
  alerts.add(element);
}

/**
 * Shows the error of a control that is in no bound form, or that runs an action by itself.
 *
 * @param {Control} control
 * @param {ActionError} error
 */
export function showErrorOf(control, { fields, message }) {
  const element = elementsOf(control)[0] ?? addAfter([control], control, control.name);
  const texts = Object.values(fields).flat();
  element.setAttribute("role", "alert");
  element.textContent = texts.length ? texts.join(", ") : message;
  element.hidden = false;
  describe(control, element);
}

/**
 * Clears all errors of a form.
 *
 * @param {HTMLFormElement} form
 */
export function clearErrors(form) {
  for (const control of controlsOf(form)) clearError(control);
  for (const element of errorElements(form)) clear(element);
}

/**
 * Clears the error of the form as a whole.
 *
 * @param {HTMLFormElement} form
 */
export function clearWhole(form) {
  const element = errorElement(form, "");
  if (element) clear(element);
}

/**
 * Clears the error of a control, if it has one.
 *
 * @param {unknown} control
 */
export function clearError(control) {
  if (!isEditable(control)) return;
  const shown = elementsOf(control).filter(({ textContent }) => textContent);
  if (!shown.length) return;
  shown.forEach(clear);
  // The buttons of one group, or the items of one list, share their error.
  for (const each of control.form ? controlsOf(control.form) : [control]) {
    if (elementsOf(each).some((element) => shown.includes(element))) each.removeAttribute("aria-invalid");
  }
}

/**
 * Divides messages into those beside a field and those of the form as a whole.
 *
 * @template {{ name: string }} T
 * @param {Record<string, string[] | undefined>} fields the messages by path
 * @param {T[]} controls
 * @param {(path: string) => boolean} hasElement whether the page has an element for the error of a path
 */
export function distribute(fields, controls, hasElement) {
  /** @type {{ path: string, text: string, found: T[] }[]} */
  const beside = [];
  /** @type {string[]} */
  const whole = [];
  for (const [path, messages = []] of Object.entries(fields)) {
    const text = messages.join(", ");
    const found = path ? controlsAt(controls, path) : [];
    if (found.length || (path && hasElement(canonical(path)))) beside.push({ path, text, found });
    else whole.push(path ? `${path}: ${text}` : text);
  }
  return { beside, whole };
}

/**
 * @param {HTMLFormElement} form
 * @returns {HTMLElement[]}
 */
function errorElements(form) {
  return [.../** @type {NodeListOf<HTMLElement>} */ (form.querySelectorAll("[p-error]"))];
}

/**
 * @param {HTMLFormElement} form
 * @param {string} path in its canonical form; an empty one is the form as a whole
 */
function errorElement(form, path) {
  return errorElements(form).find((element) => canonical(element.getAttribute("p-error") ?? "") === path);
}

/**
 * Returns the elements with errors of a control.
 *
 * @param {Control} control
 */
function elementsOf(control) {
  const elements = idsOf(control).map((id) => control.ownerDocument.getElementById(id));
  return elements.filter((element) => element !== null).filter((element) => element.hasAttribute("p-error"));
}

/** @param {Control} control */
function idsOf(control) {
  return control.getAttribute("aria-describedby")?.split(/\s+/).filter(Boolean) ?? [];
}

/**
 * @param {Control} control
 * @param {HTMLElement} element
 */
function describe(control, element) {
  const ids = idsOf(control);
  if (!element.id) element.id = freeId(control.ownerDocument, control.id || "kipo");
  if (!ids.includes(element.id)) control.setAttribute("aria-describedby", [...ids, element.id].join(" "));
}

/**
 * @param {Document} document
 * @param {string} name
 */
function freeId(document, name) {
  let id = `${name}-error`;
  for (let n = 2; document.getElementById(id); n += 1) id = `${name}-error-${n}`;
  return id;
}

/**
 * Adds an element for an error after the last of some controls. A control in a label gets it after the label, whose text
 * names the control.
 *
 * @param {Control[]} controls
 * @param {Element} owner with the document of the page
 * @param {string} path
 */
function addAfter(controls, owner, path) {
  const element = owner.ownerDocument.createElement("p");
  element.className = "field-error";
  element.setAttribute("p-error", path);
  const last = controls.at(-1);
  (last?.closest("label") ?? last)?.after(element);
  return element;
}

/**
 * @param {HTMLFormElement} form
 * @param {string} text
 */
function showWhole(form, text) {
  let element = errorElement(form, "");
  if (!element) {
    element = form.ownerDocument.createElement("p");
    element.className = "form-error";
    element.setAttribute("p-error", "");
    element.setAttribute("role", "alert");
    Element.prototype.append.call(form, element);
  }
  element.textContent = text;
  element.hidden = false;
}

/** @param {HTMLElement} element */
function clear(element) {
  element.textContent = "";
  element.hidden = true;
  if (alerts.delete(element)) element.removeAttribute("role");
}
