// Development only: fetches files that a page links again, without loading the page.

/** The files that a page links. */
export class Files {
  #document;
  #onSwap;
  /** The link that is on its way to take the place of another. @type {WeakMap<Element, Element>} */
  #coming = new WeakMap();

  /**
   * @param {Document} document
   * @param {(link: Element, next: Element) => void} [onSwap] hears of links that took the place of others
   */
  constructor(document, onSwap = () => {}) {
    this.#document = document;
    this.#onSwap = onSwap;
  }

  /**
   * Puts the new version of style sheets in place of the old one, which stays until the new one is there.
   *
   * @param {string[] | null} paths such as `public/app.css` and `pages/index.css`; null: all of this site
   * @returns {boolean} whether the page has to be loaded, since a sheet imports one of those
   */
  swapStyles(paths) {
    const isMeant = (/** @type {string | null} */ address) => address !== null && isOneOf(this.#document, address, paths);
    const links = /** @type {HTMLLinkElement[]} */ ([...this.#document.querySelectorAll("link[rel~=stylesheet i][href]")]);
    const onTheWay = new Set(links.map((link) => this.#coming.get(link)));
    for (const link of links) if (!onTheWay.has(link) && isMeant(link.href)) this.#swap(link);
    return paths !== null && [...this.#document.styleSheets].some((sheet) => imports(sheet, isMeant));
  }

  /** @param {HTMLLinkElement} link */
  #swap(link) {
    this.#coming.get(link)?.remove();
    const next = /** @type {HTMLLinkElement} */ (link.cloneNode());
    next.href = anew(link.href);
    this.#coming.set(link, next);
    const heard = new AbortController();
    const { signal } = heard;
    next.addEventListener("error", () => next.remove(), { signal });
    next.addEventListener("load", () => {
      // It may load something else later.
      heard.abort();
      // A later one may have taken its turn, or the page may have let go of the sheet.
      if (this.#coming.get(link) !== next) return;
      if (!link.isConnected) return next.remove();
      this.#onSwap(link, next);
      link.remove();
    }, { signal });
    link.after(next);
  }

  /**
   * Fetches images, icons and the like again.
   *
   * @param {string[]} paths such as `public/logo.svg`
   */
  fetchAgain(paths) {
    const { baseURI } = this.#document;
    const again = (/** @type {string} */ address) =>
      isOneOf(this.#document, address, paths) ? anew(new URL(address, baseURI).href) : address;
    for (const element of this.#document.querySelectorAll(LINKING)) {
      if (element.matches(LEFT_ALONE)) continue;
      for (const name of ["src", "href", "poster", "data"]) {
        const address = element.getAttribute(name);
        if (address !== null && again(address) !== address) element.setAttribute(name, again(address));
      }
      const set = element.getAttribute("srcset");
      const next = set?.replace(/(^|,\s*)([^\s,]+)/g, (_, before, address) => before + again(address));
      if (next !== undefined && next !== set) element.setAttribute("srcset", next);
    }
  }
}

const LINKING = "[src], [srcset], [href], [poster], [data]";

/** What is no picture, sound or film, and would load a page, a script or a style. */
const LEFT_ALONE = "script, a, area, base, iframe, link:not([rel~=icon i], [rel~=apple-touch-icon i], [rel~=manifest i])";

/**
 * @param {CSSStyleSheet} sheet
 * @param {(address: string | null) => boolean} isMeant
 * @returns {boolean}
 */
function imports(sheet, isMeant) {
  try {
    const imported = [...sheet.cssRules].map((rule) => (rule instanceof CSSImportRule ? rule.styleSheet : null));
    return imported.some((each) => each && (isMeant(each.href) || imports(each, isMeant)));
  } catch {
    // A sheet of another site shows nobody what is in it.
    return false;
  }
}

/**
 * @param {Document} document
 * @param {string} address
 * @param {string[] | null} paths
 */
function isOneOf(document, address, paths) {
  const { origin } = new URL(document.baseURI);
  const url = URL.canParse(address, document.baseURI) ? new URL(address, document.baseURI) : undefined;
  if (url?.origin !== origin) return false;
  const path = decoded(url.pathname);
  return paths === null || paths.some((file) => {
    const [, folder, name] = /^(\w+)\/(.*)$/s.exec(file) ?? [];
    // A page's file has the hash of all of them in its address: `/_kipo/pages/0123/index.css`; a public one has
    // its own in its name, if any: `/app.0123.css`.
    if (folder === "pages") return /\/pages\/[0-9a-f]+\/(.*)$/s.exec(path)?.[1] === name;
    return path === `/${name}` || path.replace(/[.-][0-9a-f]{8,}(\.\w+)$/, "$1") === `/${name}`;
  });
}

/** @param {string} path */
function decoded(path) {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
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
