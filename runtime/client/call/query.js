/**
 * Returns fields as a form sends them: a list repeats its key, and null is left out.
 *
 * @param {string} name
 * @param {unknown} input
 * @throws {TypeError} if a query cannot carry a value of the input
 */
export function query(name, input) {
  const search = new URLSearchParams();
  if (input instanceof FormData) {
    for (const [field, value] of input) {
      if (value instanceof Blob) throw new TypeError(`${name}: "${field}" is a file, which GET cannot carry`);
      search.append(field, value);
    }
    return search;
  }
  // Through JSON, so that a Date is written as in a body.
  for (const [field, value] of Object.entries(JSON.parse(JSON.stringify(input)))) {
    for (const item of [value].flat()) {
      if (item === null) continue;
      if (typeof item === "object") throw new TypeError(`${name}: "${field}" is an object, which GET cannot carry`);
      search.append(field, item);
    }
  }
  return search;
}
