// The scripts of pages: each visit of a page runs its script, on elements of its own.

/** The URL of the files of pages: `{base}/pages/<hash>/`. */
const PAGE_FILES = new URL("../../pages/", import.meta.url).href;

/** The scripts that run; others are data. */
const SCRIPT = `script[src]:is([type=module], [type="text/javascript"], :not([type]))`;

/**
 * A loaded script that has not ended after so many idle moments, each at least so many milliseconds after the one before,
 * has started: it waits for something. On a slow device the moments come late, and one alone may come before the script.
 */
const START_MOMENTS = 5;
const START_MS = 10;

/** A page that is never idle counts as idle after so long, in milliseconds. */
const IDLE_MS_MAX = 200;

/** The scripts of the pages that a tab shows. */
export class PageScripts {
  /** Fulfilled once every script that runs has started. @type {Promise<unknown>} */
  #started = Promise.resolve();
  /** How often the script of a URL has run. @type {Map<string, number>} */
  #runs = new Map();

  /** Takes note of the scripts that the first page runs by itself. */
  start() {
    for (const { src } of document.scripts) this.#runs.set(src, 1);
  }

  /** Waits until every script that runs has started. */
  async started() {
    for (let started; started !== this.#started; await started) started = this.#started;
  }

  /**
   * Runs the script of a page, and other scripts that this tab has not run yet.
   *
   * @param {Document} page
   * @param {AbortSignal} signal aborted when the user leaves the page
   */
  run(page, signal) {
    const scripts = [...page.querySelectorAll(SCRIPT)].map((script) => {
      const isModule = script.getAttribute("type") === "module";
      return { isModule, href: new URL(script.getAttribute("src") ?? "", location.href).href };
    });
    return scripts.flatMap(({ isModule, href }) => {
      const runs = this.#runs.get(href) ?? 0;
      if (runs > 0 && !isPageFile(href)) return [];
      this.#runs.set(href, runs + 1);
      // A module runs once for each URL. With a fragment the URL is another one, but the file is the same for caches.
      if (isModule) return this.#startModule(runs === 0 ? href : `${href}#visit=${runs + 1}`, signal);
      const script = document.createElement("script");
      Object.assign(script, { src: href, async: false });
      document.head.append(script);
      return [];
    });
  }

  /**
   * Runs a module once it has loaded with its imports. A script of a page does not run if the user has left the page by
   * then, since it would find the elements of another page.
   *
   * @param {string} href
   * @param {AbortSignal} signal
   */
  #startModule(href, signal) {
    const loaded = preload(href);
    const run = loaded.then(() => {
      if (signal.aborted && isPageFile(href)) return;
      const run = import(href);
      this.#started = Promise.all([this.#started, Promise.race([run, idleMoments()]).catch(() => {})]);
      return run;
    });
    return { loaded, run: run.catch(reportError) };
  }
}

/**
 * Loads a module with its imports, if the browser supports this. A failure is not reported here: the later import
 * fails again, with a better message.
 *
 * @param {string} href
 */
async function preload(href) {
  const link = document.createElement("link");
  if (!link.relList.supports("modulepreload")) return;
  Object.assign(link, { rel: "modulepreload", href });
  document.head.append(link);
  await settled(link);
  link.remove();
}

/** Waits until the browser has been idle several times. */
async function idleMoments() {
  const idle = globalThis.requestIdleCallback ?? setTimeout;
  for (let moment = 0; moment < START_MOMENTS; moment += 1) {
    await new Promise((resolve) => setTimeout(() => idle(resolve, { timeout: IDLE_MS_MAX }), START_MS));
  }
}

/**
 * Waits until an element has loaded, or has failed to load.
 *
 * @param {Element} element
 */
export function settled(element) {
  return new Promise((resolve) => ["load", "error"].forEach((name) => element.addEventListener(name, resolve)));
}

/**
 * Returns whether a script belongs to a page.
 *
 * @param {string} href
 */
function isPageFile(href) {
  return href.startsWith(PAGE_FILES);
}
