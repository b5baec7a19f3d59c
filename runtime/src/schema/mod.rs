//! What the registered actions take and give, as types: collected once at start, then written as
//! TypeScript ([`typescript`]) or as OpenAPI ([`openapi`]).
//!
//! # Two sides
//!
//! serde may accept another form than it writes: an `Option` may be left out of an input, but is
//! always there in an output. So each type is described twice, as it is read and as it is written.
//! Where both agree there is one definition. Where they differ there are two: the written one keeps
//! the name and the read one is called `…Input`.
//!
//! # Names
//!
//! 1. The input of `chat.Send` is `chat.Send`, whatever its struct is called; `chat.SendInput` if
//!    something that is written has that name.
//! 2. Any other type has the name of its Rust type, in the innermost namespace that holds all
//!    actions which use it: `chat.Message` as long as only actions in `chat` know it, `Message`
//!    once another namespace does too.
//! 3. Different types of one name in one namespace get the action's name in front (`SendStatus`,
//!    `ListenStatus`), or a number if several actions share them.
//! 4. A word of TypeScript gets `_` behind it. What the head of `client.d.ts` declares is taken, so
//!    an output `Call` outside of all namespaces is `CallOutput`.
//!
//! Two types of one name and one form are one definition, wherever they come from. So a new action
//! renames nothing, unless it shares a type or brings another of the same name.
//!
//! # Ordering
//!
//! Everything is sorted by name: the same actions give the same text.

mod circle;
#[cfg(all(feature = "dev", debug_assertions))]
pub(crate) mod listing;
mod merge;
mod names;
pub(crate) mod openapi;
mod print;
#[cfg(test)]
#[expect(dead_code, reason = "described, but never made")]
mod shapes;
mod ty;
pub(crate) mod typescript;

use std::collections::BTreeMap;

use schemars::{Schema, SchemaGenerator};
use serde_json::Value;

use self::merge::Graph;
use crate::{
    action::{Action, Outgoing as _},
    event::{Event as _, EventType},
    stream::StreamAction,
};

/// Describes one endpoint: its input by the first generator, the rest by the second.
pub(crate) type Describe = fn(de: &mut SchemaGenerator, ser: &mut SchemaGenerator) -> Shape;

/// What one endpoint takes and gives.
#[derive(Debug)]
pub(crate) struct Shape {
    pub(crate) input: Schema,
    pub(crate) output: Schema,
    /// `None` for a call that answers once.
    pub(crate) events: Option<Vec<EventType>>,
}

impl Shape {
    /// Describes a call; a [`Describe`].
    pub(crate) fn of_call<A: Action>(de: &mut SchemaGenerator, ser: &mut SchemaGenerator) -> Self {
        Self { input: A::describe(de), output: A::Output::describe(ser), events: None }
    }

    /// Describes a stream; a [`Describe`].
    pub(crate) fn of_stream<A: StreamAction>(
        de: &mut SchemaGenerator,
        ser: &mut SchemaGenerator,
    ) -> Self {
        Self {
            input: A::describe(de),
            output: A::Output::describe(ser),
            events: Some(A::Event::describe(ser)),
        }
    }
}

/// The types of all registered actions, each with its final name.
#[derive(Debug)]
pub(crate) struct Types {
    /// Sorted by name.
    actions: Vec<Endpoint>,
    /// By key, which is what a `$ref` ends with.
    definitions: BTreeMap<String, Definition>,
}

/// One action. Every reference in its schemas is `#/components/schemas/<key>`.
#[derive(Debug)]
struct Endpoint {
    name: String,
    doc: &'static str,
    /// Key of the input's definition.
    input: String,
    output: Value,
    /// `None` for a call that answers once.
    events: Option<Vec<EventData>>,
}

/// One event of a stream.
#[derive(Debug)]
struct EventData {
    name: &'static str,
    doc: &'static str,
    data: Value,
}

/// A type that has a name.
#[derive(Debug)]
struct Definition {
    /// Segments, each an identifier; empty for the outermost.
    namespace: Vec<String>,
    /// An identifier, unique in its namespace.
    name: String,
    schema: Value,
}

impl Types {
    /// Describes the given actions (name, doc comment, description) and names their types.
    pub(crate) fn collect(actions: impl Iterator<Item = (String, &'static str, Describe)>) -> Self {
        let mut graph = Graph::default();
        let mut actions: Vec<Endpoint> =
            actions.map(|(name, doc, describe)| graph.add(name, doc, describe)).collect();
        actions.sort_by(|a, b| a.name.cmp(&b.name));
        let definitions = graph.finish(&mut actions);
        Self { actions, definitions }
    }

    /// Returns the definition that a `$ref` means, if it is one of ours.
    fn definition(&self, reference: &str) -> Option<(&str, &Definition)> {
        let key = reference.strip_prefix(REFERENCE)?;
        self.definitions.get_key_value(key).map(|(key, definition)| (key.as_str(), definition))
    }
}

/// Where OpenAPI keeps definitions; what every reference to one starts with.
const REFERENCE: &str = "#/components/schemas/";

/// Calls `visit` with each `$ref` in a schema, in the order of the text.
///
/// Only where a schema can stand: a default value or a property of that name is data.
fn each_reference(schema: &mut Value, visit: &mut dyn FnMut(&mut String)) {
    let Value::Object(keywords) = schema else { return };
    for (keyword, value) in keywords {
        match (keyword.as_str(), value) {
            ("$ref", Value::String(reference)) => visit(reference),
            (
                "properties" | "patternProperties" | "dependentSchemas" | "$defs",
                Value::Object(named),
            ) => named.values_mut().for_each(|schema| each_reference(schema, visit)),
            ("allOf" | "anyOf" | "oneOf" | "prefixItems", Value::Array(list)) => {
                list.iter_mut().for_each(|schema| each_reference(schema, visit));
            }
            (
                "items"
                | "contains"
                | "additionalProperties"
                | "unevaluatedProperties"
                | "unevaluatedItems"
                | "propertyNames"
                | "not"
                | "if"
                | "then"
                | "else",
                schema,
            ) => each_reference(schema, visit),
            _ => {}
        }
    }
}

#[cfg(test)]
#[expect(dead_code, reason = "described, but never made")]
mod tests {
    use schemars::JsonSchema;

