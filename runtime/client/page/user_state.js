// What the user has done to a page: typed text, open dialogs, scroll positions, the focus. It is captured before the page
// goes, and restored in the page that replaces it.

import { selectorOf } from "./selector.js";

/** How long the script of the page may take to create the elements to restore, in milliseconds. */
const RESTORE_MS_MAX = 3000;

/** Events of a user who already uses the page. */
const USER_EVENTS = ["keydown", "pointerdown", "wheel", "input"];

/** Types of fields that are secret, or that hold nothing typed. */
const SKIPPED_TYPES = ["password", "file", "hidden", "submit", "button", "image", "reset"];

/** What fields ask a password manager or a browser to fill in that is secret, also where a page shows it as text. */
const SECRETS = /\b(password|one-time-code|cc-(number|csc|exp))/;

/**
 * @typedef {{ value?: string, checked?: boolean, selected?: string[], html?: string }} FieldState
 * @typedef {{ start: number, end: number, direction?: "forward" | "backward" | "none" }} Caret
 *
 * @typedef {object} UserState
 * @property {({ selector: string } & FieldState)[]} fields
 * @property {{ selector: string, isOpen: boolean, isModal: boolean }[]} opened
 * @property {{ selector: string, top: number, left: number }[]} scrolled
 * @property {{ selector: string, caret?: Caret } | undefined} focus
 */

/**
 * Captures the state that would be lost with an element.
 *
 * @param {Element} root
 * @returns {UserState}
 */
export function captureUserState(root) {
  const all = (/** @type {string} */ selector) => [...root.querySelectorAll(selector)];
  const focused = root.ownerDocument.activeElement;
  return {
    fields: all("input, textarea, select, [contenteditable]").flatMap((field) => {
      const state = fieldState(field);
      return state ? [{ selector: selectorOf(field), ...state }] : [];
    }),
    opened: all("dialog[open], details").map((element) => ({
      selector: selectorOf(element),
      isOpen: element.hasAttribute("open"),
      isModal: element.matches(":modal"),
    })),
    scrolled: [root, ...all("*")].flatMap((element) => {
      const { scrollTop: top, scrollLeft: left } = element;
      return top !== 0 || left !== 0 ? [{ selector: selectorOf(element), top, left }] : [];
    }),
    focus: focused?.parentElement && root.contains(focused) ? { selector: selectorOf(focused), caret: caretOf(focused) } : undefined,
  };
}

/**
 * Restores a state, each part of it once the script of the page has created the element. What the user does in the
 * meantime takes precedence.
 *
 * @param {Document} document
 * @param {UserState} state
 * @param {Promise<unknown>} ready the restore begins after this
 * @param {AbortSignal} [signal] ends the restore
 */
export async function restoreUserState(document, state, ready, signal) {
  const view = /** @type {Window} */ (document.defaultView);
  const completed = new AbortController();
  const ended = signal ? AbortSignal.any([signal, completed.signal]) : completed.signal;
  const find = (/** @type {{ selector: string }} */ { selector }) => document.querySelector(selector);
  /** What is not restored yet. Each function tries once, and returns whether it has succeeded. @type {Map<object, (isLast: boolean) => boolean>} */
  const pending = new Map();
  for (const each of state.opened) pending.set(each, () => open(find(each), each));
  for (const each of state.fields) pending.set(each, (isLast) => fill(find(each), each, isLast));
  for (const each of state.scrolled) pending.set(each, (isLast) => scroll(find(each), each, isLast));
  const { focus } = state;
  if (focus) pending.set(focus, () => focusOn(find(focus), focus.caret));

  const onUserEvent = (/** @type {Event} */ { type, isTrusted, target }) => {
    if (!isTrusted) return;
    for (const each of [...state.scrolled, focus]) if (each) pending.delete(each);
    for (const each of state.fields) if (type === "input" && find(each) === target) pending.delete(each);
  };
  for (const name of USER_EVENTS) view.addEventListener(name, onUserEvent, { capture: true, signal: ended });
  await ready;
  if (ended.aborted) return;

  const attempt = (/** @type {boolean} */ isLast) => {
    for (const [each, restore] of pending) if (restore(isLast)) pending.delete(each);
    if (isLast || pending.size === 0) completed.abort();
  };
  const watch = new MutationObserver(() => attempt(false));
  const timer = view.setTimeout(() => attempt(true), RESTORE_MS_MAX);
  ended.addEventListener("abort", () => {
    watch.disconnect();
    view.clearTimeout(timer);
  });
  watch.observe(document, { subtree: true, childList: true, attributes: true });
  // An image that loads makes room to scroll.
  view.addEventListener("load", () => attempt(false), { capture: true, signal: ended });
  attempt(false);
}

