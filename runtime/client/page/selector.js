// A selector for one element, to find it again later in the same page.

/**
 * Returns a selector that matches only this element: by its id or `p-ref`, or by its position below an element with one.
 *
 * @param {Element} element
 * @returns {string}
 */
export function selectorOf(element) {
  const { ownerDocument: document, parentElement: parent, localName } = element;
  const names = ["id", "p-ref"].map((name) => attributeSelector(element, name));
  const own = names.find((name) => name && document.querySelectorAll(name).length === 1);
  if (own) return own;
  if (!parent) return ":root";
  // A field of a form has a name, which stays the same when the field moves.
  const form = /** @type {HTMLInputElement} */ (element).form;
  const field = ["name", "type", "value"].map((name) => attributeSelector(element, name)).join("");
  if (form?.contains(element) && element.hasAttribute("name") && form.querySelectorAll(localName + field).length === 1) {
    return `${selectorOf(form)} ${CSS.escape(localName)}${field}`;
  }
  const siblings = [...parent.children].filter((sibling) => sibling.localName === localName);
  return `${selectorOf(parent)} > ${CSS.escape(localName)}:nth-of-type(${siblings.indexOf(element) + 1})`;
}

/**
 * @param {Element} element
 * @param {string} name
 */
function attributeSelector(element, name) {
  const value = element.getAttribute(name);
  return value ? `[${name}="${CSS.escape(value)}"]` : "";
}
