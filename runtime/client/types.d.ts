// The shapes that every Kipo page works with: builders, streams, errors.
//
// This text is the head of each generated `client.d.ts`, which adds the actions of one app below it.
// It stands alone for that reason, and the modules beside it take their types from here too.

/** An HTTP verb that an action can be sent with. */
export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/**
 * How waits grow: the base delay times the attempt (`linear`), or doubled with each attempt
 * (`exponential`). A random part of the result is waited, so that a thousand clients which lost one
 * server do not come back as one.
 */
export type Backoff = "linear" | "exponential";

/**
 * Why an action did not answer.
 *
 * Every failure of a call or stream is one of these, except an abort: that rejects with the
 * reason of the signal, as `fetch` does.
 */
export declare class ActionError<Field extends string = string> extends Error {
  constructor(problem: Problem, options?: { cause?: unknown; retryAfter?: number | null });
  readonly name: "ActionError";
  /** The HTTP status; 0 if no complete answer arrived. */
  readonly status: number;
  /**
   * One word for programs, such as `validation_failed` or a word of the action's own.
   *
   * With status 0 it is `network` (no connection, or it broke), `timeout` (`withTimeout` or the
   * connect deadline), `silence` (a stream sent nothing for 2.5 pings) or `disconnected` (a stream
   * ended without saying so). An answer that this client cannot read is `bad_response`; one that does not say,
   * as from a proxy, is `http_` and its status.
   */
  readonly code: string;
  /** What is wrong with which field; empty unless validation failed. Paths look like `items[0].name`. */
  readonly fields: FieldErrors<Field>;
  /** Finds this request in the server's log. Null if no answer arrived. */
  readonly requestId: string | null;
  /** How long the server asks to wait, in milliseconds. */
  readonly retryAfter: number | null;
  /** No complete answer arrived: trying again may help. */
  readonly isNetworkError: boolean;
  /** The input was refused (422); `fields` says why. */
  readonly isValidationError: boolean;
  /** The caller is not known (401), or not allowed (403). */
  readonly isAuthError: boolean;
}

/** Messages by field, or by a path that begins with one. */
export type FieldErrors<Field extends string = string> = Partial<
  Record<Field | `${Field}.${string}` | `${Field}[${string}`, string[]>
>;

/** The body of every failed answer (RFC 9457), as it is on the wire. */
export interface Problem {
  status: number;
  code: string;
  title?: string;
  detail?: string;
  errors?: Record<string, string[]>;
  request_id?: string | null;
}

/**
 * Does what actions ask for by `cx.effect(name, fields)`. A name that the client itself knows (`reloadPart`,
 * `redirect`, `dispatchEvent`) may be given another meaning.
 */
export declare function effect<Fields extends object>(name: string, run: (fields: Fields) => unknown): void;

/**
 * Aborted when the page that is shown now is left for another one without a full load: what a script has begun
 * on the window or by a timer ends with it. Calls and streams end by themselves.
 */
export declare function leaving(): AbortSignal;

/** Anything that can be run: a builder, or what its `build()` gave. */
export interface Runnable<Output = unknown> {
  call(): Promise<Output>;
}

/** A finished description of a call. Later changes of its builder do not reach it. */
export interface Plan<Output = unknown> extends Runnable<Output> {
  readonly name: string;
  readonly input: object;
  readonly method: Method;
}

/** How a failed call is tried again. */
export interface RetryOptions {
  /** Default `exponential`. */
  backoff?: Backoff;
  /** Milliseconds; default 1000. */
  baseDelay?: number;
  /**
   * Milliseconds; default 30 000. A server that asks for a longer pause (`Retry-After`) ends the
   * attempts: the error says for how long.
   */
  maxDelay?: number;
}

