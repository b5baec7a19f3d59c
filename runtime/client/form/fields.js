// The fields of a form. A control may have a name that hides a property of its form, such as `action`, `reset` or
// `elements`, so properties and methods of forms come from their prototypes.

/** @typedef {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} Control */

/** Types of inputs in which nobody can correct an error. */
const NOT_EDITABLE = ["hidden", "submit", "button", "image", "reset"];

/** Texts of a checkbox that stand for `true`: it is a yes or no, and not one choice of several. */
const YES = ["on", "true"];

/**
 * Returns the controls of a form that a user can edit, in the order of the page. Those that name the form by their
 * attribute `form` are among them.
 *
 * @param {HTMLFormElement} form
 * @returns {Control[]}
 */
export function controlsOf(form) {
  const elements = /** @type {Iterable<Element>} */ (Reflect.get(HTMLFormElement.prototype, "elements", form));
  return [...elements].filter(isEditable);
}

/**
 * @param {unknown} element
 * @returns {element is Control}
 */
export function isEditable(element) {
  if (element instanceof HTMLInputElement) return !NOT_EDITABLE.includes(element.type);
  return element instanceof HTMLSelectElement || element instanceof HTMLTextAreaElement;
}

/**
 * Returns a path in one form: `items[0].name`, `items.0.name` and `items[0][name]` are `items.0.name`.
 *
 * @param {string} path
 */
export function canonical(path) {
  return path.replace(/\[([^\]]*)\]/g, ".$1").replace(/\.$/, "");
}

/**
 * Returns the controls of each path among errors: those of this name, or for `tags[1]` the second of the controls named
 * `tags`.
 *
 * @template {{ name: string }} T
 * @param {T[]} controls
 * @param {string} path
 * @returns {T[]}
 */
export function controlsAt(controls, path) {
  const named = (/** @type {string} */ wanted) => controls.filter(({ name }) => name && canonical(name) === wanted);
  const wanted = canonical(path);
  const exact = named(wanted);
  const [, list = "", index = ""] = /^(.+)\.(\d+)$/.exec(wanted) ?? [];
  return exact.length || !list ? exact : named(list).slice(Number(index), Number(index) + 1);
}

/**
 * Returns the value of a control as text to compare.
 *
 * @param {Control} control
 */
export function valueOf(control) {
  if (control instanceof HTMLSelectElement) return JSON.stringify([...control.selectedOptions].map(({ value }) => value));
  return isChecked(control) ? String(control.checked) : control.value;
}

/**
 * Makes the value of a control the one that the server knows: the control then counts as not edited, and follows the
 * HTML of the server. Passwords and files are not written into the page.
 *
 * @param {Control} control
 */
export function settle(control) {
  for (const each of groupOf(control)) {
    if (each instanceof HTMLSelectElement) for (const option of each.options) option.defaultSelected = option.selected;
    else if (isChecked(each)) each.defaultChecked = each.checked;
    else if (!["password", "file"].includes(each.type)) each.defaultValue = each.value;
  }
}

/**
 * Sets a control to the value that the server knows.
 *
 * @param {Control} control
 */
export function restore(control) {
  for (const each of groupOf(control)) {
    if (each instanceof HTMLSelectElement) for (const option of each.options) option.selected = option.defaultSelected;
    else if (isChecked(each)) each.checked = each.defaultChecked;
    else each.value = each.defaultValue;
  }
}

/**
 * Returns what a control sends that runs an action by itself: `name=value`. A checkbox sends `name=true` or `name=false`;
 * with a value of its own it sends `name=value` and `checked`. `p-with="id=3"` adds fields.
 *
 * @param {Control} control
 */
export function dataOf(control) {
  const data = new FormData();
  for (const [name, value] of new URLSearchParams(control.getAttribute("p-with") ?? "")) data.append(name, value);
  const { name, value, type } = control;
  if (control instanceof HTMLSelectElement) for (const option of control.selectedOptions) data.append(name, option.value);
  else if (type === "checkbox" && YES.includes(value)) data.append(name, valueOf(control));
  else if (control instanceof HTMLInputElement && control.files) for (const file of control.files) data.append(name, file);
  else data.append(name, value);
  if (type === "checkbox" && !YES.includes(value)) data.append("checked", valueOf(control));
  return data;
}

/**
 * @param {Control} control
 * @returns {control is HTMLInputElement}
 */
function isChecked(control) {
  return control.type === "checkbox" || control.type === "radio";
}

/**
 * Returns the controls of which one change changes all: the radio buttons of a group.
 *
 * @param {Control} control
 * @returns {Control[]}
 */
function groupOf(control) {
  if (control.type !== "radio") return [control];
  const inputs = /** @type {NodeListOf<HTMLInputElement>} */ (control.ownerDocument.querySelectorAll("input[type=radio]"));
  return [...inputs].filter(({ name, form }) => name === control.name && form === control.form);
}
