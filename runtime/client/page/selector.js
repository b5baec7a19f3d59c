// What an element is called, to find it again in the same page.

/**
 * Returns a selector that finds the element, and no other: by its names, or by its place below one that has some.
 *
 * @param {Element} element
 * @returns {string}
 */
export function pathOf(element) {
  const { ownerDocument: document, parentElement: parent, localName } = element;
  const names = ["id", "p-ref"].map((name) => named(element, name));
  const own = names.find((name) => name && document.querySelectorAll(name).length === 1);
  if (own) return own;
  if (!parent) return ":root";
  // A field is what its form calls it, wherever it stands.
  const form = /** @type {HTMLInputElement} */ (element).form;
  const field = ["name", "type", "value"].map((name) => named(element, name)).join("");
  if (form?.contains(element) && element.hasAttribute("name") && form.querySelectorAll(localName + field).length === 1) {
    return `${pathOf(form)} ${CSS.escape(localName)}${field}`;
  }
  const alike = [...parent.children].filter((each) => each.localName === localName);
  return `${pathOf(parent)} > ${CSS.escape(localName)}:nth-of-type(${alike.indexOf(element) + 1})`;
}

/**
 * @param {Element} element
 * @param {string} name
 */
function named(element, name) {
  const value = element.getAttribute(name);
  return value ? `[${name}="${CSS.escape(value)}"]` : "";
}