    use super::*;

    /// Checks what the definitions of some actions are called.
    #[track_caller]
    fn check(actions: &[(&str, Describe)], expected: &[&str]) {
        let actions = actions.iter().map(|(name, describe)| ((*name).to_owned(), "", *describe));
        let types = Types::collect(actions.collect::<Vec<_>>().into_iter().rev());
        let names: Vec<_> = types.definitions.keys().map(String::as_str).collect();
        assert_eq!(names, expected);
    }

    fn call<I: JsonSchema, O: JsonSchema>(
        de: &mut SchemaGenerator,
        ser: &mut SchemaGenerator,
    ) -> Shape {
        Shape { input: de.subschema_for::<I>(), output: ser.subschema_for::<O>(), events: None }
    }

    #[derive(JsonSchema)]
    struct Nothing {}

    #[derive(JsonSchema)]
    struct Message {
        text: String,
    }

    #[derive(JsonSchema)]
    struct Note {
        text: Option<String>,
    }

    #[derive(JsonSchema)]
    struct Quote {
        note: Note,
        quoted: Vec<Self>,
    }

    mod other {
        use super::*;

        /// Another form.
        #[derive(JsonSchema)]
        pub(super) struct Message {
            bytes: Vec<u8>,
        }

        #[derive(JsonSchema)]
        pub(super) struct Nothing {}
    }

    #[test]
    fn a_type_lives_where_all_its_users_are() {
        check(&[("chat.Send", call::<Nothing, Message>)], &["chat.Message", "chat.Send"]);
        check(
            &[("a.b.Send", call::<Nothing, Message>), ("a.c.Send", call::<Nothing, Message>)],
            &["a.Message", "a.b.Send", "a.c.Send"],
        );
        check(
            &[("a.Send", call::<Nothing, Message>), ("Send", call::<Nothing, Vec<Message>>)],
            &["Message", "Send", "a.Send"],
        );
    }

    #[test]
    fn another_module_with_the_same_names_changes_nothing() {
        check(
            &[
                ("chat.Send", call::<Nothing, Message>),
                ("mail.Send", call::<other::Nothing, other::Message>),
            ],
            &["chat.Message", "chat.Send", "mail.Message", "mail.Send"],
        );
    }

    #[test]
    fn two_types_of_one_name_in_one_namespace_are_named_by_their_action() {
        check(
            &[
                ("chat.Send", call::<Nothing, Message>),
                ("chat.Read", call::<Nothing, other::Message>),
            ],
            &["chat.Read", "chat.ReadMessage", "chat.Send", "chat.SendMessage"],
        );
        // Each of two actions, both for the same two types: only a number is left.
        check(
            &[
                ("chat.Send", call::<Nothing, (Message, other::Message)>),
                ("chat.Read", call::<Nothing, (Message, other::Message)>),
            ],
            &["chat.Message", "chat.Message2", "chat.Read", "chat.Send"],
        );
    }

    #[test]
    fn a_type_that_is_read_in_another_form_is_an_input() {
        check(
            &[("chat.Send", call::<Message, Note>), ("chat.Read", call::<(Note,), Quote>)],
            &["chat.Note", "chat.NoteInput", "chat.Quote", "chat.Read", "chat.Send"],
        );
        check(
            &[("chat.Send", call::<Message, Quote>), ("chat.Read", call::<(Quote,), ()>)],
            &[
                "chat.Note",
                "chat.NoteInput",
                "chat.Quote",
                "chat.QuoteInput",
                "chat.Read",
                "chat.Send",
            ],
        );
    }

    #[test]
    fn what_an_action_gives_keeps_its_name() {
        check(
            &[("users.Message", call::<Nothing, Message>)],
            &["users.Message", "users.MessageInput"],
        );
        // An input that is written as well, in the same form and in another one.
        check(&[("chat.Message", call::<Message, Message>)], &["chat.Message"]);
        check(&[("chat.Note", call::<Note, Note>)], &["chat.Note", "chat.NoteInput"]);
    }

    #[test]
    fn what_is_taken_is_not_given_again() {
        check(&[("Call", call::<Nothing, ()>)], &["CallInput"]);
        check(&[("default.delete", call::<Nothing, ()>)], &["default_.delete_"]);
        check(
            &[("a-b.Send", call::<Nothing, ()>), ("a_b.Send", call::<Nothing, ()>)],
            &["a_b.Send", "a_b.SendInput"],
        );
    }
}
