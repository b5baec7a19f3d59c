// Development only: what somebody typed, opened and scrolled to goes along when the page is loaded anew.

const NAME = "kipo:keep";

/** How long the page's script may take to show what is to be filled in, in milliseconds. */
const PATIENCE_MS = 3000;

/** What belongs to nobody but the one who types it. */
const SECRET = ["password", "file", "hidden", "submit", "button", "image", "reset"];

/**
 * @typedef {object} Kept
 * @property {string} address of the page
 * @property {{ path: string, value?: string, checked?: boolean, selected?: number[], text?: string }[]} fields
 * @property {{ path: string, top: number, left: number }[]} scrolled
 * @property {{ path: string, isModal: boolean }[]} opened
 * @property {{ path: string, start: number | null, end: number | null } | null} focus
 */

/**
 * Notes what the page would lose.
 *
 * @param {Document} document
 * @param {Storage} storage
 */
export function save(document, storage) {
  /** @type {Kept} */
  const kept = { address: document.location.href, fields: [], scrolled: [], opened: [], focus: null };
  for (const element of document.querySelectorAll("input, textarea, select, [contenteditable], dialog[open], details[open]")) {
    const path = pathOf(element);
    if (element instanceof HTMLDialogElement || element instanceof HTMLDetailsElement) {
      kept.opened.push({ path, isModal: element.matches(":modal") });
    } else if (element instanceof HTMLSelectElement) {
      const selected = [...element.selectedOptions].map((option) => option.index);
      kept.fields.push({ path, selected });
    } else if (element instanceof HTMLTextAreaElement) {
      if (element.value !== element.defaultValue) kept.fields.push({ path, value: element.value });
    } else if (element instanceof HTMLInputElement) {
      if (SECRET.includes(element.type)) continue;
      if (element.type === "checkbox" || element.type === "radio") {
        if (element.checked !== element.defaultChecked) kept.fields.push({ path, checked: element.checked });
      } else if (element.value !== element.defaultValue) {
        kept.fields.push({ path, value: element.value });
      }
    } else if (element instanceof HTMLElement && element.isContentEditable) {
      kept.fields.push({ path, text: element.textContent ?? "" });
    }
  }
  const root = document.scrollingElement;
  for (const element of document.querySelectorAll("*")) {
    if (element !== root && (element.scrollTop > 0 || element.scrollLeft > 0)) {
      kept.scrolled.push({ path: pathOf(element), top: element.scrollTop, left: element.scrollLeft });
    }
  }
  const focused = /** @type {Partial<HTMLInputElement> & Element | null} */ (document.activeElement);
  if (focused && focused !== document.body) {
    kept.focus = { path: pathOf(focused), start: focused.selectionStart ?? null, end: focused.selectionEnd ?? null };
  }
  try {
    storage.setItem(NAME, JSON.stringify(kept));
  } catch {
    // A storage that is full, or forbidden, keeps nothing.
  }
}

/**
 * Gives back what the page before this one noted, once the page's script has made room for it, unless somebody
 * begins to type before.
 *
 * @param {Document} document
 * @param {Storage} storage
 */
export function restore(document, storage) {
  const kept = take(document, storage);
  if (kept === undefined) return;
  const view = /** @type {Window & typeof globalThis} */ (document.defaultView);
  const left = { fields: new Set(kept.fields), scrolled: new Set(kept.scrolled), opened: new Set(kept.opened) };
  let { focus } = kept;
  const until = view.performance.now() + PATIENCE_MS;
  let isOver = false;
  const end = (/** @type {Event} */ event) => {
    if (event.isTrusted) isOver = true;
  };
  for (const name of ["keydown", "pointerdown", "wheel"]) view.addEventListener(name, end, { once: true, capture: true });
  const attempt = () => {
    if (isOver || view.performance.now() > until) return;
    for (const field of left.fields) if (fill(document, field)) left.fields.delete(field);
    for (const { path, isModal } of left.opened) {
      const element = document.querySelector(path);
      if (element instanceof HTMLDialogElement && !element.open) isModal ? element.showModal() : element.show();
      else if (element instanceof HTMLDetailsElement) element.open = true;
    }
    left.opened.clear();
    for (const place of left.scrolled) {
      const element = document.querySelector(place.path);
      if (!element || element.scrollHeight - element.clientHeight < place.top) continue;
      element.scrollTo({ top: place.top, left: place.left, behavior: "instant" });
      left.scrolled.delete(place);
    }
    const focused = focus && /** @type {HTMLElement & Partial<HTMLInputElement> | null} */ (document.querySelector(focus.path));
    if (focus && focused && isShown(focused)) {
      focused.focus({ preventScroll: true });
      if (focus.start !== null && focus.end !== null) focused.setSelectionRange?.(focus.start, focus.end);
      if (document.activeElement === focused) focus = null;
    }
    if (left.fields.size > 0 || left.scrolled.size > 0 || focus !== null) view.requestAnimationFrame(attempt);
  };
  // The page's own script has run by then.
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", () => view.requestAnimationFrame(attempt));
  else view.requestAnimationFrame(attempt);
}

/**
 * @param {Document} document
 * @param {Storage} storage
 * @returns {Kept | undefined}
 */
function take(document, storage) {
  try {
    const text = storage.getItem(NAME);
    storage.removeItem(NAME);
    const kept = text === null ? undefined : JSON.parse(text);
    return kept?.address === document.location.href ? kept : undefined;
  } catch {
    return undefined;
  }
}

/**
 * @param {Document} document
 * @param {Kept["fields"][number]} field
 */
function fill(document, { path, value, checked, selected, text }) {
  const element = document.querySelector(path);
  // A field that is hidden yet may be cleared when it is shown.
  if (element === null || !isShown(element)) return false;
  if (element instanceof HTMLSelectElement && selected) {
    [...element.options].forEach((option, index) => (option.selected = selected.includes(index)));
  } else if (element instanceof HTMLInputElement && checked !== undefined) {
    element.checked = checked;
  } else if ((element instanceof HTMLInputElement || element instanceof HTMLTextAreaElement) && value !== undefined) {
    element.value = value;
  } else if (text !== undefined) {
    element.textContent = text;
  }
  for (const name of ["input", "change"]) element.dispatchEvent(new Event(name, { bubbles: true }));
  return true;
}

/** @param {Element} element */
function isShown(element) {
  return element.getClientRects().length > 0 && !(/** @type {HTMLInputElement} */ (element).disabled);
}

/**
 * Returns a selector that finds the element again in the same page.
 *
 * @param {Element} element
 * @returns {string}
 */
function pathOf(element) {
  if (element.id) return `#${CSS.escape(element.id)}`;
  const ref = element.getAttribute("p-ref");
  if (ref) return `[p-ref="${CSS.escape(ref)}"]`;
  const parent = element.parentElement;
  if (parent === null) return ":root";
  const alike = [...parent.children].filter(({ localName }) => localName === element.localName);
  return `${pathOf(parent)} > ${CSS.escape(element.localName)}:nth-of-type(${alike.indexOf(element) + 1})`;
}
