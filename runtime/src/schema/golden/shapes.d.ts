// The head.

// Generated from the actions and pages of this app.

export interface CallOutput {
  number: number;
}

/** No fields. */
export interface Ping {
  [key: string]: never;
}

/** Used from two namespaces. */
export interface Shared {
  at: string;
}

export type UnitStruct = null;

/** No fields. */
export interface new_ {
  [key: string]: never;
}

export declare namespace bank {
  interface Transfer {
    cents: number;
  }

  /** What stops a transfer. */
  type TransferError =
    /** The account has less than that. */
    | {
      status: 409;
      code: "insufficient_funds";
      data: { missing: number; shared: Shared | null };
    }
    | { status: 409; code: "account.frozen" }
    | { status: 402; code: "fee"; data: Shared };

  /** No fields. */
  interface Unit {
    [key: string]: never;
  }
}

export declare namespace boards {
  /** The id of an account, which uses all 64 bits. */
  type AccountId = `${bigint}`;

  /** The name of a board. */
  type BoardName = string;

  /** The number of a card. */
  type CardNumber = number;

  type ListId = string;

  interface Watch {
    board: BoardName;
    card: CardNumber;
    account: AccountId;
    list: ListId;
    id: string;
    more: BoardName[];
  }
}

export declare namespace chat {
  interface FollowError {
    status: 404;
    code: "not_found";
  }

  /** No fields. */
  interface Listen {
    [key: string]: never;
  }

  /** Another form as an input. */
  interface Message {
    /** Who wrote it. */
    author: string;
    note: string | null;
  }

  /** Another form as an input. */
  interface MessageInput {
    /** Who wrote it. */
    author: string;
    note?: string | null;
  }

  interface Send {
    username: string;
    quoted: MessageInput[];
    status: StatusInput;
  }

  /** What the two modules call alike. */
  type Status = "Joined" | "Left";

  /** Not the other one. */
  interface StatusInput {
    is_away: boolean;
  }
}

export declare namespace default_ {
  /** No fields. */
  interface string_ {
    [key: string]: never;
  }
}

export declare namespace mail {
  /** A file that is required, one that may be missing, and any number of them. */
  interface Attach {
    subject: string;
    letter: Blob;
    stamp?: Blob | null;
    photos?: Blob[];
  }

  /** No fields. */
  interface Count {
    [key: string]: never;
  }

  type Import = Blob;

  /** The same name as in `chat`. */
  interface Message {
    subject: string;
    shared: Shared;
  }

  interface Search {
    words: string[];
    page?: number | null;
  }

  interface Send {
    message: Message;
    /**
     * A `*\/` in a comment, and a `/*`.
     *
     * @default false
     */
    urgent?: boolean;
    /** @default 3 */
    tries?: number;
  }

  type Sort = Message[];

  /** The input of an action with a lower-case name that is a word of the language. */
  interface delete_ {
    id: `${bigint}`;
  }
}

export declare namespace shapes {
  type Adjacent =
    | { kind: "Unit" }
    | { kind: "Newtype"; content: string }
    | { kind: "Tuple"; content: [number, string] }
    | { kind: "Struct"; content: { field: number } };

  type Bound_of_uint8 = { Included: number } | { Excluded: number } | "Unbounded";

  /** Documented words. */
  type Documented =
    /** The first. */
    | "First"
    /** The second. */
    | "2nd";

  interface Duration {
    secs: number;
    nanos: number;
  }

  /** Enums of every tagging. */
  interface Enums {
    words: Words;
    documented: Documented;
    maybe_word: Words | null;
    external: External;
    internal: Internal;
    adjacent: Adjacent;
    untagged: Untagged;
    result: Result_of_uint8_or_string;
    never: Never | null;
    by_word: { first?: number; "second-word"?: number };
    flattened: FlatEnum;
    flattened_maybe: FlatMaybe;
    flattened_both: FlatBoth;
  }

  /** Enums of every tagging. */
  interface EnumsInput {
    words: Words;
    documented: Documented;
    maybe_word?: Words | null;
    external: ExternalInput;
    internal: InternalInput;
    adjacent: Adjacent;
    untagged: Untagged;
    result: Result_of_uint8_or_string;
    never?: Never | null;
    by_word: { first?: number; "second-word"?: number };
    flattened: FlatEnumInput;
    flattened_maybe: FlatMaybeInput;
    flattened_both: FlatBothInput;
  }

