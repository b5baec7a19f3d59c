// Uses that must compile.
import { ActionError, action as imported, batch, effect, isError, leaving, type ErrorOf, type FormInput, type boards, type chat, type mail, type shapes } from "kipo";
import { same } from "./same";

/** What an action of `shapes` takes and gives back. */
type Shapes = typeof action.shapes;
type Output<Name extends string> = `Take${Name}` extends keyof Shapes
  ? Awaited<ReturnType<ReturnType<Shapes[`Take${Name}`]>["call"]>>
  : never;
type Input<Name extends string> = `Take${Name}` extends keyof Shapes
  ? Exclude<Parameters<Shapes[`Take${Name}`]>[0], FormInput | undefined>
  : never;

// The global and the import are the same.
same<typeof action, typeof imported>(true);

// A call: fields, defaults, options.
const sent = await action.chat.Send({ username: "ada", message: "hi" }).call();
same<typeof sent, chat.Sent>(true);
same<typeof sent.id, number>(true);
await action.chat.Send({ username: "ada", message: "hi", answers: null, silent: true }).call();
await action.chat.Send({ username: "ada", message: "hi", answers: undefined }).call();

// A stream: the name narrows the data.
const done = await action.chat
  .Listen({})
  .withOnProgress((data, event) => {
    if (event === "chat") {
      same<typeof data, chat.Message>(true);
      same<typeof data.answers, number | null>(true);
    } else if (event === "presence") {
      same<typeof data.status, "joined" | "left">(true);
      same<typeof data.away_since, number | null>(true);
      same<typeof data.reason, string | undefined>(true);
    } else if (event === "many") {
      same<typeof data, chat.Message[]>(true);
    } else {
      same<typeof data, null>(true);
      same<typeof event, "tick">(true);
    }
  })
  .withRetryStream({ maxReconnects: Infinity, baseDelay: 2000, backoff: "exponential" })
  .call();
same<typeof done, null>(true);
for await (const event of action.chat.Listen().events()) {
  if (event.event === "chat") same<typeof event.data.text, string>(true);
}

// Errors know the fields.
try {
  await action.mail.Delete({ id: "9007199254740993" }).call();
} catch (error) {
  if (error instanceof ActionError) same<typeof error.status, number>(true);
}
action.chat.Send({ username: "ada", message: "" }).withOnError((error) => {
  same<typeof error.fields.message, string[] | undefined>(true);
  same<typeof error.fields.silent, string[] | undefined>(true);
});

// Types of one name in two modules.
same<chat.Message["text"], string>(true);
same<mail.Message["subject"], string>(true);
await action.mail.Send({ message: { subject: "hi", to: ["ada"] } }).call();

// Names that are words of the language.
const pong = await action.new.default.Ping().call();
same<typeof pong, string>(true);

// Enums.
same<Output<"External">, "Nothing" | { Text: string } | { Pair: [number, number] } | { Named: { x: number } }>(true);
declare const internal: Output<"Internal">;
if (internal.type === "point") same<typeof internal.x, number>(true);
if (internal.type === "named") same<typeof internal.label, string>(true);
action.shapes.TakeInternal({ value: { type: "nothing" } });
action.shapes.TakeInternal({ value: { type: "point", x: 1, y: 2 } });
same<
  Output<"Adjacent">,
  { kind: "Nothing" } | { kind: "Text"; content: string } | { kind: "Named"; content: { x: number } }
>(true);
same<Output<"Untagged">, number | string | { x: number }>(true);
same<Output<"Words">, "first" | "second-word">(true);

// What is transparent, and what has a place.
same<Output<"Newtype">, number>(true);
same<Output<"Pair">, [string, boolean]>(true);
same<Output<"Unit">, null>(true);
same<Output<"Tuple">, [string, number]>(true);
same<Output<"Array">, [number, number, number]>(true);

// Lists and maps.
same<Output<"List">, string[]>(true);
same<Output<"Set">, number[]>(true);
same<Output<"Map">, Record<string, shapes.Point>>(true);
same<Output<"ByNumber">, Record<string, string>>(true);
same<Output<"ByWord">["second-word"], number | undefined>(true);
action.shapes.TakeByNumber({ value: { 7: "seven" } });

// Options may be left out of an input and are null in an output.
same<Output<"Maybe">, string | null>(true);
same<Output<"MaybePoint">, shapes.Point | null>(true);
action.shapes.TakeMaybe();
action.shapes.TakeMaybe({});
action.shapes.TakeMaybe({ value: null });
action.shapes.TakeMaybePoint({ value: { x: 1, y: 2 } });

// Numbers.
same<Output<"Big">, number>(true);
same<Output<"Bytes">, number[]>(true);
const exact = await action.shapes.TakeExact({ value: "18446744073709551615" }).call();
same<typeof exact, `${bigint}`>(true);
BigInt(exact) + 1n;
action.shapes.TakeExact({ value: `${7n}` });
same<Output<"Duration">["secs"], number>(true);
same<Output<"Any">, unknown>(true);
action.shapes.TakeAny({ value: [1, { deep: true }] });

