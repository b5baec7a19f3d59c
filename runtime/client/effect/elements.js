// Effects on elements of the page, which the server names by their `p-ref`.

/** @import { EffectPage } from "../internal.d.ts" */

/** @typedef {{ name?: unknown }} Fields */

/**
 * Resets a form: the named one, or that of the call.
 *
 * @param {Fields} fields
 * @param {EffectPage} page
 */
export function resetForm({ name }, { document, element }) {
  const form = name === undefined ? element?.closest("form") : find(document, name);
  if (!(form instanceof HTMLFormElement)) throw new Error(`resetForm: ${shown(name)} is not a form`);
  // A control named `reset` hides the method.
  HTMLFormElement.prototype.reset.call(form);
}

/**
 * Sets the focus. The text of a field is selected, so that typing replaces it.
 *
 * @param {Fields} fields
 * @param {EffectPage} page
 */
export function focus({ name }, { document }) {
  const element = find(document, name);
  // Headings and other elements accept the focus with a `tabindex` only.
  if (element.tabIndex < 0 && !element.hasAttribute("tabindex")) element.tabIndex = -1;
  element.focus();
  if (element instanceof HTMLInputElement) element.select();
}

/**
 * Opens a `<dialog>` as a modal one.
 *
 * @param {Fields} fields
 * @param {EffectPage} page
 */
export function openModal({ name }, { document }) {
  const dialog = dialogOf("openModal", name, find(document, name));
  if (!dialog.open) dialog.showModal();
}

/**
 * Closes a `<dialog>`: the named one, or that around the form of the call.
 *
 * @param {Fields} fields
 * @param {EffectPage} page
 */
export function closeModal({ name }, { document, element }) {
  dialogOf("closeModal", name, name === undefined ? element?.closest("dialog") : find(document, name)).close();
}

/**
 * @param {string} effect
 * @param {unknown} name
 * @param {Element | null | undefined} element
 */
function dialogOf(effect, name, element) {
  if (!(element instanceof HTMLDialogElement)) throw new Error(`${effect}: ${shown(name)} is not a dialog`);
  return element;
}

/**
 * @param {Document} document
 * @param {unknown} name
 */
function find(document, name) {
  const element = document.querySelector(`[p-ref="${CSS.escape(String(name))}"]`);
  if (!element) throw new Error(`this page has no element with ${shown(name)}`);
  return /** @type {HTMLElement} */ (element);
}

/** @param {unknown} name */
function shown(name) {
  return name === undefined ? "the element of the call" : `p-ref="${name}"`;
}
