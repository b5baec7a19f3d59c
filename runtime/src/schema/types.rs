//! The types of all registered actions: collected once at start.

use std::collections::BTreeMap;

use crate::schema::{
    description::{Definition, Described, Endpoint, REFERENCE},
    merge::Graph,
};

/// The types of all registered actions, each with its final name.
#[derive(Debug)]
pub(crate) struct Types {
    /// Sorted by name.
    pub(super) actions: Vec<Endpoint>,
    /// By key, which is the end of a `$ref`.
    pub(super) definitions: BTreeMap<String, Definition>,
}

impl Types {
    /// Describes the given actions and names their types.
    pub(crate) fn collect(actions: impl Iterator<Item = Described>) -> Self {
        let mut graph = Graph::default();
        let mut actions: Vec<Endpoint> = actions.map(|action| graph.add(action)).collect();
        actions.sort_by(|a, b| a.name.cmp(&b.name));
        let definitions = graph.finish(&mut actions);
        Self { actions, definitions }
    }

    /// Returns the definition that a `$ref` leads to, if it is one of ours.
    pub(super) fn definition(&self, reference: &str) -> Option<(&str, &Definition)> {
        let key = reference.strip_prefix(REFERENCE)?;
        self.definitions.get_key_value(key).map(|(key, definition)| (key.as_str(), definition))
    }
}

#[cfg(test)]
#[expect(dead_code, reason = "only their schemas are used")]
mod tests {
    use schemars::{JsonSchema, SchemaGenerator};

    use super::*;
    use crate::{
        action::{BodyForm, InputMethod},
        schema::description::{Describe, Refusals, Shape},
    };

    /// Checks the names of the definitions of some actions.
    #[track_caller]
    fn check(actions: &[(&str, Describe)], expected: &[&str]) {
        let actions = actions.iter().map(|(name, describe)| Described {
            name: (*name).to_owned(),
            doc: "",
            needs: Vec::new(),
            refusals: Refusals::default(),
            method: InputMethod::Post,
            form: BodyForm::Fields,
            describe: *describe,
        });
        let types = Types::collect(actions.collect::<Vec<_>>().into_iter().rev());
        let names: Vec<_> = types.definitions.keys().map(String::as_str).collect();
        assert_eq!(names, expected);
    }

    fn call<I: JsonSchema, O: JsonSchema>(
        de: &mut SchemaGenerator,
        ser: &mut SchemaGenerator,
    ) -> Shape {
        Shape {
            input: de.subschema_for::<I>(),
            output: ser.subschema_for::<O>(),
            errors: None,
            events: None,
        }
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
    fn a_type_is_in_the_innermost_namespace_of_all_its_actions() {
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
        // Two actions share both types, so the prefix of an action does not tell them apart.
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
    fn an_output_keeps_its_name() {
        check(
            &[("users.Message", call::<Nothing, Message>)],
            &["users.Message", "users.MessageInput"],
        );
        // An input that is written as well, in the same form and in another one.
        check(&[("chat.Message", call::<Message, Message>)], &["chat.Message"]);
        check(&[("chat.Note", call::<Note, Note>)], &["chat.Note", "chat.NoteInput"]);
    }

    #[test]
    fn a_name_that_is_taken_is_not_assigned_again() {
        check(&[("Call", call::<Nothing, ()>)], &["CallInput"]);
        check(&[("default.delete", call::<Nothing, ()>)], &["default_.delete_"]);
        check(
            &[("a-b.Send", call::<Nothing, ()>), ("a_b.Send", call::<Nothing, ()>)],
            &["a_b.Send", "a_b.SendInput"],
        );
    }
}
