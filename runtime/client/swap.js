// Development only: fetches files that a page links again, without loading the page.

/**
 * Puts the new version of style sheets in place of the old one, which stays until the new one is there.
 *
 * @param {Document} document
 * @param {string[]} paths such as `public/app.css` and `pages/index.css`
 */
export function swapStyles(document, paths) {
  for (const link of document.querySelectorAll("link")) {
    if (link.rel !== "stylesheet" || !isOneOf(document, link.href, paths)) continue;
    const next = /** @type {HTMLLinkElement} */ (link.cloneNode());
    next.href = anew(link.href);
    const swap = () => link.remove();
    next.addEventListener("load", swap, { once: true });
    next.addEventListener("error", swap, { once: true });
    link.after(next);
  }
}

/**
 * Fetches images, icons and the like again.
 *
 * @param {Document} document
 * @param {string[]} paths such as `public/logo.svg`
 */
export function fetchAgain(document, paths) {
  for (const element of document.querySelectorAll("[src], [href], [poster]")) {
    if (element.matches("script, a, area, base, link[rel=modulepreload]")) continue;
    for (const name of ["src", "href", "poster"]) {
      const value = element.getAttribute(name);
      if (value !== null && isOneOf(document, value, paths)) element.setAttribute(name, anew(new URL(value, document.baseURI).href));
    }
  }
}

/**
 * @param {Document} document
 * @param {string} address
 * @param {string[]} paths
 */
function isOneOf(document, address, paths) {
  const { origin } = new URL(document.baseURI);
  const url = URL.canParse(address, document.baseURI) ? new URL(address, document.baseURI) : undefined;
  if (url?.origin !== origin) return false;
  const path = decodeURI(url.pathname);
  return paths.some((file) => {
    const [, folder, name] = /^(\w+)\/(.*)$/s.exec(file) ?? [];
    // A page's file has the hash of all of them in its address: `/_kipo/pages/0123/index.css`; a public one has
    // its own in its name, if any: `/app.0123.css`.
    if (folder === "pages") return /\/pages\/[0-9a-f]+\/(.*)$/s.exec(path)?.[1] === name;
    return path === `/${name}` || path.replace(/\.[0-9a-f]{8,}(\.\w+)$/, "$1") === `/${name}`;
  });
}

/**
 * Returns the address with another query, so that no cache answers.
 *
 * @param {string} address
 */
function anew(address) {
  const url = new URL(address);
  url.searchParams.set("kipo", String(Date.now()));
  return url.href;
}
