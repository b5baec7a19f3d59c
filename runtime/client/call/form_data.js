// The input of a call with files, as a form. Pages load this module with their first file.

/**
 * Returns the body of a call with files. A `Blob` and a `FormData` are the body as they are. The fields of another input
 * are sent as a form sends them: a list repeats its name, and null is left out.
 *
 * @param {string} name
 * @param {unknown} input
 * @returns {BodyInit}
 * @throws {TypeError} if a form cannot carry a value of the input
 */
export function bodyWithFiles(name, input) {
  if (input instanceof Blob || input instanceof FormData) return input;
  const form = new FormData();
  for (const [field, value] of Object.entries(/** @type {object} */ (input))) {
    for (const item of Array.isArray(value) ? value : [value]) append(form, name, field, item);
  }
  return form;
}

/**
 * @param {FormData} form
 * @param {string} name
 * @param {string} field
 * @param {unknown} item
 */
function append(form, name, field, item) {
  if (item instanceof Blob) return form.append(field, item);
  // Through JSON, so that a Date is written as in a body.
  const json = JSON.stringify(item);
  if (json === undefined || json === "null") return;
  const value = JSON.parse(json);
  if (typeof value === "object") throw new TypeError(`${name}: "${field}" is an object, which a form with files cannot carry`);
  form.append(field, value);
}

/**
 * Returns whether a value is a file, or has one at any depth.
 *
 * @param {unknown} value
 * @returns {boolean}
 */
export function hasFile(value) {
  if (value instanceof Blob) return true;
  return typeof value === "object" && value !== null && Object.values(value).some(hasFile);
}