  type Even = unknown;

  /** serde's default. */
  type External =
    | "Unit"
    | { Newtype: string }
    | { Tuple: [number, number] }
    /** With fields. */
    | {
      Struct: {
        /** One field. */
        field: number | null;
      };
    };

  /** serde's default. */
  type ExternalInput =
    | "Unit"
    | { Newtype: string }
    | { Tuple: [number, number] }
    /** With fields. */
    | {
      Struct: {
        /** One field. */
        field?: number | null;
      };
    };

  interface Flat {
    x: number;
    y: number | null;
  }

  type FlatBoth = ({ type: "Unit" } | { type: "Newtype" } & Flat | { type: "Struct"; field: number }) & (
    | { kind: "Unit" }
    | { kind: "Newtype"; content: string }
    | { kind: "Tuple"; content: [number, string] }
    | { kind: "Struct"; content: { field: number } });

  type FlatBothInput = ({ type: "Unit" } | { type: "Newtype" } & FlatInput | { type: "Struct"; field: number }) & (
    | { kind: "Unit" }
    | { kind: "Newtype"; content: string }
    | { kind: "Tuple"; content: [number, string] }
    | { kind: "Struct"; content: { field: number } });

  type FlatEnum = { id: number } & ({ type: "Unit" } | { type: "Newtype" } & Flat | { type: "Struct"; field: number });

  type FlatEnumInput = { id: number } & ({ type: "Unit" } | { type: "Newtype" } & FlatInput | { type: "Struct"; field: number });

  interface FlatInput {
    x: number;
    y?: number | null;
  }

  type FlatMaybe = { id: number } & (
    | { type: "Unit" }
    | { type: "Newtype" } & Flat
    | { type: "Struct"; field: number }
    | { type?: never; field?: never });

  type FlatMaybeInput = { id: number } & (
    | { type: "Unit" }
    | { type: "Newtype" } & FlatInput
    | { type: "Struct"; field: number }
    | { type?: never; field?: never });

  type Internal = { type: "Unit" } | { type: "Newtype" } & Flat | { type: "Struct"; field: number };

  type InternalInput = { type: "Unit" } | { type: "Newtype" } & FlatInput | { type: "Struct"; field: number };

  /** A type that TypeScript could not resolve as it stands. */
  type Itself = string;

  /** Through a type without fields. */
  type Json = string | Json[] | { [key: string]: Json };

  /** Lists, maps and recursion. */
  interface Nested {
    tree: Tree;
    json: Json;
    itself: Itself | null;
    even: Even;
    list: (Words | null)[];
    set: string[];
    map: { [key: string]: Flat };
    by_number: { [key: string]: boolean[] };
    by_exact: { [key: string]: boolean };
    object: { [key: string]: unknown };
    tuple: [string, number, [boolean]];
    tuples: [string, number | null][];
    rest: Rest;
    typed_rest: TypedRest;
  }

  /** Lists, maps and recursion. */
  interface NestedInput {
    tree: TreeInput;
    json: Json;
    itself?: Itself | null;
    even: Even;
    list: (Words | null)[];
    set: string[];
    map: { [key: string]: FlatInput };
    by_number: { [key: string]: boolean[] };
    by_exact: { [key: string]: boolean };
    object: { [key: string]: unknown };
    tuple: [string, number, [boolean]];
    tuples: [string, number | null][];
    rest: Rest;
    typed_rest: TypedRestInput;
  }

  type Never = never;

  type Newtype = number;

  /** Numbers and what the standard library brings. */
  interface Numbers {
    int: number;
    unsigned: number;
    big: number;
    size: number;
    float: number;
    exact: `${bigint}`;
    exacts: `${bigint}`[];
    maybe_exact: `${bigint}` | null;
    bytes: number[];
    hash: number[];
    color: [number, number, number];
    letter: string;
    non_zero: number;
    duration: Duration;
    address: string;
    path: string;
    range: Range_of_uint8;
    bound: Bound_of_uint8;
    time: string;
  }

