// Shapes that the parts of the development panel share. Pages never see them.

import type { StreamState } from "../../types.d.ts";

/** A JSON Schema (2020-12), as far as forms look at one. */
export interface Schema {
  $ref?: string;
  type?: string | string[];
  description?: string;
  default?: unknown;
  const?: unknown;
  enum?: unknown[];
  oneOf?: Schema[];
  anyOf?: Schema[];
  allOf?: Schema[];
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: Schema | boolean;
  items?: Schema | boolean;
  prefixItems?: Schema[];
  minItems?: number;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  format?: string;
}

/** A named type: its schema, and how TypeScript writes it. */
export interface Definition {
  schema: Schema;
  text: string;
}

export type Definitions = Record<string, Definition>;

/** One registered action. */
export interface Described {
  name: string;
  doc: string;
  input: Schema;
  output: Schema;
  output_text: string;
  /** Null for a call that answers once. */
  events: { name: string; doc: string; data: Schema; text: string }[] | null;
}

/** A place in a file; `opens` is the path for an editor, if it is known. */
export interface Place {
  file: string;
  line: number;
  opens: string | null;
}

/** One page. */
export interface Page {
  /** The address with its parameters in braces; of an error page, that of its folder. */
  path: string;
  /** What an error page is shown for: `404`, `5xx`. */
  status: string | null;
  template: string;
  place: Place;
  /** The other templates that it is made of. */
  uses: string[];
  /** Of its data function. */
  data: Place | null;
}

export interface Size {
  name: string;
  bytes: number;
}

/** What `{base}/dev/panel` answers. */
export interface Facts {
  actions: Described[];
  definitions: Definitions;
  places: Record<string, Place>;
  pages: Page[];
  /** `at` is in milliseconds since 1970, here and below. */
  build: { what: string; ms: number; ok: boolean; at: number } | null;
  /** The last one first. */
  changes: { what: string; did: string; ms: number; ok: boolean; at: number }[];
  client: { start: Size[]; later: Size[]; dev: Size[] };
  /** An URL with `{file}`, `{line}` and `{column}` in it. */
  editor: string;
}

/** One field of a form. */
export interface Control {
  /** Its way from the top: `["filter", "name"]`. */
  path: string[];
  kind: "text" | "number" | "integer" | "flag" | "choice" | "group" | "json";
  doc: string;
  isRequired: boolean;
  /** It has to be there, and is null if it is empty. */
  isNullable: boolean;
  /** What a choice offers. */
  choices: unknown[];
  /** Of a group. */
  controls: Control[];
  /** A word on what belongs here. */
  hint: string;
  /** What stands in it at first. */
  initial: string;
  /** Whether it may hold several lines. */
  isLong: boolean;
}

/** What is in a form: text by the joined path of each control. */
export type Texts = Record<string, string>;

/** One run of an action, as the panel shows it. */
export interface Run {
  id: number;
  name: string;
  method: string;
  isStream: boolean;
  /** JSON, cut if it is long; here and below. */
  input: string;
  began: number;
  ended: number | null;
  /** Calls are `running`, then `closed`. */
  state: StreamState | "running";
  /** How it ended: with its output, with an error, by its signal, or because the page left its loop. */
  outcome: "done" | "failed" | "aborted" | "left" | null;
  output: string | null;
  error: string | null;
  /** The word of the error. */
  code: string | null;
  /** How many events there were. */
  events: number;
  /** The last of them, the newest last. */
  last: Seen[];
  reconnects: number;
  gaps: number;
  /** What happened to its connections, the newest last. */
  notes: Note[];
}

export interface Seen {
  number: number;
  at: number;
  event: string;
  id: string | null;
  text: string;
}

export interface Note {
  number: number;
  at: number;
  kind: "lost" | "back" | "gap";
  text: string;
}

/** What is remembered of the panel from page to page. */
export interface State {
  isOpen: boolean;
  tab: string;
  dock: "bottom" | "right";
  /** Of the window, in percent. */
  size: number;
}

/** One tab of the panel. */
export interface Tab {
  element: HTMLElement;
  /** It is looked at from here on. */
  show?(): void;
  /** It is not looked at any more. */
  hide?(): void;
}
