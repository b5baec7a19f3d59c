// Development only: shows errors over the page. It has a shadow root, so that its styles and those of the page stay apart.

import { pieces } from "./ansi.js";

/**
 * A diagnostic of the server.
 *
 * @typedef {object} Report
 * @property {"template" | "compile" | "start" | "data" | "action"} [kind]
 * @property {string} [message]
 * @property {string} [file]
 * @property {number | null} [line]
 * @property {number | null} [column]
 * @property {string} [excerpt]
 * @property {string[]} [known]
 * @property {string} [rendered] the text of the compiler, with its colours
 * @property {boolean} [warning]
 * @property {string} [name]
 * @property {string} [request_id]
 *
 * @typedef {{ root?: string, editor?: string }} Editor how to open a location
 */

const KINDS = {
  template: "Template",
  compile: "Compiler",
  start: "Start",
  data: "Page data",
  action: "Action",
};

const STYLE = `
  :host { all: initial; display: block; position: fixed; inset: 0; z-index: 2147483647; overflow: auto;
    overscroll-behavior: contain; background: rgb(10 10 12 / 84%); color-scheme: light dark; }
  .errors { box-sizing: border-box; max-width: 66rem; margin: 5vh auto; padding: 0 1rem 4rem;
    color: light-dark(#1b1b1f, #ececec); font: 15px/1.5 system-ui, sans-serif; }
  .head { display: flex; gap: 1rem; align-items: baseline; margin-bottom: 0.75rem; }
  .head p { flex: 1; margin: 0; color: #fff; font-weight: 600; }
  section, details { margin-bottom: 1rem; padding: 1.25rem 1.5rem; border-radius: 10px;
    background: light-dark(#fff, #17171a); box-shadow: 0 12px 40px rgb(0 0 0 / 45%); }
  section { border-top: 5px solid #e5484d; }
  h2 { margin: 0 0 0.25rem; color: light-dark(#b3261e, #ff9ea1); font-size: 0.75rem; letter-spacing: 0.08em;
    text-transform: uppercase; }
  h1 { margin: 0 0 0.5rem; font-size: 1.15rem; line-height: 1.4; white-space: pre-wrap; overflow-wrap: anywhere; }
  .location { margin: 0 0 0.75rem; font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
  a { color: light-dark(#0b57d0, #9cc4ff); }
  pre { margin: 0 0 0.5rem; padding: 0.9rem 1rem; overflow-x: auto; border-radius: 6px; background: #0b0b0d; color: #dedede;
    font: 13.5px/1.5 ui-monospace, monospace; tab-size: 4; }
  pre a { color: #9cc4ff; }
  .known { margin: 0.5rem 0 0; color: light-dark(#55555c, #bdbdc2); overflow-wrap: anywhere; }
  code { font-family: ui-monospace, monospace; color: light-dark(#1b1b1f, #ececec); }
  pre code { color: inherit; }
  b { font-weight: 600; }
  summary { cursor: pointer; color: light-dark(#7a5c00, #e5c452); }
  details pre { margin-top: 0.75rem; }
  button { padding: 0.3rem 1rem; border: 1px solid light-dark(#9a9aa2, #55555c); border-radius: 6px;
    background: light-dark(#f4f4f6, #26262b); color: inherit; font: inherit; cursor: pointer; }
  :is(a, button, summary):focus-visible { outline: 2px solid #9cc4ff; outline-offset: 2px; }
`;

/** Covers the page while there are errors. */
export class Overlay {
  #document;
  #host;
  /** The shown reports, as text. */
  #shown = "";
  /** The reports that the user has hidden, each as text. @type {Set<string>} */
  #hidden = new Set();
  /** All reports. @type {Report[]} */
  #reports = [];
  /** The element that had the focus before the overlay. @type {HTMLElement | undefined} */
  #focused;
  /** @type {Editor} */
  #editor = {};

