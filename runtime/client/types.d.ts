// The types that every Kipo page uses: builders, streams, errors.
//
// Each generated `client.d.ts` begins with this text, and adds the actions of one app. So this file imports nothing. The
// modules of the client use these types too.

/** An HTTP method with which a page can send an action. */
export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/**
 * How delays grow: the base delay times the attempt (`linear`), or doubled with each attempt (`exponential`). The actual
 * delay is a random part of the result, so that a thousand clients that lost one server do not reconnect at the same
 * moment.
 */
export type Backoff = "linear" | "exponential";

/**
 * The failure of an action.
 *
 * Every failure of a call or stream is an `ActionError`, except an abort: it rejects with the reason of the signal, as
 * `fetch` does.
 */
export declare class ActionError<Field extends string = string> extends Error {
  constructor(problem: Problem, options?: { cause?: unknown; retryAfter?: number | null });
  readonly name: "ActionError";
  /** The HTTP status; 0 if no complete response arrived. */
  readonly status: number;
  /**
   * One word for programs, such as `validation_failed` or a word that the action defines.
   *
   * With status 0 it is `network` (no connection, or it broke), `timeout` (`withTimeout` or the connect deadline),
   * `silence` (a stream sent nothing for 2.5 ping intervals) or `disconnected` (a stream ended before it was complete). A
   * response that this client cannot read has `bad_response`. A response without a code, as from a proxy, has `http_` and
   * its status.
   */
  readonly code: string;
  /** The messages for each invalid field; empty unless validation failed. Paths look like `items[0].name`. */
  readonly fields: FieldErrors<Field>;
  /** What a typed error of the action says to programs; null if it says nothing. A comparison of `code` narrows it. */
  readonly data: unknown;
  /** The id of this request in the server's log. Null if no response arrived. */
  readonly requestId: string | null;
  /** The delay that the server asks for (`Retry-After`), in milliseconds. */
  readonly retryAfter: number | null;
  /** No complete response arrived; another attempt may succeed. */
  readonly isNetworkError: boolean;
  /** The server refused the input (422); `fields` has the reasons. */
  readonly isValidationError: boolean;
  /** The caller is unknown (401) or forbidden (403). */
  readonly isAuthError: boolean;
}

/** The codes that Kipo itself gives. A guard, or an action without typed errors, may give others. */
export type ErrorCode =
  | "bad_request"
  | "unauthorized"
  | "forbidden"
  | "cross_site"
  | "not_found"
  | "method_not_allowed"
  | "not_acceptable"
  | "request_timeout"
  | "conflict"
  | "payload_too_large"
  | "uri_too_long"
  | "unsupported_media_type"
  | "misdirected"
  | "validation_failed"
  | "too_many_requests"
  | "headers_too_large"
  | "internal"
  | "overloaded"
  | "unavailable"
  | "engine_unavailable"
  | "timeout"
  | "network"
  | "silence"
  | "disconnected"
  | "bad_response"
  | `http_${number}`;

/** The failure of an action with errors of its own: `code` tells which, and narrows `data`. */
export type Failure<Field extends string, Own> = [Own] extends [never]
  ? ActionError<Field>
  : ActionError<Field> & (Own | { readonly code: ErrorCode });

/** The failure of an action: `ErrorOf<typeof action.bank.Transfer>`. */
export type ErrorOf<Action extends (input: never) => unknown> =
  ReturnType<Action> extends { withOnError(then: (error: infer Error) => unknown): unknown } ? Error : never;

/**
 * Returns whether a caught value is the failure of an action, and gives it the type of that action's errors:
 * `if (isError(error, action.bank.Transfer) && error.code === "insufficient_funds") …`.
 */
export declare function isError<Action extends (input: never) => unknown>(
  error: unknown,
  action: Action,
): error is ErrorOf<Action>;

/** The outcome of one call of a batch, as `Promise.allSettled` has it. */
export type Outcome<Part> =
  | { status: "fulfilled"; value: Part extends Runnable<infer Output> ? Output : never }
  | { status: "rejected"; reason: unknown };

