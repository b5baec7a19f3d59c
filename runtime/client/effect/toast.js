// Short messages at the edge of the page. An app replaces them by `effect("toast", …)`, or restyles `.kipo-toast`.

/** @import { EffectPage } from "../internal.d.ts" */
/** @import { Runnable } from "../types.d.ts" */

/** How long a toast is shown, in milliseconds, and how long one that offers an undo. */
const SHOWN_MS = 6000;
const UNDO_MS = 12_000;

/** The oldest toasts give way to new ones. */
const TOASTS_MAX = 4;

/** A live region must be in the page before its text changes; screen readers need this long to notice it. */
const REGION_MS = 60;

/** Every selector has no specificity, so that any rule of the app takes precedence. */
const STYLE = `
:where(.kipo-toasts) { position: fixed; inset: auto 0 max(1rem, env(safe-area-inset-bottom)); z-index: 2147483000; display: grid; gap: .5rem;
justify-items: center; pointer-events: none; margin: 0; padding: 0 1rem; border: 0; background: none; width: auto; max-width: none; overflow: visible; }
:where(.kipo-toast) { pointer-events: auto; display: flex; gap: 1rem; align-items: center; max-width: 32rem; box-sizing: border-box; padding: .6rem 1rem;
border-radius: .5rem; font: 1rem/1.4 system-ui, sans-serif; color: #fff; background: #24292b; border: 1px solid #5b6467; overflow-wrap: anywhere; }
:where(.kipo-toast[data-level=error]) { background: #8f1d14; border-color: #e08a80; }
:where(.kipo-toast button) { font: inherit; font-weight: 600; color: inherit; background: none; border: 1px solid; border-radius: .3rem; padding: .15rem .6rem; cursor: pointer; }`;

/** @type {CSSStyleSheet | undefined} */
let sheet;

/**
 * Shows a message, with a button for `undo` if there is one. The time stands still while the pointer or the focus is in it.
 *
 * @param {Record<string, unknown>} fields `{ text, level, ms, undo: { action, input, label } }`
 * @param {EffectPage} page
 */
export async function toast({ text, level, ms, undo }, page) {
  const { document, action } = page;
  const region = await regionOf(document);
  const shown = document.createElement("div");
  shown.className = "kipo-toast";
  shown.dataset.level = String(level ?? "info");
  const message = document.createElement("span");
  message.textContent = String(text);
  shown.append(message);

  /** The element that had the focus before the toast. @type {EventTarget | null} */
  let before = null;
  const close = () => {
    clearTimeout(timer);
    const hadFocus = shown.contains(document.activeElement);
    shown.remove();
    if (hadFocus && before instanceof HTMLElement) before.focus({ preventScroll: true });
  };
  if (undo) {
    const { action: name, input, label = "Undo" } = /** @type {{ action: string, input?: unknown, label?: string }} */ (undo);
    const button = document.createElement("button");
    Object.assign(button, { type: "button", textContent: label });
    button.addEventListener("click", () => {
      close();
      const failed = (/** @type {Error} */ { message }) => toast({ text: message, level: "error" }, page);
      callOf(action, name)(input).withOnError(failed).call();
    });
    shown.append(button);
  }
  let timer = 0;
  const start = () => {
    clearTimeout(timer);
    timer = setTimeout(close, Number(ms ?? (undo ? UNDO_MS : SHOWN_MS)));
  };
  const isHeld = () => shown.matches(":hover, :focus-within");
  for (const name of ["pointerenter", "focusin"]) shown.addEventListener(name, () => clearTimeout(timer));
  for (const name of ["pointerleave", "focusout"]) shown.addEventListener(name, () => setTimeout(() => isHeld() || start()));
  shown.addEventListener("focusin", ({ relatedTarget }) => (before = relatedTarget));
  start();
  show(region, shown);
}

/**
 * @param {Element} region
 * @param {...Element} toasts
 */
function show(region, ...toasts) {
  region.append(...toasts);
  while (region.childElementCount > TOASTS_MAX) region.firstElementChild?.remove();
}

/**
 * Returns the live region of the toasts.
 *
 * @param {Document} document
 * @returns {Promise<Element>}
 */
async function regionOf(document) {
  const parent = parentOf(document);
  const known = [...parent.children].find((child) => child.matches(".kipo-toasts"));
  if (known) return known;
  sheet ??= new CSSStyleSheet();
  if (!document.adoptedStyleSheets.includes(sheet)) {
    sheet.replaceSync(STYLE);
    document.adoptedStyleSheets.push(sheet);
  }
  const region = document.createElement("div");
  region.className = "kipo-toasts";
  region.setAttribute("role", "status");
  // A screen reader announces the new toast, and not those before it again.
  region.ariaAtomic = "false";
  parent.append(region);
  // A dialog that is closed shows nothing, and its toasts have still something to say.
  parent.addEventListener("close", async ({ target }) => {
    if (target === parent && region.firstChild) show(await regionOf(document), ...region.children);
  });
  await new Promise((resolve) => setTimeout(resolve, REGION_MS));
  // The dialog may be closed by now.
  return parentOf(document) === parent ? region : regionOf(document);
}

/**
 * Returns where toasts are: in the modal dialog, if one is open, since everything else is inert then; otherwise outside of
 * the body, where navigation does not remove them.
 *
 * @param {Document} document
 */
function parentOf(document) {
  return [...document.querySelectorAll("dialog:modal")].at(-1) ?? document.documentElement;
}

/**
 * @param {any} actions
 * @param {string} name
 * @returns {(input: unknown) => Runnable & { withOnError(then: (error: Error) => unknown): Runnable }}
 */
function callOf(actions, name) {
  return name.split(".").reduce((on, part) => on[part], actions);
}
