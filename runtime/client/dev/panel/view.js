/** @import { Facts, Tab } from "./types.d.ts" */
/** @import { Activity } from "./activity.js" */
/** @import { PanelStorage } from "./storage.js" */

import { el, say } from "./dom.js";
import { edge } from "./resize.js";
import { STYLE } from "./style.js";
import { actionsTab } from "./tabs/actions.js";
import { runsTab } from "./tabs/activity.js";
import { buildList } from "./tabs/build.js";
import { clientSizes, gzippedSize } from "./tabs/client.js";
import { formsTab } from "./tabs/forms.js";
import { pagesList } from "./tabs/pages.js";
import { topicsList } from "./tabs/topics.js";

/** How often a tab whose content changes by itself asks the server, in milliseconds. */
const ASK_MS = 2000;

/** Events that do not leave the panel: a click in it must not close a menu of the page. */
const OWN_EVENTS = [
  ...["keydown", "keyup", "keypress", "beforeinput", "input", "click", "dblclick", "auxclick", "contextmenu"],
  ...["mousedown", "mouseup", "pointerdown", "pointerup", "touchstart", "touchend", "wheel"],
  ...["focusin", "focusout", "copy", "cut", "paste", "dragstart", "drop", "submit"],
];

const TITLES = { actions: "Actions", activity: "Activity", forms: "Forms", pages: "Pages", topics: "Topics", build: "Build", client: "Client" };

/**
 * What the panel shows.
 *
 * @typedef {object} Sources
 * @property {Activity} activity
 * @property {PanelStorage} storage
 * @property {URL} base the URL of the client's modules
 * @property {unknown} action of the page's client
 * @property {string} key that opens it, as text
 */

/** The panel in the page. It has a shadow root, so that its styles and those of the page stay apart. */
export class View {
  #host = document.createElement("kipo-panel");
  #section;
  #edge;
  #content = el("div", { role: "tabpanel", id: "content", tabindex: 0 });
  /** The buttons of the tabs, by name. @type {Map<string, HTMLButtonElement>} */
  #buttons = new Map();
  #dock = el("button", { type: "button", onclick: () => this.#turn() });
  #sources;
  /** The tabs that have been opened, by name. @type {Map<string, Tab>} */
  #tabs = new Map();
  /** The visible tab. @type {Tab | undefined} */
  #tab;
  /** The element that had the focus before the panel opened. @type {Element | null} */
  #before = null;
  /** Adds the panel again after a script has replaced all children of the page. */
  #observer = new MutationObserver(() => this.#host.isConnected || document.documentElement.append(this.#host));

