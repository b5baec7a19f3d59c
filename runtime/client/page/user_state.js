// What somebody has done to a page: typed, opened, scrolled, put the focus on. It is noted before the page goes, and
// given back to the one that comes in its place.

import { pathOf } from "./selector.js";

/** How long the page's script may take to show what is to be given back, in milliseconds. */
const PATIENCE_MS = 3000;

/** What somebody does who uses the page already. */
const ACTS = ["keydown", "pointerdown", "wheel", "input"];

/** What is nobody's to keep, or nothing that is typed. */
const LEFT_ALONE = ["password", "file", "hidden", "submit", "button", "image", "reset"];

/**
 * @typedef {{ value?: string, checked?: boolean, chosen?: string[], html?: string }} Held what a field holds
 * @typedef {{ start: number, end: number, direction?: "forward" | "backward" | "none" }} Caret
 *
 * @typedef {object} Done
 * @property {({ path: string } & Held)[]} fields
 * @property {{ path: string, isOpen: boolean, isModal: boolean }[]} opened
 * @property {{ path: string, top: number, left: number }[]} scrolled
 * @property {{ path: string, caret?: Caret } | undefined} focus
 */

/**
 * Notes what would be lost with an element.
 *
 * @param {Element} root
 * @returns {Done}
 */
export function note(root) {
  const all = (/** @type {string} */ selector) => [...root.querySelectorAll(selector)];
  const focused = root.ownerDocument.activeElement;
  return {
    fields: all("input, textarea, select, [contenteditable]").flatMap((field) => {
      const held = heldBy(field);
      return held ? [{ path: pathOf(field), ...held }] : [];
    }),
    opened: all("dialog[open], details").map((element) => ({
      path: pathOf(element),
      isOpen: element.hasAttribute("open"),
      isModal: element.matches(":modal"),
    })),
    scrolled: [root, ...all("*")].flatMap((element) => {
      const { scrollTop: top, scrollLeft: left } = element;
      return top !== 0 || left !== 0 ? [{ path: pathOf(element), top, left }] : [];
    }),
    focus: focused?.parentElement && root.contains(focused) ? { path: pathOf(focused), caret: caretOf(focused) } : undefined,
  };
}

/**
 * Gives back what was noted, once the page's script has made room for it. What somebody does meanwhile counts more.
 *
 * @param {Document} document
 * @param {Done} done
 * @param {Promise<unknown>} ready before this nothing is given back
 * @param {AbortSignal} [signal] ends it
 */
export async function giveBack(document, done, ready, signal) {
  const view = /** @type {Window} */ (document.defaultView);
  const over = new AbortController();
  const ended = signal ? AbortSignal.any([signal, over.signal]) : over.signal;
  const find = (/** @type {{ path: string }} */ { path }) => document.querySelector(path);
  /** What is still to be done; each says whether it is. @type {Map<object, (isLast: boolean) => boolean>} */
  const left = new Map();
  for (const each of done.opened) left.set(each, () => open(find(each), each));
  for (const each of done.fields) left.set(each, (isLast) => fill(find(each), each, isLast));
  for (const each of done.scrolled) left.set(each, (isLast) => scroll(find(each), each, isLast));
  const { focus } = done;
  if (focus) left.set(focus, () => focusOn(find(focus), focus.caret));

  const act = (/** @type {Event} */ { type, isTrusted, target }) => {
    if (!isTrusted) return;
    for (const each of [...done.scrolled, focus]) if (each) left.delete(each);
    for (const each of done.fields) if (type === "input" && find(each) === target) left.delete(each);
  };
  for (const name of ACTS) view.addEventListener(name, act, { capture: true, signal: ended });
  await ready;
  if (ended.aborted) return;

  const attempt = (/** @type {boolean} */ isLast) => {
    for (const [each, isDone] of left) if (isDone(isLast)) left.delete(each);
    if (isLast || left.size === 0) over.abort();
  };
  const watch = new MutationObserver(() => attempt(false));
  const timer = view.setTimeout(() => attempt(true), PATIENCE_MS);
  ended.addEventListener("abort", () => {
    watch.disconnect();
    view.clearTimeout(timer);
  });
  watch.observe(document, { subtree: true, childList: true, attributes: true });
  // Pictures make room to scroll.
  view.addEventListener("load", () => attempt(false), { capture: true, signal: ended });
  attempt(false);
}

/**
 * Returns what was put into a field since the server sent it.
 *
 * @param {Element} field
 * @returns {Held | undefined}
 */
function heldBy(field) {
  if (field instanceof HTMLSelectElement) {
    const options = [...field.options];
    const isGiven = options.every(({ selected, defaultSelected }) => selected === defaultSelected);
    return isGiven ? undefined : { chosen: [...field.selectedOptions].map(({ value }) => value) };
  }
  if (field instanceof HTMLInputElement) {
    if (LEFT_ALONE.includes(field.type)) return undefined;
    if (field.type === "checkbox" || field.type === "radio") return field.checked === field.defaultChecked ? undefined : { checked: field.checked };
  }
  if (field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement) {
    return field.value === field.defaultValue ? undefined : { value: field.value };
  }
  return field instanceof HTMLElement && field.isContentEditable ? { html: field.innerHTML } : undefined;
}

/**
 * @param {Element | null} field
 * @param {Held} held
 * @param {boolean} isLast
 */
function fill(field, { value, checked, chosen, html }, isLast) {
  // One that is not shown yet may be cleared when it is.
  if (!field || !(isLast || isReady(field))) return false;
  if (field instanceof HTMLSelectElement && chosen) {
    for (const option of field.options) option.selected = chosen.includes(option.value);
  } else if (field instanceof HTMLInputElement && checked !== undefined) {
    field.checked = checked;
  } else if ((field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement) && value !== undefined) {
    if (field.value !== value) field.value = value;
  } else if (html !== undefined && field.innerHTML !== html) {
    // It was in this page before; a parser of its own runs nothing on the way.
    field.replaceChildren(...new DOMParser().parseFromString(html, "text/html").body.childNodes);
  }
  field.dispatchEvent(new InputEvent("input", { bubbles: true }));
  if (checked !== undefined || chosen) field.dispatchEvent(new Event("change", { bubbles: true }));
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
 * @param {{ top: number, left: number }} place
 * @param {boolean} isLast
 */
function scroll(element, { top, left }, isLast) {
  if (!element) return false;
  const isThere = () => Math.abs(element.scrollTop - top) <= 1 && Math.abs(element.scrollLeft - left) <= 1;
  // What shall be scrolled to may not have come yet.
  const hasRoom = element.scrollHeight - element.clientHeight >= top - 1 && element.scrollWidth - element.clientWidth >= Math.abs(left) - 1;
  if (!isThere() && (hasRoom || isLast)) element.scrollTo({ top, left, behavior: "instant" });
  return isThere();
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

/** Whether somebody could use it. @param {Element} element */
function isReady(element) {
  return element.checkVisibility({ visibilityProperty: true }) && !element.matches(":disabled");
}
