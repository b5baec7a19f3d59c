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
  :host { all: initial; position: fixed; inset: 0; z-index: 2147483647; overflow: auto; overscroll-behavior: contain;
    background: rgb(10 10 12 / 72%); color-scheme: dark; }
  main { box-sizing: border-box; max-width: 66rem; margin: 5vh auto; padding: 0 1rem 4rem; color: #ececec;
    font: 15px/1.5 system-ui, sans-serif; }
  header { display: flex; gap: 1rem; align-items: baseline; margin-bottom: 0.75rem; }
  header p { flex: 1; margin: 0; color: #fff; font-weight: 600; }
  section { margin-bottom: 1rem; padding: 1.25rem 1.5rem; border-radius: 10px; border-top: 5px solid #e5484d;
    background: #17171a; box-shadow: 0 12px 40px rgb(0 0 0 / 45%); }
  h2 { margin: 0 0 0.25rem; color: #ff9ea1; font-size: 0.75rem; letter-spacing: 0.08em; text-transform: uppercase; }
  h1 { margin: 0 0 0.5rem; font-size: 1.15rem; line-height: 1.4; white-space: pre-wrap; overflow-wrap: anywhere; }
  .place { margin: 0 0 0.75rem; font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
  a { color: #9cc4ff; }
  pre { margin: 0 0 0.5rem; padding: 0.9rem 1rem; overflow-x: auto; border-radius: 6px; background: #0b0b0d; color: #dedede;
    font: 13.5px/1.5 ui-monospace, monospace; tab-size: 4; }
  .known { margin: 0.5rem 0 0; color: #bdbdc2; overflow-wrap: anywhere; }
  code { font-family: ui-monospace, monospace; color: #ececec; }
  b { font-weight: 600; }
  details { padding: 0.75rem 1.5rem; border-radius: 10px; background: #17171a; }
  summary { cursor: pointer; color: #e5c452; }
  details pre { margin-top: 0.75rem; }
  button { padding: 0.3rem 1rem; border: 1px solid #55555c; border-radius: 6px; background: #26262b; color: inherit; font: inherit; }
  :is(a, button, summary):focus-visible { outline: 2px solid #9cc4ff; outline-offset: 2px; }
`;

/** Covers the page while something is wrong. */
export class Overlay {
  #document;
  /** @type {HTMLElement | undefined} */
  #host;
  /** @type {Editor} */
  editor = {};

  /** @param {Document} document */
  constructor(document) {
    this.#document = document;
  }

  /** @param {Report[]} reports the first is shown first; without any the page is uncovered */
  show(reports) {
    this.hide();
    if (reports.length === 0) return;
    const host = (this.#host = this.#document.createElement("kipo-error"));
    const root = host.attachShadow({ mode: "open" });
    // A sheet made by script is allowed by a policy that forbids inline styles.
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    root.append(this.#content(reports));
    // It takes no focus: somebody may be typing.
    this.#document.documentElement.append(host);
    this.#document.addEventListener("keydown", this.#onKey);
  }

  hide() {
    this.#document.removeEventListener("keydown", this.#onKey);
    this.#host?.remove();
    this.#host = undefined;
  }

  #onKey = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Escape") this.hide();
  };

  /** @param {Report[]} reports */
  #content(reports) {
    const main = this.#element("main");
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
      details.append(...warnings.map((report) => this.#rendered(report.rendered ?? report.message ?? "")));
      main.append(details);
    }
    return main;
  }

  /** @param {Report} report */
  #section({ kind = "start", message = "", file, line, column, excerpt, known, rendered, name, request_id: id }) {
    const section = this.#element("section");
    section.setAttribute("role", "alert");
    const about = [KINDS[kind] ?? kind, name, id && `request ${id}`].filter(Boolean).join(" · ");
    section.append(this.#element("h2", about), this.#element("h1", message));
    if (file) {
      const place = this.#element("p");
      place.className = "place";
      const text = [file, line, column].filter((part) => part !== undefined && part !== null).join(":");
      place.append(this.#link(text, file, line ?? 1, column ?? 1));
      section.append(place);
    }
    if (rendered) section.append(this.#rendered(rendered));
    else if (excerpt) section.append(this.#element("pre", excerpt));
    if (known && known.length > 0) {
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
    const { editor, root = "" } = this.editor;
    if (!editor) return this.#element("code", text);
    const path = file.startsWith("/") ? file : `${root}/${file}`;
    const link = /** @type {HTMLAnchorElement} */ (this.#element("a", text));
    link.title = "Open in the editor";
    link.href = editor
      .replaceAll("{file}", encodeURI(path))
      .replaceAll("{line}", String(line))
      .replaceAll("{column}", String(column));
    return link;
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
