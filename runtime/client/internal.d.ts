// Types that several modules of the client share. They are not public.

import type { ActionError } from "./error.js";
import type { Method, RetryOptions, RetryStreamOptions, StreamCall, StreamState, UploadOptions } from "./types.d.ts";

/** Everything that the client needs from a browser. Tests pass a fake. */
export interface Platform {
  fetch(url: URL, init: RequestInit): Promise<Response>;
  /** Wall clock in milliseconds; it advances while a laptop sleeps. */
  now(): number;
  setTimer(run: () => void, ms: number): number;
  clearTimer(timer: number): void;
  /** In [0, 1). */
  random(): number;
  /** Reports an error to the developer; the client goes on. */
  report(error: unknown): void;
  /** Fires `online`, `pagehide`, `pageshow`. */
  window?: EventTarget;
  document?: Document;
  locks?: LockManager;
  /** Opens a channel to the other tabs. */
  openChannel(name: string): Channel;
}

export type Channel = Pick<BroadcastChannel, "postMessage" | "onmessage" | "close">;

/** Opens a stream; it resumes after the position with this id. */
export type Open = (id: string, signal: AbortSignal) => Promise<Response>;

/** A frame as it is on the wire, with the positions before and after it. */
export interface Frame {
  text: string;
  from: string;
  to: string;
}

/** A message between tabs that share a stream. */
export type TabMessage =
  /** Asks the leader for its position. */
  | { isHello: true }
  /** From the leader: new frames, its position after them, and whether the server reaches its messages. */
  | { isHello?: false; frames: Frame[]; position: string; ready: string; isReachable: boolean };

/** A builder of any action. */
export type AnyCall = StreamCall<unknown, Record<string, unknown>>;

/** Everything that a builder collects. types.d.ts describes the methods that set these. */
export interface Settings {
  name: string;
  input: unknown;
  /** The form or control that shows the state and the errors of the call. */
  element?: Element;
  /** The button that submits the form. */
  submitter?: HTMLElement | null;
  /** Runs with the effects that a response asks for, before they are performed. */
  onEffects?: (field: string) => unknown;
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
  /** Whether files go ahead of the call. */
  upload?: UploadOptions;
  /** The value of `Idempotency-Key`. */
  key?: string;
  onUpload?: (sent: number, total: number) => unknown;
  onProgress?: (data: unknown, event: string) => unknown;
  retryStream?: RetryStreamOptions;
  onState?: (state: StreamState) => unknown;
  from?: string | null;
  suppressHelpers?: boolean;
}

/** Settings of a run: its signal also aborts when the user leaves the page. */
export type RunSettings = Settings & { signal: AbortSignal };

/** Performs an effect of this name. */
export type Effect = (fields: Record<string, unknown>) => unknown;

/** What effects need of a page. */
export interface EffectPage {
  document: Document;
  location: Pick<Location, "href" | "origin" | "assign" | "replace">;
  reloadPart(name: string): Promise<void>;
  /** The form or control of the call. */
  element?: Element;
  /** The actions by name, as scripts of the page call them. */
  action: unknown;
}

/** Performs the effects that a response asks for in its `kipo-effects` field. `element` is that of the call. */
export type PerformEffects = (field: string, report: (error: unknown) => void, element?: Element) => unknown;

/** Runs a call that is bound to an element. `run` sends it. */
export type BindCall = (settings: RunSettings, run: (settings: RunSettings) => Promise<unknown>) => Promise<unknown>;

/** A debounced call that has not begun. */
export interface DebouncedCall {
  settings: Settings;
  /** Aborted to end the delay early. */
  delay: AbortController;
  /** The outcome of the later call that runs in place of this one. */
  replacement?: Promise<unknown>;
}

/** The arguments of `fetch` for an action. */
export interface ActionRequest {
  url: URL;
  init: RequestInit & { headers: Record<string, string> };
}

export type Send = (signal: AbortSignal) => Promise<Response>;

export interface CallOptions {
  retry?: RetryOptions & { attempts: number };
  /** For each attempt. */
  timeout?: number;
  signal: AbortSignal;
  platform: Platform;
}

export interface StreamOptions {
  connect: Open;
  /** How to reconnect; without it a lost connection is an error. */
  retryStream?: RetryStreamOptions;
  /** For the first event of each connection. */
  timeout?: number;
  onState?: (state: StreamState) => unknown;
  /** The position to start after. */
  from?: string | null;
  signal: AbortSignal;
  platform: Platform;
  /** Runs a callback of the page, which may throw. */
  notify(callback: () => unknown): void;
}

/** A message of any stream. */
export interface Message {
  event: string;
  data: unknown;
  id: string | null;
}

/** How one connection of a stream ended. `error` is null if a lost connection ended cleanly. */
export type End = { isComplete: true; output: unknown } | { isComplete: false; error: ActionError | null };

/** An event as it is on the wire. */
export interface SseEvent {
  /** `message` if the event has no name. */
  event: string;
  data: string;
  /** The id that this event itself carries. */
  id: string | null;
  /** The id of this event, or of the last event that carried one. */
  lastEventId: string;
}