/** What calls and streams have in common. Each `withX` changes this builder and returns it; `setX` is the same. */
export interface Builder<Output, Field extends string> extends Runnable<Output> {
  /** The HTTP verb; default POST. GET sends the fields as query parameters. */
  withMethod(method: Method): this;
  /**
   * Runs just before the request, to show the outcome ahead of the answer. A function that it returns
   * takes that back: it runs if the call fails or is aborted.
   */
  withOptimistic(show: () => void | (() => void)): this;
  /** Runs with the output. An action that it returns is run next, on its own: this call does not wait for it. */
  withOnSuccess(then: (output: Output) => void | Runnable | Promise<void | Runnable>): this;
  /**
   * Runs with the error, once the attempts are used up; not on an abort. `call()` rejects all the
   * same, but counts as handled then: it needs no `catch` of its own.
   */
  withOnError(then: (error: ActionError<Field>) => unknown): this;
  /** Runs last, whatever happened: success, error or abort. */
  withOnComplete(then: () => unknown): this;
  /**
   * Marks elements while the call runs: class `kipo-loading` and `aria-busy="true"`. Takes an element, a
   * selector, or `true` for the whole page.
   */
  withLoading(target: Element | string | true): this;
  /**
   * Waits until no further call of this action, with the same loading target, came for so many milliseconds.
   * Only the last one runs; the earlier ones settle as it does, and none of their callbacks run.
   */
  withDebounce(ms: number): this;
  /**
   * Tries so many times in all, if there is no connection, on a timeout, and on 408, 429 and 5xx. All attempts
   * carry the same `Idempotency-Key`, by which the action can tell that they are one.
   * For calls only; streams have `withRetryStream`.
   */
  withRetry(attempts: number, options?: RetryOptions): this;
  /**
   * Gives each attempt so many milliseconds, from its start to the last byte of the answer, then fails with
   * code `timeout`. For streams: from the start to the first event, 20 000 unless set here.
   */
  withTimeout(ms: number): this;
  /** Aborts the call, its waits included. `call()` rejects with the reason of the signal. */
  withSignal(signal: AbortSignal): this;
  /** Leaves out the effects that the action asks for besides its output. */
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
  /** Freezes what was set so far. */
  build(): Plan<Output>;
  /** Runs the action. */
  call(): Promise<Output>;
}

/** A call of an action that answers once. Nothing is sent before `call()`. */
export interface Call<Output, Field extends string = string> extends Builder<Output, Field> {}

/**
 * A call of an action that streams.
 *
 * `call()` streams as soon as one of `withOnProgress`, `withRetryStream` and `withOnState` is set, and resolves
 * with the output. With none of them it asks for a plain answer, which most streaming actions refuse (406).
 * `events()` always streams.
 */
export interface StreamCall<Output, Events extends object, Field extends string = string>
  extends Builder<Output, Field> {
  /** Runs for each event. Asking what `event` is narrows `data`. */
  withOnProgress(then: (...args: Progress<Events>) => unknown): this;
  /**
   * Keeps the stream open: reconnects, where it left off, on everything but its end, an error that the
   * action returned, a refusal (4xx other than 408, 425 and 429) and an abort.
   *
   * Without it, a stream that breaks fails with `isNetworkError`.
   */
  withRetryStream(options?: RetryStreamOptions): this;
  /** Runs when the connection changes its state, for a badge. */
  withOnState(then: (state: StreamState) => unknown): this;
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
    /** Where the stream stands after this event; null if it cannot be resumed from here. */
    id: string | null;
  };
}[keyof Events];

/**
 * - `connecting`: a request is on its way
 * - `open`: the first event arrived
 * - `waiting`: the connection is lost; another one follows
 * - `closed`: the stream is over
 */
export type StreamState = "connecting" | "open" | "waiting" | "closed";

/** Messages that this client will never get. */
export interface Gap {
  /**
   * - `trimmed`: this client was away, or too slow, for longer than the server keeps messages
   * - `new_generation`: the server began a new log
   * - `diverged`: the server's log lost its end and grew another one
   * - `too_many`: more were missed than the server replays
   */
  reason: "trimmed" | "new_generation" | "diverged" | "too_many";
  /** How many, if the server can know. */
  missed: number | null;
  /** The number of the next message, if there is one. */
  first: number | null;
}

/** How a lost stream comes back. */
export interface RetryStreamOptions {
  /** Attempts in a row without a healthy connection; default Infinity. */
  maxReconnects?: number;
  /** Milliseconds; default 3000. A `retry:` from the server takes its place for the next wait. */
  baseDelay?: number;
  /** Milliseconds; default 30 000. `Retry-After` comes on top. */
  maxDelay?: number;
  /** Default `linear`. */
  backoff?: Backoff;
  /**
   * One connection for all tabs of the browser that run this stream with the same input, if it follows a topic;
   * default true. Every tab has its own events, states and callbacks all the same.
   */
  share?: boolean;
  /** Milliseconds that a connection must last before the count of attempts starts again; default 5000. */
  healthyAfter?: number;
  /**
   * Runs when a connection is lost or refused. `error` is null if it ended cleanly, or was closed here because
   * the page woke up, came online or was hidden. `attempt` is the one that follows in `delayMs`.
   */
  onDisconnect?(error: ActionError | null, attempt: number, delayMs: number): unknown;
  /** Runs when the stream is back: not before its first event. */
  onReconnect?(attempt: number): unknown;
  /**
   * Runs before the first event after the missing ones. A stream that reads too slowly has gaps without
   * `withRetryStream` as well, but only this tells of them.
   */
  onGap?(gap: Gap): unknown;
}