  /** @param {Document} document */
  constructor(document) {
    this.#document = document;
    this.#host = document.createElement("kipo-error");
    // Above the dialogs of the page, if the browser supports popovers.
    this.#host.popover = "manual";
    this.#host.addEventListener("focusin", ({ relatedTarget }) => {
      // Inside the shadow root, `relatedTarget` is the host.
      if (relatedTarget instanceof HTMLElement && relatedTarget !== this.#host) this.#focused = relatedTarget;
    });
    const root = this.#host.attachShadow({ mode: "open" });
    // A content security policy that forbids inline styles allows a sheet made by a script.
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
  }

  /** Sets how to open locations. @param {Editor} editor */
  openWith(editor) {
    this.#editor = editor;
    if (this.#shown) this.#render();
  }

  /**
   * Shows reports. Hidden reports stay hidden until another one arrives. Without errors the page is uncovered; warnings
   * alone do not cover it.
   *
   * @param {Report[]} errors the current errors, the first one first
   * @param {Report[]} [failures] failures of single requests
   */
  show(errors, failures = []) {
    const visible = failures.filter((report) => !this.#hidden.has(JSON.stringify(report)));
    const reports = [...visible, ...errors];
    const keys = reports.filter(({ warning }) => !warning).map((report) => JSON.stringify(report));
    this.#reports = reports;
    if (keys.length === 0) {
      this.#hidden = new Set(failures.map((report) => JSON.stringify(report)));
      this.#uncover();
    } else if (keys.some((key) => !this.#hidden.has(key))) {
      const now = JSON.stringify(reports);
      if (now === this.#shown) return;
      this.#shown = now;
      this.#render();
      if (!this.#host.isConnected) this.#cover();
    } else {
      this.#uncover();
    }
  }

  /** Hides the shown reports, until another one arrives. */
  hide() {
    this.#hidden = new Set(this.#reports.map((report) => JSON.stringify(report)));
    this.#uncover();
  }

  /** Covers the page, and does not take the focus: the user may be typing. */
  #cover() {
    // Elements outside of an open modal dialog are inert.
    const dialog = [...this.#document.querySelectorAll("dialog:modal")].at(-1);
    (dialog ?? this.#document.documentElement).append(this.#host);
    this.#host.showPopover?.();
    dialog?.addEventListener("close", () => this.#host.isConnected && this.#cover(), { once: true });
    this.#document.addEventListener("keydown", this.#onKey, { capture: true });
  }

  #uncover() {
    const hadFocus = this.#document.activeElement === this.#host;
    this.#document.removeEventListener("keydown", this.#onKey, { capture: true });
    this.#host.remove();
    this.#shown = "";
    if (hadFocus && this.#focused?.isConnected) this.#focused.focus({ preventScroll: true });
    this.#focused = undefined;
  }

  #onKey = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Escape" || event.isComposing) return;
    // The key is for the overlay, not for a dialog below it.
    event.preventDefault();
    event.stopImmediatePropagation();
    this.hide();
  };

  #render() {
    const root = /** @type {ShadowRoot} */ (this.#host.shadowRoot);
    const hadFocus = root.activeElement !== null;
    root.replaceChildren(this.#content(this.#reports));
    if (hadFocus) root.querySelector("button")?.focus();
  }

  /** @param {Report[]} reports */
  #content(reports) {
    const region = this.#element("div");
    Object.assign(region, { className: "errors", role: "region", ariaLabel: "Errors" });
    const alert = this.#element("div");
    alert.setAttribute("role", "alert");
    region.append(alert);
    const errors = reports.filter(({ warning }) => !warning);
    const warnings = reports.filter(({ warning }) => warning);
    const head = this.#element("div");
    head.className = "head";
    const hide = this.#element("button", "Hide (Esc)");
    hide.addEventListener("click", () => this.hide());
    const hint = "This closes by itself when the errors are fixed.";
    const count = errors.length === 1 ? "1 error." : `${errors.length} errors, the first one first.`;
    head.append(this.#element("p", `${count} ${hint}`), hide);
    alert.append(head, ...errors.map((report) => this.#section(report)));
    if (warnings.length > 0) {
      const details = this.#element("details");
      details.append(this.#element("summary", warnings.length === 1 ? "1 warning" : `${warnings.length} warnings`));
      details.append(...warnings.map(({ rendered, message }) => this.#rendered(String(rendered ?? message))));
      alert.append(details);
    }
    return region;
  }

  /** @param {Report} report */
  #section({ kind = "start", message, file, line, column, excerpt, known, rendered, name, request_id: id }) {
    const section = this.#element("section");
    const about = [KINDS[kind] ?? kind, name, id && `request ${id}`].filter(Boolean).join(" · ");
    section.append(this.#element("h2", about), this.#element("h1", message ?? "Unknown error"));
    if (file) {
      const location = this.#element("p");
      location.className = "location";
      const text = [this.#short(String(file)), line, column].filter((part) => part !== undefined && part !== null).join(":");
      location.append(this.#link(text, String(file), line ?? 1, column ?? 1));
      section.append(location);
    }
    if (rendered) section.append(this.#rendered(String(rendered)));
    else if (excerpt) section.append(this.#element("pre", excerpt));
    if (Array.isArray(known) && known.length > 0) {
      const list = this.#element("p", "Known names: ");
      list.className = "known";
      known.forEach((word, index) => list.append(index === 0 ? "" : ", ", this.#element("code", word)));
      section.append(list);
    }
    return section;
  }

  /**
   * Returns the text of a compiler, with its colours, and with links to the locations in it.
   *
   * @param {string} text
   */
  #rendered(text) {
    const pre = this.#element("pre");
    for (const { text: piece, colour, bold } of pieces(text.trimEnd())) {
      const into = colour || bold ? this.#element(bold ? "b" : "span") : pre;
      if (colour) into.style.color = colour;
      piece.split(/([^\s:()]+\.\w+:\d+:\d+)/).forEach((part, index) => {
        const [, file, line, column] = index % 2 === 1 ? /^(.*):(\d+):(\d+)$/.exec(part) ?? [] : [];
        into.append(file ? this.#link(part, file, Number(line), Number(column)) : part);
      });
      if (into !== pre) pre.append(into);
    }
    return pre;
  }

  /**
   * @param {string} text
   * @param {string} file
   * @param {number} line
   * @param {number} column
   */
  #link(text, file, line, column) {
    const { editor, root = "" } = this.#editor;
    if (!editor) return this.#element("code", text);
    const path = /^(\/|\w:)/.test(file) ? file : `${root}/${file}`;
    const link = /** @type {HTMLAnchorElement} */ (this.#element("a", text));
    link.title = "Open in the editor";
    link.href = editor
      .replaceAll("{file}", path.split("/").map(encodeURIComponent).join("/"))
      .replaceAll("{line}", String(line))
      .replaceAll("{column}", String(column));
    return link;
  }

  /** Returns the path of a file relative to the folder of the app. @param {string} file */
  #short(file) {
    const { root } = this.#editor;
    return root && file.startsWith(`${root}/`) ? file.slice(root.length + 1) : file;
  }

  /**
   * @param {string} name
   * @param {string} [text]
   */
  #element(name, text = "") {
    const element = this.#document.createElement(name);
    element.textContent = text;
    return element;
  }
}
