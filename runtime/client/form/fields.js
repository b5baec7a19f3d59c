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
 * Remembers what a control holds as it is sent. `settle` makes that the value that the server knows, whatever the control
 * holds by then: what differs from it counts as edited, and the rest follows the HTML of the server. Passwords and files are
 * not written into the page.
 *
 * @param {Control} control
 */
export function sentOf(control) {
  const states = statesOf(control).map((state) => /** @type {const} */ ([...state, state[0][state[1]]]));
  return {
    control,
    isSame: () => states.every(([part, shown, , value]) => part[shown] === value),
    settle() {
      if (!["password", "file"].includes(control.type)) for (const [part, , known, value] of states) part[known] = value;
    },
  };
}

/**
 * Sets a control to the value that the server knows.
 *
 * @param {Control} control
 */
export function restore(control) {
  for (const [part, shown, known] of statesOf(control)) part[shown] = part[known];
}

/**
 * Returns the controls of which one change changes all: the radio buttons of a group.
 *
 * @param {Control} control
 * @returns {Control[]}
 */
export function groupOf(control) {
  if (control.type !== "radio") return [control];
  const inputs = /** @type {NodeListOf<HTMLInputElement>} */ (control.ownerDocument.querySelectorAll("input[type=radio]"));
  return [...inputs].filter(({ name, form }) => name === control.name && form === control.form);
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
  const { name, value, type, checked } = /** @type {HTMLInputElement} */ (control);
  if (control instanceof HTMLSelectElement) for (const option of control.selectedOptions) data.append(name, option.value);
  else if (type === "checkbox" && YES.includes(value)) data.append(name, String(checked));
  else if (control instanceof HTMLInputElement && control.files) for (const file of control.files) data.append(name, file);
  else data.append(name, value);
  if (type === "checkbox" && !YES.includes(value)) data.append("checked", String(checked));
  return data;
}

/**
 * Returns what holds the value of a control, the property with the value that is shown, and the one with the value that the
 * server knows.
 *
 * @param {Control} control
 * @returns {[part: any, shown: string, known: string][]}
 */
function statesOf(control) {
  if (control instanceof HTMLSelectElement) return [...control.options].map((option) => [option, "selected", "defaultSelected"]);
  return groupOf(control).map((each) => (["checkbox", "radio"].includes(each.type) ? [each, "checked", "defaultChecked"] : [each, "value", "defaultValue"]));
}