  /** Numbers and what the standard library brings. */
  interface NumbersInput {
    int: number;
    unsigned: number;
    big: number;
    size: number;
    float: number;
    exact: `${bigint}`;
    exacts: `${bigint}`[];
    maybe_exact?: `${bigint}` | null;
    bytes: number[];
    hash: number[];
    color: [number, number, number];
    letter: string;
    non_zero: number;
    duration: Duration;
    address: string;
    path: string;
    range: Range_of_uint8;
    bound: Bound_of_uint8;
    time: string;
  }

  type Odd = boolean | Even;

  /** A page of anything. */
  interface Page_Array_of_string {
    items: string[][];
    next: `${bigint}` | null;
  }

  /** A page of anything. */
  interface Page_Array_of_stringInput {
    items: string[][];
    next?: `${bigint}` | null;
  }

  /** A page of anything. */
  interface Page_Newtype {
    items: Newtype[];
    next: `${bigint}` | null;
  }

  /** A page of anything. */
  interface Page_NewtypeInput {
    items: Newtype[];
    next?: `${bigint}` | null;
  }

  type Pair = [string, number | null];

  interface Range_of_uint8 {
    start: number;
    end: number;
  }

  /** And whatever else there is. */
  interface Rest {
    id: number;
    [key: string]: unknown;
  }

  type Result_of_uint8_or_string = { Ok: number } | { Err: string };

  interface Strict {
    only: boolean;
  }

  /** Structs and what fields can be. */
  interface Structs {
    plain: string;
    optional: string | null;
    left_out?: string;
    /** Left out as well. */
    left_out_flat?: Flat;
    left_out_word?: Words;
    defaulted: string;
    list?: string[];
    twice: boolean | null;
    "content-type": string;
    "with \"quotes\" and \\": boolean;
    type: string;
    class: string;
    out: boolean;
    newtype: Newtype;
    transparent: Newtype[];
    pair: Pair;
    nothing: null;
    unit: UnitStruct;
    strict: Strict;
    page: Page_Newtype;
    pages: Page_Array_of_string;
    unnamed: Unnamed;
    unnamed_too: Unnamed2;
    boxed: Flat;
    /** @deprecated */
    old: Flat | null;
    any: unknown;
    maybe_any: unknown;
    x: number;
    y: number | null;
  }

  /** Structs and what fields can be. */
  interface StructsInput {
    plain: string;
    optional?: string | null;
    left_out?: string | null;
    /** Left out as well. */
    left_out_flat?: FlatInput | null;
    left_out_word?: Words | null;
    /** @default "" */
    defaulted?: string;
    list?: string[];
    twice?: boolean | null;
    written_only_by_clients?: number;
    "content-type": string;
    "with \"quotes\" and \\": boolean;
    type: string;
    class: string;
    in: boolean;
    newtype: Newtype;
    transparent: Newtype[];
    pair: Pair;
    nothing: null;
    unit: UnitStruct;
    strict: Strict;
    page: Page_NewtypeInput;
    pages: Page_Array_of_stringInput;
    unnamed: Unnamed;
    unnamed_too: Unnamed2;
    boxed: FlatInput;
    /** @deprecated */
    old?: FlatInput | null;
    any: unknown;
    maybe_any?: unknown;
    x: number;
    y?: number | null;
  }

  /** Through a list. */
  interface Tree {
    name: string;
    parent: Tree | null;
    children: Tree[];
    by_name: { [key: string]: Tree };
  }

  /** Through a list. */
  interface TreeInput {
    name: string;
    parent?: TreeInput | null;
    children: TreeInput[];
    by_name: { [key: string]: TreeInput };
  }

  interface TypedRest {
    id: number;
    name: string | null;
    [key: string]: boolean | number | string | null;
  }

  interface TypedRestInput {
    id: number;
    name?: string | null;
    [key: string]: boolean | number | string | null | undefined;
  }

  /** No rename, so schemars calls all of them the same. */
  interface Unnamed {
    value: string;
  }

  /** No rename, so schemars calls all of them the same. */
  interface Unnamed2 {
    value: boolean;
  }

  type Untagged = null | number | string | { field: number };

  type Words = "first" | "second-word";
}