  /** @param {Sources} sources */
  constructor(sources) {
    this.#sources = sources;
    const { storage, key } = sources;
    this.#edge = edge(() => storage.state, (size) => (storage.change({ size }), this.#arrange()));
    const close = el("button", { type: "button", "aria-label": "Close", title: `Close (Esc or ${key})`, onclick: () => this.close() }, "✕");
    const tabs = el("div", { role: "tablist", "aria-label": "Kipo panel", onkeydown: (/** @type {KeyboardEvent} */ event) => this.#move(event) });
    for (const [name, title] of Object.entries(TITLES)) {
      const button = el("button", { type: "button", role: "tab", id: name, "aria-controls": "content", onclick: () => this.#select(name) }, title);
      this.#buttons.set(name, button);
      tabs.append(button);
    }
    const tools = el("div", { class: "tools" }, el("kbd", {}, key), this.#dock, close);
    const header = el("header", {}, el("span", { class: "brand" }, "kipo"), tabs, tools);
    this.#section = el("section", { "aria-label": "Kipo panel" }, this.#edge.element, header, this.#content);
    this.#section.addEventListener("keydown", (event) => event.key === "Escape" && !event.isComposing && this.close());
    const root = this.#host.attachShadow({ mode: "open" });
    // A content security policy that forbids inline styles allows a sheet made by a script.
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    root.append(this.#section);
    for (const name of OWN_EVENTS) this.#host.addEventListener(name, (event) => event.stopPropagation(), { passive: true });
  }

  get isOpen() {
    return this.#host.isConnected;
  }

  /** @param {boolean} takesFocus whether the user has just asked for it */
  open(takesFocus) {
    const { storage } = this.#sources;
    storage.change({ isOpen: true });
    this.#before = document.activeElement;
    document.documentElement.append(this.#host);
    this.#observer.observe(document.documentElement, { childList: true });
    this.#arrange();
    const { tab } = storage.state;
    this.#select(tab in TITLES ? tab : "actions");
    if (takesFocus) this.#buttons.get(storage.state.tab)?.focus();
  }

  close() {
    const hadFocus = document.activeElement === this.#host;
    this.#sources.storage.change({ isOpen: false });
    this.#observer.disconnect();
    this.#tab?.hide?.();
    this.#tab = undefined;
    this.#host.remove();
    if (hadFocus && this.#before instanceof HTMLElement) this.#before.focus({ preventScroll: true });
  }

  /** Applies the stored state. */
  #arrange() {
    const { dock, size } = this.#sources.storage.state;
    this.#section.dataset.dock = dock;
    this.#section.style.setProperty("--size", String(size));
    say(this.#dock, dock === "bottom" ? "◨" : "⬓");
    const title = dock === "bottom" ? "Dock to the right" : "Dock to the bottom";
    this.#dock.title = title;
    this.#dock.ariaLabel = title;
    this.#edge.draw();
  }

  #turn() {
    const { storage } = this.#sources;
    storage.change({ dock: storage.state.dock === "bottom" ? "right" : "bottom" });
    this.#arrange();
  }

  /** @param {string} name */
  #select(name) {
    this.#sources.storage.change({ tab: name });
    for (const [other, button] of this.#buttons) {
      button.ariaSelected = String(other === name);
      button.tabIndex = other === name ? 0 : -1;
    }
    this.#content.setAttribute("aria-labelledby", name);
    this.#tab?.hide?.();
    this.#tab = this.#tabs.get(name) ?? this.#make(name);
    this.#tabs.set(name, this.#tab);
    this.#content.replaceChildren(this.#tab.element);
    this.#tab.show?.();
  }

  /** @param {KeyboardEvent} event */
  #move(event) {
    const names = [...this.#buttons.keys()];
    const at = names.indexOf(this.#sources.storage.state.tab);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1 + names.length, Home: 0, End: names.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const name = names[to % names.length] ?? "actions";
    this.#select(name);
    this.#buttons.get(name)?.focus();
  }

  /**
   * @param {string} name
   * @returns {Tab}
   */
  #make(name) {
    const { activity, storage, action, base } = this.#sources;
    switch (name) {
      case "activity":
        return runsTab(activity);
      case "forms":
        return formsTab(activity, document);
      case "pages":
        return this.#asking((facts) => pagesList(facts, currentTemplate()));
      case "build":
        return this.#asking(buildList, { everyMs: ASK_MS });
      case "topics":
        return this.#asking(topicsList, { path: "../dev/panel/topics", everyMs: ASK_MS });
      case "client":
        return this.#asking((facts) => clientSizes(facts, ({ name }) => gzippedSize(new URL(name, base))));
      default: {
        /** Created once, so that the texts in its forms stay. @type {HTMLElement | undefined} */
        let made;
        return this.#asking((facts) => (made ??= actionsTab(facts, action, storage).element));
      }
    }
  }

  /**
   * Returns a tab that asks the server when it becomes visible.
   *
   * @template [Document=Facts]
   * @param {(facts: Document) => HTMLElement | Promise<HTMLElement>} draw
   * @param {{ path?: string, everyMs?: number }} [options] the document, and the interval of further requests
   * @returns {Tab}
   */
  #asking(draw, { path = "../dev/panel", everyMs = 0 } = {}) {
    const element = el("div", {}, el("p", { class: "empty", role: "status" }, "Loading …"));
    let timer = 0;
    let shown = "";
    const ask = async () => {
      try {
        const response = await fetch(new URL(path, this.#sources.base), { cache: "no-store" });
        if (!response.ok) throw new Error(`the server responded with ${response.status}`);
        const text = await response.text();
        // If nothing has changed, the elements stay, with focus and selection.
        const now = `${currentTemplate()} ${text}`;
        if (now !== shown) element.replaceChildren(await draw(JSON.parse(text)));
        shown = now;
      } catch (error) {
        shown = "";
        const again = el("button", { type: "button", onclick: ask }, "Try again");
        const why = `This cannot be shown: ${error instanceof Error ? error.message : error} `;
        element.replaceChildren(el("p", { class: "empty", role: "status" }, why, again));
      }
    };
    return {
      element,
      show() {
        void ask();
        if (everyMs > 0) timer = setInterval(() => document.hidden || void ask(), everyMs);
      },
      hide: () => clearInterval(timer),
    };
  }
}

/** Returns the template of the current page. */
function currentTemplate() {
  return document.querySelector("script[data-kipo-page]")?.getAttribute("data-kipo-page") ?? undefined;
}
