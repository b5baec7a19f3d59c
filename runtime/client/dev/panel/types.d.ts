// Types that the modules of the development panel share. They are not public.

import type { StreamState } from "../../types.d.ts";

/** A JSON Schema (2020-12), with the keywords that forms use. */
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

/** A named type: its schema, and its text in TypeScript. */
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
  /** Null for an action that does not stream. */
  events: { name: string; doc: string; data: Schema; text: string }[] | null;
}

/** A location in a source file; `opens` is the path for an editor, if it is known. */
export interface SourceLocation {
  file: string;
  line: number;
  opens: string | null;
}

/** One page. */
export interface Page {
  /** The path with its parameters in braces; of an error page, the path of its folder. */
  path: string;
  /** The status of an error page: `404`, `5xx`. */
  status: string | null;
  template: string;
  place: SourceLocation;
  /** The other templates that it uses. */
  uses: string[];
  /** The location of its data function. */
  data: SourceLocation | null;
}

export interface Size {
  name: string;
  bytes: number;
}

/** The response of `{base}/dev/panel`. */
export interface Facts {
  actions: Described[];
  definitions: Definitions;
  places: Record<string, SourceLocation>;
  pages: Page[];
  /** The path before those of all pages, such as `/app`, or an empty text. */
  prefix: string;
  /** `at` is in milliseconds since 1970, here and below. */
  build: { what: string; ms: number; ok: boolean; at: number } | null;
  /** The last one first. */
  changes: { what: string; did: string; ms: number; ok: boolean; at: number }[];
  client: { start: Size[]; later: Size[]; dev: Size[] };
  /** A URL with `{file}`, `{line}` and `{column}` in it. */
  editor: string;
}

/** A topic, a family of topics, or a presence. */
export interface TopicRow {
  name: string;
  durability: "Memory" | "Os" | "Fsync";
  /** Of what is in memory. */
  counts: {
    kind: "topic" | "family" | "presence";
    /** Null for a presence, of which nothing is counted. */
    topics: number | null;
    /** The number of topics with listeners. */
    followed: number;
    listeners: number;
    published: number;
  };
  /** The number of topics of a family that have had a message; null if the engine does not answer. */
  known: number | null;
  /** Whether there are more than were counted. */
  has_more: boolean;
  place: SourceLocation;
}

/** The response of `{base}/dev/panel/topics`. */
export interface TopicFacts {
  topics: TopicRow[];
  editor: string;
}

/** One field of a form. */
export interface Control {
  /** The names from the top: `["filter", "name"]`. */
  path: string[];
  kind: "text" | "number" | "integer" | "flag" | "choice" | "group" | "json";
  doc: string;
  isRequired: boolean;
  /** It is required, and null if it is empty. */
  isNullable: boolean;
  /** The values of a choice. */
  choices: unknown[];
  /** The controls of a group. */
  controls: Control[];
  /** What the field accepts. */
  hint: string;
  /** The initial text. */
  initial: string;
  /** Whether it has several lines. */
  isLong: boolean;
}

/** The content of a form: a text by the joined path of each control. */
export type Texts = Record<string, string>;

/** One run of an action, as the panel shows it. */
export interface Run {
  id: number;
  name: string;
  method: string;
  isStream: boolean;
  /** JSON, truncated if it is long; here and below. */
  input: string;
  began: number;
  ended: number | null;
  /** `running`, then `closed`, for calls. */
  state: StreamState | "running";
  /** How it ended: with its output, with an error, by its signal, or because the page has left its loop. */
  outcome: "done" | "failed" | "aborted" | "left" | null;
  output: string | null;
  error: string | null;
  /** The code of the error. */
  code: string | null;
  /** The number of events. */
  events: number;
  /** The last events, the newest last. */
  last: Seen[];
  reconnects: number;
  gaps: number;
  /** The changes of its connections, the newest last. */
  notes: Note[];
  /** The form or control that it is bound to. */
  element: WeakRef<Element> | null;
  /** The fields that the server has refused. */
  refused: string[];
  /** Null for an input without files. */
  upload: Upload | null;
}

/** The files of one run. */
export interface Upload {
  names: string;
  /** In bytes, here and below. */
  total: number;
  /** Null if the page does not ask for the progress: without `withOnUpload` the browser does not report it. */
  sent: number | null;
  /** When that was reported. */
  at: number;
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

/** The state of the panel, which stays from page to page. */
export interface State {
  isOpen: boolean;
  tab: string;
  dock: "bottom" | "right";
  /** In percent of the window. */
  size: number;
}

/** One tab of the panel. */
export interface Tab {
  element: HTMLElement;
  /** Called when the tab becomes visible. */
  show?(): void;
  /** Called when the tab is hidden. */
  hide?(): void;
}