/**
 * Returns what has changed in a field since the server sent it.
 *
 * @param {Element} field
 * @returns {FieldState | undefined}
 */
function fieldState(field) {
  // The server marks the controls of secret fields that are not passwords.
  if (field.hasAttribute("p-secret")) return undefined;
  if (field instanceof HTMLSelectElement) {
    const options = [...field.options];
    const isUnchanged = options.every(({ selected, defaultSelected }) => selected === defaultSelected);
    return isUnchanged ? undefined : { selected: [...field.selectedOptions].map(({ value }) => value) };
  }
  if (field instanceof HTMLInputElement) {
    if (SKIPPED_TYPES.includes(field.type) || SECRETS.test(field.autocomplete)) return undefined;
    if (field.type === "checkbox" || field.type === "radio") return field.checked === field.defaultChecked ? undefined : { checked: field.checked };
  }
  if (field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement) {
    return field.value === field.defaultValue ? undefined : { value: field.value };
  }
  return field instanceof HTMLElement && field.isContentEditable ? { html: field.innerHTML } : undefined;
}

/**
 * @param {Element | null} field
 * @param {FieldState} state
 * @param {boolean} isLast
 */
function fill(field, { value, checked, selected, html }, isLast) {
  // A script may clear a field when it shows it.
  if (!field || !(isLast || isReady(field))) return false;
  if (field instanceof HTMLSelectElement && selected) {
    for (const option of field.options) option.selected = selected.includes(option.value);
  } else if (field instanceof HTMLInputElement && checked !== undefined) {
    field.checked = checked;
  } else if ((field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement) && value !== undefined) {
    if (field.value !== value) field.value = value;
  } else if (html !== undefined && field.innerHTML !== html) {
    // This HTML comes from the same page. A separate parser runs none of its scripts.
    field.replaceChildren(...new DOMParser().parseFromString(html, "text/html").body.childNodes);
  }
  field.dispatchEvent(new InputEvent("input", { bubbles: true }));
  if (checked !== undefined || selected) field.dispatchEvent(new Event("change", { bubbles: true }));
  return true;
}

/**
 * @param {Element | null} element
 * @param {{ isOpen: boolean, isModal: boolean }} state
 */
function open(element, { isOpen, isModal }) {
  if (element instanceof HTMLDetailsElement) element.open = isOpen;
  if (element instanceof HTMLDialogElement && !element.open) isModal ? element.showModal() : element.show();
  return element !== null;
}

/**
 * @param {Element | null} element
 * @param {{ top: number, left: number }} position
 * @param {boolean} isLast
 */
function scroll(element, { top, left }, isLast) {
  if (!element) return false;
  const isScrolled = () => Math.abs(element.scrollTop - top) <= 1 && Math.abs(element.scrollLeft - left) <= 1;
  // The content to scroll to may not exist yet.
  const hasRoom = element.scrollHeight - element.clientHeight >= top - 1 && element.scrollWidth - element.clientWidth >= Math.abs(left) - 1;
  if (!isScrolled() && (hasRoom || isLast)) element.scrollTo({ top, left, behavior: "instant" });
  return isScrolled();
}

/**
 * @param {Element} element
 * @returns {Caret | undefined}
 */
function caretOf(element) {
  const { selectionStart: start, selectionEnd: end, selectionDirection: direction } = /** @type {HTMLInputElement} */ (element);
  return typeof start === "number" && typeof end === "number" ? { start, end, direction: direction ?? "none" } : undefined;
}

/**
 * @param {Element | null} element
 * @param {Caret} [caret]
 */
function focusOn(element, caret) {
  if (!(element instanceof HTMLElement) || !isReady(element)) return false;
  element.focus({ preventScroll: true });
  if (caret && (element instanceof HTMLInputElement || element instanceof HTMLTextAreaElement)) {
    element.setSelectionRange(caret.start, caret.end, caret.direction);
  }
  return element.ownerDocument.activeElement === element;
}

/** Returns whether the user can use an element. @param {Element} element */
function isReady(element) {
  return element.checkVisibility({ visibilityProperty: true }) && !element.matches(":disabled");
}