// Recursion and generics.
declare const tree: Output<"Tree">;
same<typeof tree.parent, shapes.Tree | null>(true);
tree.children[0]?.parent?.children.at(-1)?.name.trim();
action.shapes.TakeTree({ value: { name: "root", children: [{ name: "leaf", children: [] }] } });
action.shapes.TakeJson({ value: ["a", { b: ["c"] }] });
same<Output<"Users">["items"], number[]>(true);
same<Output<"Points">["items"], shapes.Point[]>(true);
same<Output<"Points">["next"], number | null>(true);

// Flattened.
declare const flat: Output<"Flat">;
same<typeof flat.id, number>(true);
same<typeof flat.y, number>(true);
if (flat.type === "named") same<typeof flat.label, string>(true);
action.shapes.TakeFlat({ value: { id: 1, x: 1, y: 2, type: "nothing", anything: [true] } });

// Names and defaults.
declare const renamed: Output<"Renamed">;
same<(typeof renamed)["content-type"], string>(true);
same<(typeof renamed)['2nd "name"'], boolean>(true);
renamed.class + renamed.type.length;
action.shapes.TakeDefaults({ value: {} });
declare const defaults: Output<"Defaults">;
same<typeof defaults.size, number>(true);
same<typeof defaults.note, string | undefined>(true);
action.shapes.TakeDefaults({ value: { note: null } });

// What is left out of an output is never null there; an input may say null.
declare const leftOut: Output<"LeftOut">;
same<typeof leftOut.maybe, number | undefined>(true);
same<typeof leftOut.point, shapes.Point | undefined>(true);
same<typeof leftOut.word, "first" | "second-word" | undefined>(true);
same<NonNullable<typeof leftOut.own>["maybe"], number | undefined>(true);
same<typeof leftOut.variant.maybe, number | undefined>(true);
same<Input<"LeftOut">["value"]["maybe"], number | null | undefined>(true);
action.shapes.TakeLeftOut({ value: { maybe: null, own: { maybe: null }, variant: { type: "Named", maybe: null } } });
// An output can be sent back.
action.shapes.TakeLeftOut({ value: leftOut });
declare const nulls: Output<"Nulls">;
same<typeof nulls.twice.value, number | null | undefined>(true);
same<typeof nulls.other.value, number | null | undefined>(true);
same<typeof nulls.flat.value, number | null | undefined>(true);
same<Input<"Strict">["value"], shapes.Strict>(true);

// Dates, times and ids travel as text.
const id = "67e55044-10b1-426f-9247-bb680e5fe0c8";
const [entry] = await action.dates.Keep({ entry: { id, day: "2026-11-23", at: new Date().toISOString() } }).call();
if (entry) same<typeof entry.at, string>(true);
if (entry) same<typeof entry.until, string | null>(true);

// The keys of topics have names and types of their own.
same<boards.BoardName, string>(true);
same<boards.CardNumber, number>(true);
same<boards.AccountId, `${bigint}`>(true);
same<boards.ListId, string>(true);
same<boards.Watch["board"], boards.BoardName>(true);
const account: boards.AccountId = `${2n ** 63n}`;
action.boards.Watch({ board: "attic", card: 7, account, list: id, id }).events();

// Forms.
declare const form: HTMLFormElement;
const posted = await action.chat.Send(form).withRetry(3).withLoading(form).call();
same<typeof posted, chat.Sent>(true);
form.addEventListener("submit", (event) => void action.chat.Send(new FormData(form, event.submitter)).call());
action.new.default.Ping(form);
form.addEventListener("kipo:error", ({ detail }) => same<typeof detail.code, string>(true));
document.addEventListener("kipo:success", ({ detail }) => same<typeof detail, unknown>(true));

// Effects and pages.
effect("toast", ({ text }: { text: string }) => text.trim());
leaving().addEventListener("abort", () => {});
action.chat.Send({ username: "ada", message: "hi" }).suppressHelpers().setSuppressHelpers().build();

// Typed errors: the code narrows the data.
action.bank.Transfer({ cents: 1 }).withOnError((error) => {
  if (error.code === "insufficient_funds") {
    same<typeof error.data, { missing: number }>(true);
    same<typeof error.status, 409>(true);
  }
  if (error.code === "fee") error.data.trim();
  if (error.code === "network" || error.code === "http_502") error.retryAfter?.toFixed();
  error.fields.cents?.at(0)?.trim();
});
try {
  await action.bank.Watch().withOnProgress(() => {}).call();
} catch (error) {
  if (isError(error, action.bank.Watch) && error.code === "insufficient_funds") error.data.missing.toFixed();
  if (isError(error, action.chat.Send)) same<typeof error.code, string>(true);
}
declare const failure: ErrorOf<typeof action.bank.Transfer>;
switch (failure.code) {
  case "frozen":
    same<typeof failure.status, 403>(true);
    break;
  case "fee":
    failure.data.trim();
}

// A batch is a tuple.
const [transferred, ponged] = await batch(action.bank.Transfer({ cents: 1 }), action.new.default.Ping().build());
if (transferred.status === "fulfilled") same<typeof transferred.value, number>(true);
if (ponged.status === "fulfilled") same<typeof ponged.value, string>(true);
if (transferred.status === "rejected" && isError(transferred.reason, action.bank.Transfer)) {
  if (transferred.reason.code === "fee") transferred.reason.data.trim();
}
