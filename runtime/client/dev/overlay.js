// Development only: shows what is wrong over the page. Lives in a shadow root, so that neither styles the other.

import { pieces } from "./ansi.js";

/**
 * Something that is wrong, as the server tells it.
 *
 * @typedef {object} Report
 * @property {"template" | "compile" | "start" | "data" | "action"} [kind]
 * @property {string} [message]
 * @property {string} [file]
 * @property {number | null} [line]
 * @property {number | null} [column]
 * @property {string} [excerpt]
 * @property {string[]} [known]
 * @property {string} [rendered] the compiler's own text, with its colours
 * @property {boolean} [warning]
 * @property {string} [name]
 * @property {string} [request_id]
 *
 * @typedef {{ root?: string, editor?: string }} Editor how a place is opened
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
  main { box-sizing: border-box; max-width: 66rem; margin: 5vh auto; padding: 0 1rem 4rem;
    color: light-dark(#1b1b1f, #ececec); font: 15px/1.5 system-ui, sans-serif; }
  header { display: flex; gap: 1rem; align-items: baseline; margin-bottom: 0.75rem; }
  header p { flex: 1; margin: 0; color: #fff; font-weight: 600; }
  section, details { margin-bottom: 1rem; padding: 1.25rem 1.5rem; border-radius: 10px;
    background: light-dark(#fff, #17171a); box-shadow: 0 12px 40px rgb(0 0 0 / 45%); }
  section { border-top: 5px solid #e5484d; }
  h2 { margin: 0 0 0.25rem; color: light-dark(#b3261e, #ff9ea1); font-size: 0.75rem; letter-spacing: 0.08em;
    text-transform: uppercase; }
  h1 { margin: 0 0 0.5rem; font-size: 1.15rem; line-height: 1.4; white-space: pre-wrap; overflow-wrap: anywhere; }
  .place { margin: 0 0 0.75rem; font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
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

/** Covers the page while something is wrong. */
export class Overlay {
  #document;
  #host;
  /** What is shown, as text. */
  #shown = "";
  /** What somebody has read and put away, each as text. @type {Set<string>} */
  #hidden = new Set();
  /** All that is wrong. @type {Report[]} */
  #reports = [];
  /** What had the focus before the overlay. @type {HTMLElement | undefined} */
  #focused;
  /** @type {Editor} */
  #editor = {};

  /** @param {Document} document */
  constructor(document) {
    this.#document = document;
    this.#host = document.createElement("kipo-error");
    // Above the dialogs of the page, where the browser knows how.
    this.#host.popover = "manual";
    this.#host.addEventListener("focusin", ({ relatedTarget }) => {
      // It tells of the page alone: what lies in the shadow root is the host to it.
      if (relatedTarget instanceof HTMLElement && relatedTarget !== this.#host) this.#focused = relatedTarget;
    });
    const root = this.#host.attachShadow({ mode: "open" });
    // A sheet made by script is allowed by a policy that forbids inline styles.
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
  }

  /** Says how places are opened. @param {Editor} editor */
  openWith(editor) {
    this.#editor = editor;
    if (this.#shown) this.#render();
  }

  /**
   * Shows what is wrong. What was put away stays away until something else is wrong. Without an error the page is
   * uncovered: warnings alone keep nobody from it.
   *
   * @param {Report[]} errors what stands, the first one first
   * @param {Report[]} [failures] what failed once
   */
  show(errors, failures = []) {
    const once = failures.filter((report) => !this.#hidden.has(JSON.stringify(report)));
    const reports = [...once, ...errors];
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

  /** Puts away what is shown, for as long as nothing else is wrong. */
  hide() {
    this.#hidden = new Set(this.#reports.map((report) => JSON.stringify(report)));
    this.#uncover();
  }

  /** Takes no focus: somebody may be typing. */
  #cover() {
    // What is outside of a modal dialog cannot be reached while that is open.
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
    // It is for the overlay, and not for a dialog below it.
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
    const main = this.#element("main");
    main.setAttribute("role", "alert");
    const errors = reports.filter(({ warning }) => !warning);
    const warnings = reports.filter(({ warning }) => warning);
    const header = this.#element("header");
    const hide = this.#element("button", "Hide (Esc)");
    hide.addEventListener("click", () => this.hide());
    const mended = "It goes away by itself once it is mended.";
    const count = errors.length === 1 ? "One thing is wrong." : `${errors.length} things are wrong, the first one first.`;
    header.append(this.#element("p", `${count} ${mended}`), hide);
    main.append(header, ...errors.map((report) => this.#section(report)));
    if (warnings.length > 0) {
      const details = this.#element("details");
      details.append(this.#element("summary", warnings.length === 1 ? "1 warning" : `${warnings.length} warnings`));
      details.append(...warnings.map(({ rendered, message }) => this.#rendered(String(rendered ?? message))));
      main.append(details);
    }
    return main;
  }

  /** @param {Report} report */
  #section({ kind = "start", message, file, line, column, excerpt, known, rendered, name, request_id: id }) {
    const section = this.#element("section");
    const about = [KINDS[kind] ?? kind, name, id && `request ${id}`].filter(Boolean).join(" · ");
    section.append(this.#element("h2", about), this.#element("h1", message ?? "Something is wrong"));
    if (file) {
      const place = this.#element("p");
      place.className = "place";
      const text = [this.#short(String(file)), line, column].filter((part) => part !== undefined && part !== null).join(":");
      place.append(this.#link(text, String(file), line ?? 1, column ?? 1));
      section.append(place);
    }
    if (rendered) section.append(this.#rendered(String(rendered)));
    else if (excerpt) section.append(this.#element("pre", excerpt));
    if (Array.isArray(known) && known.length > 0) {
      const list = this.#element("p", "Known are ");
      list.className = "known";
      known.forEach((word, index) => list.append(index === 0 ? "" : ", ", this.#element("code", word)));
      section.append(list);
    }
    return section;
  }

  /**
   * A compiler's text, with its colours, and with the places in it to be opened.
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

  /** A file as it is called by who works in the app's folder. @param {string} file */
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