/**
 * Sends several calls in one request, at most 100: `const [rooms, me] = await batch(action.Rooms(), action.Me())`. They run
 * side by side, and each has its own outcome and callbacks. A part of a batch cannot stream.
 */
export declare function batch<const Parts extends readonly Runnable[]>(
  ...parts: Parts
): Promise<{ -readonly [Index in keyof Parts]: Outcome<Parts[Index]> }>;

/** Messages by field, or by a path that begins with a field. */
export type FieldErrors<Field extends string = string> = Partial<
  Record<Field | `${Field}.${string}` | `${Field}[${string}`, string[]>
>;

/** The body of every failed response (RFC 9457), as it is on the wire. */
export interface Problem {
  status: number;
  code: string;
  title?: string;
  detail?: string;
  errors?: Record<string, string[]>;
  data?: unknown;
  request_id?: string | null;
}

/**
 * Defines an effect that actions ask for by `cx.effect(name, fields)`. It may override an effect of the client
 * (`reloadPart`, `redirect`, `dispatchEvent`, `toast`, `resetForm`, `focus`, `openModal`, `closeModal`).
 */
export declare function effect<Fields extends object>(name: string, run: (fields: Fields) => unknown): void;

/**
 * Returns a signal that aborts when the user leaves the current page without a full load. A script uses it to remove its
 * listeners and timers. Calls and streams end by themselves.
 */
export declare function leaving(): AbortSignal;

/** Anything that can run: a builder, or the result of its `build()`. */
export interface Runnable<Output = unknown> {
  call(): Promise<Output>;
}

/**
 * What an action takes in place of its fields: `action.contact.Submit(form)`.
 *
 * A call with a form is bound to it: the form is busy meanwhile, shows the errors beside its fields, and is reset after a
 * success, as a form with `p-action` is. A `FormData` is sent as it is and bound to no form:
 * `action.contact.Submit(new FormData(form, event.submitter))`.
 */
export type FormInput = FormElement | FormFields;

/** An `HTMLFormElement`. It names few of its properties, so that TypeScript does not take an input for a form. */
export interface FormElement {
  noValidate: boolean;
  requestSubmit(submitter?: HTMLElement | null): void;
}

/** A `FormData`. */
export interface FormFields {
  append(name: string, value: Blob, filename?: string): void;
  getAll(name: string): FormDataEntryValue[];
}

declare global {
  interface HTMLElementEventMap extends FormEvents {}
  interface DocumentEventMap extends FormEvents {}
}

/** The events of forms and controls with `p-action`, and of forms that are the input of an action. They bubble. */
export interface FormEvents {
  /** The action has succeeded. `preventDefault()` leaves the form as it is, and reloads no part. */
  "kipo:success": CustomEvent<unknown>;
  /** The action has failed. `preventDefault()` shows no error. */
  "kipo:error": CustomEvent<ActionError>;
}

/** A complete description of a call. Later changes of its builder do not change it. */
export interface Plan<Output = unknown> extends Runnable<Output> {
  readonly name: string;
  readonly input: unknown;
  readonly method: Method;
}

/** How a failed call is repeated. */
export interface RetryOptions {
  /** Default `exponential`. */
  backoff?: Backoff;
  /** Milliseconds; default 1000. */
  baseDelay?: number;
  /**
   * Milliseconds; default 30 000. If the server asks for a longer delay (`Retry-After`), the attempts end; the error has
   * the delay.
   */
  maxDelay?: number;
}

/** How the files of a call are sent. */
export interface UploadOptions {
  /** Which files go ahead of the call: all of them, or those with more bytes. */
  resumable: "always" | number;
  /** Runs before the first byte, with what pauses the files. */
  onStart?: (files: FilesOnTheWay) => unknown;
}

/** The files of a call on their way. */
export interface FilesOnTheWay {
  readonly isPaused: boolean;
  /** Stops sending. The server retains what it has until it expires. */
  pause(): void;
  /** Goes on where the server is. */
  resume(): void;
  /** Ends the call, which rejects with an `AbortError`, and removes the files from the server. */
  cancel(): void;
}

