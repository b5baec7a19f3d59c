// Shapes that the client's modules share among themselves. Pages never see them.

import type { ActionError } from "./error.js";
import type { Method, RetryOptions, RetryStreamOptions, StreamCall, StreamState } from "./types.d.ts";

/** What this client needs of a browser, as one value: tests hand in another. */
export interface Platform {
  fetch(url: URL, init: RequestInit): Promise<Response>;
  /** Wall clock in milliseconds: it goes on while a laptop sleeps. */
  now(): number;
  setTimer(run: () => void, ms: number): number;
  clearTimer(timer: number): void;
  /** In [0, 1). */
  random(): number;
  /** Tells the developer of a mistake that must not stop us. */
  report(error: unknown): void;
  /** Fires `online`, `pagehide`, `pageshow`. */
  window?: EventTarget;
  document?: Document;
  locks?: LockManager;
  /** To the other tabs. */
  openChannel(name: string): Channel;
}

export type Channel = Pick<BroadcastChannel, "postMessage" | "onmessage" | "close">;

/** Opens a stream after the place of that id. */
export type Open = (id: string, signal: AbortSignal) => Promise<Response>;

/** A frame as it is on the wire, with the places before and after it. */
export interface Frame {
  text: string;
  from: string;
  to: string;
}

/** What tabs that share a stream tell each other. */
export type Word =
  | { isHello: true }
  /** From the one that leads: frames, then where it stands. */
  | { isHello?: false; frames: Frame[]; place: string; ready: string };

/** A builder, before it is known of what. */
export type AnyCall = StreamCall<unknown, Record<string, unknown>>;

/** Its `withX` methods; `setX` are the same. */
export type Setters = { [Name in keyof AnyCall as Name extends `with${string}` ? Name : never]: AnyCall[Name] };

/** All that a builder collects. The methods that set these are described in types.d.ts. */
export interface Settings {
  name: string;
  input: object;
  method: Method;
  optimistic?: () => unknown;
  onSuccess?: (output: unknown) => unknown;
  onError?: (error: ActionError) => unknown;
  onComplete?: () => unknown;
  loading?: Element | string | true;
  debounce?: number;
  retry?: RetryOptions & { attempts: number };
  timeout?: number;
  signal?: AbortSignal;
  onProgress?: (data: unknown, event: string) => unknown;
  retryStream?: RetryStreamOptions;
  onState?: (state: StreamState) => unknown;
  isWithoutEffects?: boolean;
}

/** The same, with a signal that ends it with its page at the latest. */
export type Bound = Settings & { signal: AbortSignal };

/** Does what an action asked for. */
export type Effect = (fields: Record<string, unknown>) => unknown;

/** Performs the effects that the header field of an answer asks for. */
export type PerformEffects = (asked: string, report: (error: unknown) => void) => unknown;

/** A debounced call that has not begun. */
export interface Turn {
  settings: Settings;
  /** Aborted to end the wait. */
  nap: AbortController;
  /** The outcome of the call that came later, and runs in this one's place. */
  later?: Promise<unknown>;
}

/** What `actionRequest` gives. */
export interface ActionRequest {
  url: URL;
  init: RequestInit & { headers: Record<string, string> };
}

export type Send = (signal: AbortSignal) => Promise<Response>;

export interface AnswerOptions {
  retry?: RetryOptions & { attempts: number };
  /** For each attempt. */
  timeout?: number;
  signal: AbortSignal;
  platform: Platform;
}

export interface StreamOptions {
  connect: Open;
  /** Reconnect; without it a lost connection is an error. */
  retryStream?: RetryStreamOptions;
  /** For the first event of each connection. */
  timeout?: number;
  onState?: (state: StreamState) => unknown;
  signal: AbortSignal;
  platform: Platform;
  /** Runs a callback of the page, which may throw. */
  notify(callback: () => unknown): void;
}

/** A message of a stream, before it is known which. */
export interface Message {
  event: string;
  data: unknown;
  id: string | null;
}

/** How one connection of a stream ended. A lost one has an error, unless it ended cleanly. */
export type End = { isOver: true; output: unknown } | { isOver: false; error: ActionError | null };

/** An event as it is on the wire. */
export interface SseEvent {
  /** `message` if the event has no name. */
  event: string;
  data: string;
  /** The id that this event itself carries. */
  id: string | null;
  /** The same, or that of the last event which carried one. */
  lastEventId: string;
}
