// Each marked line must not compile, and no other.
import { batch, effect, leaving, reloadPart, type chat } from "kipo";
import { same } from "./same";

// Inputs.
action.chat.Send({ username: "ada", massage: "hi" }); // error: TS2353
action.chat.Send({ username: "ada" }); // error: TS2345
action.chat.Send(); // error: TS2554
action.chat.Send({ username: 1, message: "hi" }); // error: TS2322
action.chat.Send({ username: null, message: "hi" }); // error: TS2322
action.chat.Listen({ room: "main" }); // error: TS2322
action.mail.Send({ message: { text: "hi" } }); // error: TS2353
action.mail.Delete({ id: 7 }); // error: TS2322
action.mail.Delete({ id: "seven" }); // error: TS2322

// Forms.
action.chat.Send(document.createElement("input")); // error: TS2345
action.chat.Send(new URLSearchParams()); // error: TS2345
action.chat.Send({ username: "ada", message: "hi", action: "x" }); // error: TS2353
action.chat.Send({ username: "ada", message: "hi", id: "x", title: "y" }); // error: TS2353

// Names.
action.chat.Sand({ username: "ada", message: "hi" }); // error: TS2339
action.post.Send({}); // error: TS2339
action.chat.send({}); // error: TS2551
const message: chat.Massage = {}; // error: TS2724

// Outputs.
const sent = await action.chat.Send({ username: "ada", message: "hi" }).call();
same<typeof sent.id, string>(true); // error: TS2345
same<typeof sent, chat.Message>(true); // error: TS2345
sent.ident; // error: TS2339
sent.id.trim(); // error: TS2339
const id: string = sent.id; // error: TS2322
const nothing: string = await action.mail.Delete({ id: "7" }).call(); // error: TS2322
const maybe = await action.shapes.TakeMaybe({}).call();
maybe.length; // error: TS18047

// Events.
action.chat.Listen().withOnProgress((data, event) => {
  data.text; // error: TS18047 TS2339
  if (event === "chat") data.message; // error: TS2339
  if (event === "chat") data.answers.toFixed(); // error: TS18047
  if (event === "presence" && data.status === "gone") return; // error: TS2367
  if (event === "shout") return; // error: TS2367
  if (event === "tick") data.status; // error: TS18047
});
for await (const event of action.chat.Listen().events()) {
  if (event.event === "chat") event.data.status; // error: TS2339
  if (event.event === "closed") break; // error: TS2367
}
action.chat.Send({ username: "ada", message: "hi" }).withOnProgress(() => {}); // error: TS2339

// Errors.
action.chat.Send({ username: "ada", message: "" }).withOnError((error) => {
  error.fields.massage; // error: TS2551
  error.reason; // error: TS2339
});
action.chat.Listen().withOnError((error) => error.fields.room); // error: TS2339

// Shapes.
action.shapes.TakeExternal({ value: "Something" }); // error: TS2322
action.shapes.TakeExternal({ value: { Text: 1 } }); // error: TS2322
action.shapes.TakeInternal({ value: { type: "point", x: 1 } }); // error: TS2322
action.shapes.TakeInternal({ value: { type: "Point", x: 1, y: 2 } }); // error: TS2820
action.shapes.TakeAdjacent({ value: { kind: "Text" } }); // error: TS2322
action.shapes.TakeUntagged({ value: true }); // error: TS2322
action.shapes.TakeWords({ value: "second_word" }); // error: TS2820
action.shapes.TakeNewtype({ value: "7" }); // error: TS2322
action.shapes.TakePair({ value: ["a"] }); // error: TS2322
action.shapes.TakeArray({ value: [1, 2] }); // error: TS2322
action.shapes.TakeList({ value: [1] }); // error: TS2322
action.shapes.TakeMap({ value: { origin: { x: 0 } } }); // error: TS2741
action.shapes.TakeMaybe({ value: 1 }); // error: TS2322
action.shapes.TakeBig({ value: 7n }); // error: TS2322
action.shapes.TakeExact({ value: "1.5" }); // error: TS2322
action.shapes.TakeUsers({ value: { items: ["a"] } }); // error: TS2322
action.shapes.TakeTree({ value: { name: "root", children: [{ name: "leaf" }] } }); // error: TS2741
action.shapes.TakeRenamed({ value: { content_type: "a" } }); // error: TS2561
action.shapes.TakeDefaults({ value: { secret: "a" } }); // error: TS2353
action.shapes.TakeStrict({ value: { only: true, more: 1 } }); // error: TS2353
action.shapes.TakeFlat({ value: { id: 1, x: 1, type: "nothing" } }); // error: TS2322
export { id, message, nothing };

// Dates.
action.dates.Keep({ entry: { id: "a", day: "b", at: new Date() } }); // error: TS2322

// Keys of topics.
action.boards.Watch({ board: 7, card: 7, account: "7", list: "a", id: "a" }); // error: TS2322
action.boards.Watch({ board: "attic", card: "7", account: "7", list: "a", id: "a" }); // error: TS2322
action.boards.Watch({ board: "attic", card: 7, account: 7, list: "a", id: "a" }); // error: TS2322
action.boards.Watch({ board: "attic", card: 7, account: "seven", list: "a", id: "a" }); // error: TS2322
action.boards.Watch({ board: "attic", card: 7, account: "7", list: 7, id: "a" }); // error: TS2322
action.boards.Watch({ board: "attic", card: 7, account: "7", list: "a" }); // error: TS2345

// Effects and pages. This app has no part.
reloadPart("list"); // error: TS2345
effect("toast", ({ text }: { text: string }) => text.trimm()); // error: TS2551
leaving().abort(); // error: TS2551

// Typed errors and batches.
action.bank.Transfer({ cents: 1 }).withOnError((error) => error.code === "insuficient_funds"); // error: TS2367
action.bank.Transfer({ cents: 1 }).withOnError((error) => error.code === "fee" && error.data.missing); // error: TS2339
batch(action.bank.Transfer); // error: TS2345
const [first, second] = await batch(action.bank.Transfer({ cents: 1 })); // error: TS2493
export { first, second };