/** What calls and streams have in common. Each `withX` changes this builder and returns it; `setX` is the same. */
export interface Builder<Output, Field extends string, Own = never> extends Runnable<Output> {
  /** The HTTP method; by default that of the action. GET sends the fields as query parameters. */
  withMethod(method: Method): this;
  /**
   * Runs just before the request, to show the expected result at once. If it returns a function, that function undoes the
   * change: it runs if the call fails or is aborted.
   */
  withOptimistic(show: () => void | (() => void)): this;
  /** Runs with the output. An action that it returns runs next; this call does not wait for it. */
  withOnSuccess(then: (output: Output) => void | Runnable | Promise<void | Runnable>): this;
  /**
   * Runs with the error of the last attempt; not on an abort. `call()` still rejects, but counts as handled: it needs no
   * `catch`.
   */
  withOnError(then: (error: Failure<Field, Own>) => unknown): this;
  /** Runs last, after a success, an error or an abort. */
  withOnComplete(then: () => unknown): this;
  /**
   * Marks elements while the call runs: class `kipo-loading` and `aria-busy="true"`. Takes an element, a
   * selector, or `true` for the whole page.
   */
  withLoading(target: Element | string | true): this;
  /**
   * Delays the call until no further call of this action with the same loading target follows within so many
   * milliseconds. Only the last call runs. The earlier ones settle with its outcome, and their callbacks do not run.
   */
  withDebounce(ms: number): this;
  /**
   * Sets the number of attempts in all. A call is repeated after a network failure, a timeout, and statuses 408, 423, 425,
   * 429 and 5xx. All attempts carry the same `Idempotency-Key`, by which the action recognises them as one call.
   * For calls only; streams have `withRetryStream`.
   */
  withRetry(attempts: number, options?: RetryOptions): this;
  /**
   * Bounds each attempt, in milliseconds from its start to the last byte of the response; then it fails with code
   * `timeout`. For streams: from the start to the first event, default 20 000.
   */
  withTimeout(ms: number): this;
  /**
   * Runs while the body of a call is sent, with the bytes that have been sent and all of them. An attempt that is repeated
   * begins anew. Streams do not report it.
   */
  withOnUpload(then: (sent: number, total: number) => unknown): this;
  /**
   * Lets files go ahead of the call in parts. After a lost connection, a restart of the server or a reload of the page, the
   * same file goes on where it was, and the action runs once, with the whole files.
   *
   * `withOnUpload` then reports the bytes that the server has acknowledged, of all these files. Without `withRetry`, the call is
   * repeated until a response arrives.
   */
  withUpload(options: UploadOptions): this;
  /** Aborts the call, including its delays. `call()` rejects with the reason of the signal. */
  withSignal(signal: AbortSignal): this;
  /** Ignores the effects that the action asks for. */
  suppressHelpers(): this;
  withSuppressHelpers: this["suppressHelpers"];
  setSuppressHelpers: this["suppressHelpers"];
  setMethod: this["withMethod"];
  setOptimistic: this["withOptimistic"];
  setOnSuccess: this["withOnSuccess"];
  setOnError: this["withOnError"];
  setOnComplete: this["withOnComplete"];
  setLoading: this["withLoading"];
  setDebounce: this["withDebounce"];
  setRetry: this["withRetry"];
  setTimeout: this["withTimeout"];
  setSignal: this["withSignal"];
  setOnUpload: this["withOnUpload"];
  setUpload: this["withUpload"];
  /** Returns a plan with the current settings. */
  build(): Plan<Output>;
  /** Runs the action. */
  call(): Promise<Output>;
}

/** A call of an action that does not stream. Nothing is sent before `call()`. */
export interface Call<Output, Field extends string = string, Own = never> extends Builder<Output, Field, Own> {}

/**
 * A call of an action that streams.
 *
 * `call()` streams if `withOnProgress`, `withRetryStream` or `withOnState` is set, and resolves with the output. With none
 * of them it asks for a plain response, which most streaming actions refuse (406).
 * `events()` always streams.
 */
