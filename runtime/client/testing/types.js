// `npm run check` checks this file, and nothing runs it: what the public types must accept and must refuse.
// Each refusal has a `@ts-expect-error`, which is an error itself if the line is accepted.

/** @import { Call, StreamCall } from "../types.d.ts" */
/** @typedef {{ text: string }} Message */
/** @typedef {{ chat: Message, connected: { status: "ok" | "away" }, tick: null }} RoomEvents */
/** @typedef {() => StreamCall<null, RoomEvents, never>} Listen */
/** @typedef {() => Call<{ id: number }, "username" | "items">} Send */

import { ActionError } from "../error.js";

/** @param {Listen} listen */
export async function a_stream_narrows_its_data_by_event(listen) {
  listen().withOnProgress((data, event) => {
    if (event === "chat") data.text.trim();
    else if (event === "connected") data.status.trim();
    // @ts-expect-error: only a chat message has a text
    data.text;
  });
  // @ts-expect-error: no such event
  listen().withOnProgress((data, event) => event === "chatt");

  for await (const { event, data, id } of listen().events()) {
    if (event === "chat") data.text.trim();
    // @ts-expect-error: an id may be null
    id.trim();
    // @ts-expect-error: data is not narrowed here
    data.text;
  }
  /** @type {null} */
  const output = await listen().withRetryStream().withOnState((state) => state === "open" || state === "stale").call();
  return output;
}

/** @param {Listen} listen */
export function every_builder_method_returns_the_builder(listen) {
  const retry = { maxReconnects: Infinity, baseDelay: 2000, backoff: /** @type {const} */ ("exponential") };
  listen().setTimeout(5).setRetryStream(retry).setOnProgress(() => {}).withSignal(AbortSignal.timeout(1)).events();
  listen().from("5f3a09c2e1b47d60-42-9ac41f03").withFrom(document.body.dataset.position).setFrom(null).events();
  // @ts-expect-error: a position is text
  listen().from(42);
  // @ts-expect-error: no such backoff
  listen().withRetryStream({ backoff: "square" });
}

/**
 * @param {Send} send
 * @param {Listen} listen
 */
export async function a_call_knows_its_output_and_its_fields(send, listen) {
  /** @type {number} */
  const id = (await send().call()).id;
  send().withOnError((error) => {
    /** @type {string[] | undefined} */
    const messages = error.fields.username ?? error.fields["items[0].name"] ?? error.fields["items.0"];
    // @ts-expect-error: no such field
    error.fields.user;
    return messages;
  });
  // @ts-expect-error: an output has no such field
  send().withOnSuccess((output) => output.text);
  send().withOnSuccess((output) => (output.id > 1 ? listen() : undefined));
  send().withOnSuccess(async () => send().build());
  // @ts-expect-error: a call has no events
  send().withOnProgress(() => {});
  // @ts-expect-error: a call has no position
  send().from("");
  listen().withOnError((error) => {
    // @ts-expect-error: an action without fields has no field errors
    error.fields.username;
  });
  return id;
}

/** @param {unknown} error */
export function a_caught_error_is_known_by_its_class(error) {
  if (error instanceof ActionError) return error.isValidationError ? error.fields : error.code.trim();
}
