// The document of a page: parsed from HTML of the server, and named by its URL.

/**
 * Parses a page. Its scripts do not run.
 *
 * @param {string} html
 */
export function parsePage(html) {
  const page = new DOMParser().parseFromString(html, "text/html");
  // Browsers that run scripts keep the content of `noscript` as text.
  for (const element of page.querySelectorAll("noscript")) element.textContent = element.innerHTML;
  return page;
}

/**
 * Returns the URL of a page without its fragment.
 *
 * @param {{ href: string }} location
 */
export function pageUrl({ href }) {
  return href.replace(/#.*/s, "");
}
