// Development only: replaces changed style sheets and images without a reload.

/** The files that a page links. */
export class Assets {
  #document;
  #onSwap;
  /** The link that is loading, by the link that it will replace. @type {WeakMap<Element, Element>} */
  #loading = new WeakMap();

  /**
   * @param {Document} document
   * @param {(link: Element, next: Element) => void} [onSwap] is called with a link and its replacement
   */
  constructor(document, onSwap = () => {}) {
    this.#document = document;
    this.#onSwap = onSwap;
  }

  /**
   * Replaces style sheets by their new version. The old version stays until the new one has loaded.
   *
   * @param {string[] | null} paths such as `public/app.css` and `pages/index.css`; null: all of this site
   * @returns {boolean} whether the page must be reloaded, because a sheet imports one of them
   */
  swapStyleSheets(paths) {
    const isChanged = (/** @type {string | null} */ url) => url !== null && isOneOf(this.#document, url, paths);
    const links = /** @type {HTMLLinkElement[]} */ ([...this.#document.querySelectorAll("link[rel~=stylesheet i][href]")]);
    const loading = new Set(links.map((link) => this.#loading.get(link)));
    for (const link of links) if (!loading.has(link) && isChanged(link.href)) this.#swap(link);
    return paths !== null && [...this.#document.styleSheets].some((sheet) => imports(sheet, isChanged));
  }

  /** @param {HTMLLinkElement} link */
  #swap(link) {
    this.#loading.get(link)?.remove();
    const next = /** @type {HTMLLinkElement} */ (link.cloneNode());
    next.href = uncached(link.href);
    this.#loading.set(link, next);
    const finished = new AbortController();
    const { signal } = finished;
    next.addEventListener("error", () => next.remove(), { signal });
    next.addEventListener("load", () => {
      // The link may load another file later.
      finished.abort();
      // A later version may have replaced this one, or a script may have removed the sheet.
      if (this.#loading.get(link) !== next) return;
      if (!link.isConnected) return next.remove();
      this.#onSwap(link, next);
      link.remove();
    }, { signal });
    link.after(next);
  }

  /**
   * Fetches images, icons and other media again.
   *
   * @param {string[]} paths such as `public/logo.svg`
   */
  refetch(paths) {
    const { baseURI } = this.#document;
    const fresh = (/** @type {string} */ url) =>
      isOneOf(this.#document, url, paths) ? uncached(new URL(url, baseURI).href) : url;
    for (const element of this.#document.querySelectorAll(LINKING)) {
      if (element.matches(NOT_MEDIA)) continue;
      for (const name of ["src", "href", "poster", "data"]) {
        const url = element.getAttribute(name);
        if (url !== null && fresh(url) !== url) element.setAttribute(name, fresh(url));
      }
      const set = element.getAttribute("srcset");
      const next = set?.replace(/(^|,\s*)([^\s,]+)/g, (_, before, url) => before + fresh(url));
      if (next !== undefined && next !== set) element.setAttribute("srcset", next);
    }
  }
}

const LINKING = "[src], [srcset], [href], [poster], [data]";

/** Elements that are not media: they link or load a page, a script or a style sheet. */
const NOT_MEDIA = "script, a, area, base, iframe, link:not([rel~=icon i], [rel~=apple-touch-icon i], [rel~=manifest i])";

/**
 * Returns whether a sheet imports a changed one.
 *
 * @param {CSSStyleSheet} sheet
 * @param {(url: string | null) => boolean} isChanged
 * @returns {boolean}
 */
function imports(sheet, isChanged) {
  try {
    const imported = [...sheet.cssRules].map((rule) => (rule instanceof CSSImportRule ? rule.styleSheet : null));
    return imported.some((each) => each && (isChanged(each.href) || imports(each, isChanged)));
  } catch {
    // The rules of a sheet of another site cannot be read.
    return false;
  }
}

/**
 * Returns whether a URL names one of these files of this site.
 *
 * @param {Document} document
 * @param {string} address
 * @param {string[] | null} paths
 */
function isOneOf(document, address, paths) {
  const { origin } = new URL(document.baseURI);
  const url = URL.canParse(address, document.baseURI) ? new URL(address, document.baseURI) : undefined;
  if (url?.origin !== origin) return false;
  const prefix = document.querySelector("meta[name=kipo-prefix]")?.getAttribute("content") ?? "";
  const path = decoded(url.pathname);
  return paths === null || paths.some((file) => {
    const [, folder, name] = /^(\w+)\/(.*)$/s.exec(file) ?? [];
    // The URL of a page's file has the hash of all of them: `/_kipo/pages/0123/index.css`. A public file may have its own
    // hash in its name: `/app.0123.css`.
    if (folder === "pages") return /\/pages\/[0-9a-f]+\/(.*)$/s.exec(path)?.[1] === name;
    const own = `${prefix}/${name}`;
    return path === own || path.replace(/[.-][0-9a-f]{8,}(\.\w+)$/, "$1") === own;
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
 * Returns a URL with another query, so that it is in no cache.
 *
 * @param {string} address
 */
function uncached(address) {
  const url = new URL(address);
  url.searchParams.set("kipo", String(Date.now()));
  return url.href;
}
