// A page as the server sends it, for what puts it in place of the one that is shown.

/**
 * Reads a page. Its scripts do not run.
 *
 * @param {string} html
 */
export function parse(html) {
  const page = new DOMParser().parseFromString(html, "text/html");
  // Where scripts run, what is meant for those without them is text.
  for (const element of page.querySelectorAll("noscript")) element.textContent = element.innerHTML;
  return page;
}

/**
 * Returns the address of a page: all but the place within it.
 *
 * @param {{ href: string }} location
 */
export function address({ href }) {
  return href.replace(/#.*/s, "");
}
