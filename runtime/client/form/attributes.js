// What the attributes of a form, or of a control with `p-action`, set for its calls: `p-retry="3"` is `withRetry(3)`.

/** @import { Settings } from "../internal.d.ts" */

/**
 * Returns the settings of the calls of an element.
 *
 * @param {Element} element
 * @param {(name: string) => Settings["method"]} methodOf
 * @returns {Settings}
 */
export function settingsOf(element, methodOf) {
  const name = textOf(element, "p-action") ?? "";
  const resumable = textOf(element, "p-resumable");
  const [attempts, debounce, timeout] = ["p-retry", "p-debounce", "p-timeout"].map((name) => numberOf(element, name));
  return {
    name,
    input: undefined,
    element,
    method: methodOf(name),
    debounce,
    timeout,
    retry: attempts ? { attempts } : undefined,
    upload: resumable ? { resumable: resumable === "always" ? resumable : Number(resumable) } : undefined,
    loading: textOf(element, "p-loading"),
  };
}

/**
 * Returns the names of the parts that a success reloads.
 *
 * @param {Element} element
 */
export function partsOf(element) {
  return textOf(element, "p-reload")?.split(/\s+/).filter(Boolean) ?? [];
}

/**
 * Returns the text of an attribute, if it has one. A control named `getAttribute` must not break its form.
 *
 * @param {Element} element
 * @param {string} name
 */
export function textOf(element, name) {
  return Element.prototype.getAttribute.call(element, name)?.trim() || undefined;
}

/**
 * @param {Element} element
 * @param {string} name
 */
function numberOf(element, name) {
  const number = Number(textOf(element, name));
  return number > 0 ? number : undefined;
}