/** The actions of this app, by namespace. */
export interface Actions {
  /** At the top, where `Call` is taken. */
  Ping(input?: Ping | FormInput): Call<CallOutput, never>;
  bank: {
    Transfer(input: bank.Transfer | FormInput): Call<bank.Unit, "cents", bank.TransferError>;
  };
  boards: {
    /** Follows one topic of each family. */
    Watch(input: boards.Watch | FormInput): Call<null, "board" | "card" | "account" | "list" | "id" | "more">;
  };
  chat: {
    /** Streams the room. */
    Listen(input?: chat.Listen | FormInput): StreamCall<null, {
      /** Someone said something. */
      chat: chat.Message;
      status: chat.Status;
      shared: Shared;
      /** Still there. */
      tick: null;
    }, never, chat.FollowError>;
    /**
     * Posts one message.
     *
     * To everyone in the room.
     */
    Send(input: chat.Send | FormInput): Call<chat.Message, "username" | "quoted" | "status">;
  };
  default: {
    string(input?: default_.string_ | FormInput): Call<Shared | null, never>;
  };
  mail: {
    /** Takes files, and returns one. */
    Attach(input: mail.Attach | FormInput): Call<Blob, "subject" | "letter" | "stamp" | "photos">;
    Count(input?: mail.Count | FormInput): Call<number, never>;
    /** Takes a mailbox. */
    Import(input: mail.Import): Call<number, never>;
    /** Reads by GET. */
    Search(input: mail.Search | FormInput): Call<mail.Message[], "words" | "page">;
    /** Ends early? *\/ No. */
    Send(input: mail.Send | FormInput): Call<mail.Message[], "message" | "urgent" | "tries">;
    /** Takes a list. */
    Sort(input: mail.Sort): Call<null, never>;
    delete(input: mail.delete_ | FormInput): Call<UnitStruct, "id">;
  };
  /** A name that means something else. */
  "new"(input?: new_ | FormInput): Call<{ [key: string]: boolean }, never>;
  shapes: {
    Enums(input: shapes.EnumsInput | FormInput): Call<shapes.Enums, "words" | "documented" | "maybe_word" | "external" | "internal" | "adjacent" | "untagged" | "result" | "never" | "by_word" | "flattened" | "flattened_maybe" | "flattened_both">;
    Nested(input: shapes.NestedInput | FormInput): Call<shapes.Nested, "tree" | "json" | "itself" | "even" | "list" | "set" | "map" | "by_number" | "by_exact" | "object" | "tuple" | "tuples" | "rest" | "typed_rest">;
    Numbers(input: shapes.NumbersInput | FormInput): Call<shapes.Numbers, "int" | "unsigned" | "big" | "size" | "float" | "exact" | "exacts" | "maybe_exact" | "bytes" | "hash" | "color" | "letter" | "non_zero" | "duration" | "address" | "path" | "range" | "bound" | "time">;
    Structs(input: shapes.StructsInput | FormInput): Call<shapes.Structs, "plain" | "optional" | "left_out" | "left_out_flat" | "left_out_word" | "defaulted" | "list" | "twice" | "written_only_by_clients" | "content-type" | "with \"quotes\" and \\" | "type" | "class" | "in" | "newtype" | "transparent" | "pair" | "nothing" | "unit" | "strict" | "page" | "pages" | "unnamed" | "unnamed_too" | "boxed" | "old" | "any" | "maybe_any" | "x" | "y">;
  };
}

/** Calls the actions of this app. */
export declare const action: Actions;

/** The element of a tag. */
export type ElementOf<Tag extends string> = Tag extends keyof HTMLElementTagNameMap
  ? HTMLElementTagNameMap[Tag]
  : Tag extends keyof SVGElementTagNameMap
  ? SVGElementTagNameMap[Tag]
  : HTMLElement;

/** The elements that pages mark with `p-ref`. */
export interface Refs {
  "a-b": ElementOf<"my-element">;
  anything: HTMLElement;
  feed: ElementOf<"ol" | "ul">;
}

/** The marked elements of this page. */
export declare const refs: Refs;

/** The parts that pages mark with `p-part`. */
export type PartName = "list" | `row-${string}` | `\`\\\${${string}"${string}`;

/**
 * Fetches the current page and updates its elements with this `p-part`. The focus and the text that was
 * typed stay. Calls at the same time share one request.
 *
 * Rejects with an `ActionError`: `missing_part` (404) if this page or the response has no such element.
 */
export declare function reloadPart(name: PartName, options?: { signal?: AbortSignal }): Promise<void>;

declare global {
  const action: Actions;
}