export interface StreamCall<Output, Events extends object, Field extends string = string, Own = never>
  extends Builder<Output, Field, Own> {
  /** Runs for each event. A comparison of `event` narrows `data`. */
  withOnProgress(then: (...args: Progress<Events>) => unknown): this;
  /**
   * Keeps the stream open: it reconnects and resumes at its position, except after its end, an error that the action
   * returned, a refusal (4xx other than 408, 425 and 429) or an abort.
   *
   * Without it, a stream that breaks fails with `isNetworkError`.
   */
  withRetryStream(options?: RetryStreamOptions): this;
  /** Runs when the state of the connection changes, for example to show it. */
  withOnState(then: (state: StreamState) => unknown): this;
  /**
   * Starts after a position: the id of an event, or a position that the page was rendered with.
   *
   * Without one, a stream of the topic whose position is in the head of the page (`kipo-position`) starts there. Any other
   * stream starts with the oldest message that the server retains.
   */
  from(position: string | null | undefined): this;
  withFrom: this["from"];
  setFrom: this["from"];
  setOnProgress: this["withOnProgress"];
  setRetryStream: this["withRetryStream"];
  setOnState: this["withOnState"];
  /**
   * Streams into a loop: `for await (const { event, data } of ….events())`. Leaving the loop closes the
   * stream; a failure is thrown. The other callbacks run as with `call()`, except `withOnProgress`, and
   * `withDebounce` has no effect.
   */
  events(): AsyncGenerator<StreamEvent<Events>, Output, undefined>;
}

/** The arguments of a progress callback: one pair for each event, so that the name narrows the data. */
export type Progress<Events extends object> = {
  [Name in keyof Events]: [data: Events[Name], event: Name];
}[keyof Events];

/** One event of a stream. */
export type StreamEvent<Events extends object> = {
  [Name in keyof Events]: {
    event: Name;
    data: Events[Name];
    /** The position of the stream after this event; null if the stream cannot resume from here. */
    id: string | null;
  };
}[keyof Events];

/**
 * - `connecting`: a request is on its way
 * - `open`: the first event arrived
 * - `stale`: open, but the server cannot reach the messages of the topic: new ones come late. It is `open` again once the
 *   server reaches them, or with the next event
 * - `waiting`: the connection is lost; a reconnect follows
 * - `closed`: the stream has ended
 */
export type StreamState = "connecting" | "open" | "stale" | "waiting" | "closed";

/** Messages that this client has missed for good. */
export interface Gap {
  /**
   * - `trimmed`: the client was disconnected or slow for longer than the server retains messages
   * - `new_generation`: the server has started a new log
   * - `diverged`: the log of the server has lost its last messages and continued without them
   * - `too_many`: the client has missed more messages than the server replays
   */
  reason: "trimmed" | "new_generation" | "diverged" | "too_many";
  /** The number of missed messages, if the server knows it. */
  missed: number | null;
  /** The sequence number of the next message, if there is one. */
  first: number | null;
  /** The name of the topic, if the stream follows several. */
  topic?: string;
}

/** How a lost stream reconnects. */
export interface RetryStreamOptions {
  /** Attempts in a row without a healthy connection; default Infinity. */
  maxReconnects?: number;
  /** Milliseconds; default 3000. A `retry:` of the server replaces it for the next delay. */
  baseDelay?: number;
  /** Milliseconds; default 30 000. `Retry-After` is added. */
  maxDelay?: number;
  /** Default `linear`. */
  backoff?: Backoff;
  /**
   * Shares one connection among all tabs of the browser that run this stream with the same input, if it follows a topic;
   * default true. Every tab has its own events, states and callbacks.
   */
  share?: boolean;
  /** How long a connection must last to reset the count of attempts, in milliseconds; default 5000. */
  healthyAfter?: number;
  /**
   * Runs when a connection is lost or refused. `error` is null if it ended cleanly, or if this client closed it because the
   * page woke up, came online or was hidden. `attempt` is the number of the reconnect that follows in `delayMs`.
   */
  onDisconnect?(error: ActionError | null, attempt: number, delayMs: number): unknown;
  /** Runs when the stream has reconnected, with its first event. */
  onReconnect?(attempt: number): unknown;
  /**
   * Runs before the first event after the missed messages. A stream that reads too slowly has gaps without
   * `withRetryStream` too, but only this callback reports them.
   */
  onGap?(gap: Gap): unknown;
}
