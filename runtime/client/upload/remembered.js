// The addresses of uploads that have begun, so that the same file chosen again goes on after a reload of the page.

/** @returns {Storage | undefined} none if the browser denies it */
function storage() {
  try {
    return globalThis.localStorage;
  } catch {
    return undefined;
  }
}

/**
 * Returns the key of a file for a field of an action. A `Blob` has no name by which it could be recognised.
 *
 * @param {string} action
 * @param {string} field
 * @param {Blob} file
 */
export function fingerprint(action, field, file) {
  if (!(file instanceof File)) return undefined;
  return ["kipo-upload", action, field, file.name, file.type, file.size, file.lastModified].join(" ");
}

/**
 * @param {string | undefined} key
 * @returns {string | undefined} the address
 */
export function recall(key) {
  return (key && storage()?.getItem(key)) || undefined;
}

/**
 * @param {string | undefined} key
 * @param {string} [address] none forgets the file
 */
export function remember(key, address) {
  if (!key) return;
  try {
    if (address) storage()?.setItem(key, address);
    else storage()?.removeItem(key);
  } catch {
    // Without space, the file begins anew after a reload.
  }
}
