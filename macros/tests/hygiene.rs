//! Generated code compiles under strict lints and beside whatever names a user chooses.

#![forbid(unsafe_code)]
#![deny(missing_docs, unused, unused_qualifications)]
#![expect(
    missing_debug_implementations,
    reason = "the types of this test need no more than it uses"
)]

/// Types that have the names of the prelude and of crates.
#[expect(dead_code, reason = "only the names matter")]
mod taken {
    pub(super) struct Result;
    pub(super) struct Option;
    pub(super) struct String;
    pub(super) struct Vec;
    pub(super) struct Send;
    pub(super) struct Sync;
    pub(super) struct Sized;
    pub(super) struct Box;
    pub(super) struct Clone;
    pub(super) struct Default;
    pub(super) struct From;
    pub(super) struct Into;
    pub(super) struct Iterator;
    pub(super) struct Fn;
    pub(super) struct FnOnce;
    pub(super) struct Some;
    pub(super) struct None;
    pub(super) struct Ok;
    pub(super) struct Err;
    pub(super) struct Drop;
    pub(super) mod core {}
    pub(super) mod std {}
    pub(super) mod kipo {}
    pub(super) mod serde {}
    pub(super) mod schemars {}
}

/// Admits everyone.
pub struct Everyone;

#[kipo::async_trait]
impl kipo::Guard for Everyone {
    async fn admit(&self, _: &kipo::Context) -> kipo::Result<()> {
        Ok(())
    }
}

/// The user's items where those types are imported.
pub mod shadowed {
    #[expect(unused_imports, reason = "generated code must not use them")]
    use super::taken::*;

    /// A type whose field is named like a local of generated code.
    #[::kipo::data]
    #[derive(Debug)]
    pub struct Inner {
        /// A number.
        #[validate(range(min = 1))]
        pub errors: i64,
    }

    /// An input whose fields are named like locals of generated code.
    #[::kipo::action]
    pub struct Strange {
        #[validate(nested)]
        errors: Inner,
        #[validate(length(min = 1))]
        cx: ::std::string::String,
        out: ::std::option::Option<i64>,
        deserializer: i64,
        generator: i64,
        r#type: i64,
    }

    impl ::kipo::Action for Strange {
        type Output = i64;

        async fn call(self, _: ::kipo::Context) -> ::kipo::Result<i64> {
            let Self { errors, cx, out, deserializer, generator, r#type } = self;
            ::std::result::Result::Ok(
                errors.errors
                    + out.unwrap_or(0)
                    + deserializer
                    + generator
                    + r#type
                    + ::std::primitive::i64::try_from(cx.len())?,
            )
        }
    }

    /// Who asks.
    #[derive(Debug)]
    pub struct User {
        /// A number.
        pub id: i64,
    }

    impl ::kipo::FromContext for User {
        async fn from_context(_: &::kipo::Context) -> ::kipo::Result<Self> {
            ::std::result::Result::Ok(Self { id: 1 })
        }
    }

    /// An input whose fields from the request are named like locals of generated code.
    #[::kipo::action(guard = User)]
    #[derive(Debug)]
    pub struct Mixed {
        /// From the request.
        #[context]
        values: User,
        /// From the caller.
        #[validate(range(min = 1))]
        body: i64,
        /// From the request.
        #[context]
        cx: ::std::option::Option<User>,
    }

    impl ::kipo::Action for Mixed {
        type Output = i64;

        async fn call(self, _: ::kipo::Context) -> ::kipo::Result<i64> {
            let cx = self.cx.map_or(0, |user| user.id);
            ::std::result::Result::Ok(self.values.id + self.body + cx)
        }
    }

    #[::kipo::page("shadowed", public)]
    async fn seen(
        #[context] cx: ::std::option::Option<User>,
        #[context] argument_0: ::kipo::ClientIp,
    ) -> ::kipo::Result<Inner> {
        let _ = argument_0;
        ::std::result::Result::Ok(Inner { errors: cx.map_or(0, |user| user.id) })
    }

    /// A function whose arguments are named like locals of generated code.
    #[::kipo::action]
    pub async fn odd(
        out: i64,
        state_1: ::kipo::State<i64>,
        #[validate(range(max = 9))] cx: i64,
        errors: ::kipo::Context,
    ) -> ::kipo::Result<i64> {
        let _ = errors;
        ::std::result::Result::Ok(out + *state_1 + cx)
    }

    /// Events whose fields are named like locals of generated code.
    #[derive(::kipo::Event)]
    pub enum Events {
        /// Fields.
        Object {
            /// One.
            out: i64,
            /// Two.
            generator: ::std::string::String,
        },
        /// A value.
        Value(Inner),
        /// Nothing.
        Nothing,
    }

    /// Errors whose fields are named like locals of generated code.
    #[derive(Debug, ::kipo::ActionError)]
    pub enum Failure {
        /// An object.
        #[error(status = 409, message = "{message}, {written} and {out}, {type}")]
        Object {
            /// A text.
            message: ::std::string::String,
            /// A number.
            written: i64,
            /// Another.
            out: i64,
            /// In `describe`.
            generator: i64,
            /// A keyword.
            r#type: i64,
        },
        /// A value.
        #[error(status = 422, message = "{0:?}")]
        Value(Inner),
        /// A cause.
        #[error(status = 503, message = "{error}")]
        Cause {
            /// A number.
            error: i64,
            /// Logged, and not sent.
            #[source]
            source: ::std::io::Error,
        },
        /// Nothing.
        Nothing,
        /// A failure of Kipo.
        #[error(transparent)]
        Other(#[from] ::kipo::Error),
    }

    /// Fails in its own way.
    #[::kipo::action]
    pub async fn fail(
        error: i64,
        state: ::kipo::State<i64>,
    ) -> ::std::result::Result<i64, Failure> {
        if error == *state {
            ::std::result::Result::Err(Failure::Nothing)
        } else {
            ::std::result::Result::Ok(error)
        }
    }

    #[test]
    fn an_error_has_the_message_and_the_data_of_its_fields() {
        let message = ::std::string::ToString::to_string("a");
        let object = Failure::Object { message, written: 1, out: 2, generator: 3, r#type: 4 };
        let error = ::kipo::ActionError::into_error(object);
        assert_eq!(error.message(), "a, 1 and 2, 4");
        let data = r#"{"message":"a","written":1,"out":2,"generator":3,"type":4}"#;
        assert_eq!(error.data(), ::std::option::Option::Some(data));
        let source = ::std::io::Error::other("hidden");
        let error = ::kipo::ActionError::into_error(Failure::Cause { error: 5, source });
        assert_eq!(error.data(), ::std::option::Option::Some(r#"{"error":5}"#));
    }

    /// Variants whose fields are named like locals of generated code.
    #[::kipo::data]
    pub enum Choice {
        /// Checked.
        One {
            /// A number.
            #[validate(range(min = 1))]
            errors: i64,
            /// Another.
            #[validate(range(min = 1))]
            field_0: i64,
        },
        /// Not checked.
        Two,
    }

    /// Any input at all.
    #[::kipo::action]
    pub struct Nothing;

    impl ::kipo::StreamAction for Nothing {
        type Event = Events;
        type Output = ();

        async fn stream(
            self,
            _: ::kipo::Context,
            out: ::kipo::EventStream<Events>,
        ) -> ::kipo::Result<()> {
            out.send(Events::Nothing).await?;
            ::std::result::Result::Ok(())
        }
    }

    #[::kipo::page("strange/[cx]")]
    async fn page(
        cx: i64,
        state: ::kipo::State<i64>,
        page: ::kipo::PageContext,
    ) -> ::kipo::Result<Inner> {
        let _ = page;
        ::std::result::Result::Ok(Inner { errors: cx + *state })
    }

    #[::kipo::page("guarded", guard = super::Everyone, cache = "public, 1d")]
    async fn guarded(query: ::kipo::Query<Inner>) -> ::kipo::Result<Inner> {
        ::std::result::Result::Ok(Inner { errors: query.errors })
    }
}

/// The user's items where the names of `kipo` are imported.
pub mod imported {
    use kipo::{
        Action, Context, Event, EventStream, FieldErrors, Result, State, StreamAction, Validate,
        action, data,
    };

    /// Rules over several fields.
    #[data]
    #[derive(Clone, Debug)]
    #[validate(custom(function = in_order))]
    pub struct Span {
        /// The first.
        pub from: u32,
        /// The last.
        pub to: u32,
    }

    fn in_order(span: &Span) -> Result<(), &'static str> {
        if span.from <= span.to { Ok(()) } else { Err("must not end before it starts") }
    }

    /// A page of a list.
    #[data]
    pub struct Page<T> {
        /// What there is.
        #[validate(nested)]
        pub items: Vec<T>,
    }

    /// What happens.
    #[derive(Event)]
    pub enum Tick {
        /// It ticks.
        Count(u32),
    }

    /// Nothing ever happens.
    #[derive(Event)]
    pub enum Never {}

    /// Returns its input. Its name is also that of a trait.
    #[action(name = "imported.Forward", state(u64))]
    pub struct Send {
        #[validate(nested)]
        page: Page<Span>,
    }

    impl Action for Send {
        type Output = Page<Span>;

        async fn call(self, _cx: Context) -> Result<Page<Span>> {
            Ok(self.page)
        }
    }

    /// Ticks.
    #[action]
    pub async fn clock(n: u32, state: State<u64>, out: EventStream<Tick>) -> Result<()> {
        let _ = state;
        for n in 0..n {
            out.send(Tick::Count(n)).await?;
        }
        Ok(())
    }

    #[action]
    async fn undocumented() -> Result<u8> {
        Ok(1)
    }

    /// Takes a private type, and itself.
    #[action]
    #[derive(Default)]
    #[serde(default)]
    pub struct Tree {
        leaf: Option<Leaf>,
        branches: Vec<Self>,
    }

    #[data]
    struct Leaf {
        colour: String,
    }

    impl Action for Tree {
        type Output = usize;

        async fn call(self, _cx: Context) -> Result<usize> {
            Ok(self.branches.len() + self.leaf.map_or(0, |leaf| leaf.colour.len()))
        }
    }

    /// Takes a private type.
    #[action]
    async fn prune(
        #[serde(default)] leaf: Option<Leaf>,
        #[serde(flatten)] more: Leaf,
    ) -> Result<()> {
        let _ = (leaf, more);
        Ok(())
    }

    /// Waits for nothing.
    #[action]
    pub struct Wait();

    impl StreamAction for Wait {
        type Event = Never;
        type Output = ();

        async fn stream(self, _cx: Context, _out: EventStream<Never>) -> Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_error_of_a_rule_has_the_json_path_of_its_value() {
        let page = Page { items: vec![Span { from: 1, to: 2 }, Span { from: 2, to: 1 }] };
        let mut errors = FieldErrors::default();
        Validate::validate(&page, &mut errors);
        assert_eq!(errors.get("items[1]"), ["must not end before it starts"]);
    }
}

/// Items that the user's own macros write.
pub mod from_macros {
    use kipo::{Action, ActionError, Context, Event, Result, action, data};

    macro_rules! actions {
        ($($name:ident($field:ident: $ty:ty) = $min:expr;)*) => {$(
            /// Returns its input.
            #[action]
            pub struct $name {
                #[validate(range(min = $min))]
                $field: $ty,
            }

            impl Action for $name {
                type Output = $ty;

                async fn call(self, _cx: Context) -> Result<$ty> {
                    Ok(self.$field)
                }
            }
        )*};
    }

    actions! {
        Small(number: u8) = 1;
        Large(number: u64) = 1 + 1;
    }

    macro_rules! event {
        ($name:ident, $variant:ident($ty:ty), $field:ident) => {
            /// Written by a macro.
            #[derive(Event)]
            pub enum $name {
                /// A value.
                $variant($ty),
                /// An object.
                Object {
                    /// A field.
                    $field: $ty,
                },
            }

            /// Written by a macro.
            #[data]
            pub enum Choice {
                /// Checked.
                $variant {
                    /// A field.
                    #[validate(range(min = 1))]
                    $field: $ty,
                },
            }
        };
    }

    event!(Made, Number(u8), out);

    macro_rules! error {
        ($name:ident, $variant:ident { $field:ident: $ty:ty }, $status:expr, $message:expr) => {
            /// Written by a macro.
            #[derive(Debug, ActionError)]
            pub enum $name {
                /// A value.
                #[error(status = $status, message = $message)]
                $variant {
                    /// A field.
                    $field: $ty,
                },
                /// A failure of Kipo.
                #[error(transparent)]
                Other(#[from] kipo::Error),
            }
        };
    }

    error!(Failed, Limit { out: u8 }, 429, "at most {out}");

    #[test]
    fn an_error_that_a_macro_writes_is_an_error() {
        let error = Failed::Limit { out: 1 }.into_error();
        assert_eq!((error.status().as_u16(), error.word()), (429, "limit"));
        assert_eq!((error.message(), error.data()), ("at most 1", Some(r#"{"out":1}"#)));
    }

    #[test]
    fn an_event_that_a_macro_writes_is_an_event() {
        let mut data = Vec::new();
        Made::Object { out: 1 }.write_data(&mut data).unwrap();
        assert_eq!(data, br#"{"out":1}"#);
        assert_eq!(Made::Number(1).name(), "number");
    }
}

/// Events that are written and never read.
#[expect(dead_code, reason = "what writes an event never reads a field that is skipped")]
pub mod written_only {
    use kipo::{__private::schemars, Event};
    use serde::Serialize;

    /// Has no `Deserialize`.
    #[derive(Serialize, schemars::JsonSchema)]
    #[schemars(crate = "schemars")]
    pub struct Once(u8);

    /// Has no `Default` either.
    pub struct Hidden;

    /// Written only.
    #[derive(Event)]
    pub enum Sent {
        /// A value.
        Value(Once),
        /// An object.
        Object {
            /// A field.
            once: Once,
            /// Never sent.
            #[serde(skip)]
            hidden: Hidden,
        },
    }

    #[test]
    fn an_event_needs_no_payload_that_can_be_read() {
        let mut data = Vec::new();
        Sent::Value(Once(1)).write_data(&mut data).unwrap();
        Sent::Object { once: Once(2), hidden: Hidden }.write_data(&mut data).unwrap();
        assert_eq!(data, br#"1{"once":2}"#);
    }
}

/// Events that are read back.
#[expect(dead_code, reason = "what writes an event never reads a field that is skipped")]
pub mod read_back {
    use kipo::{DecodeEvent, Event, data};

    /// A payload.
    #[data]
    #[derive(Debug, PartialEq)]
    pub struct Note {
        /// A text.
        text: String,
        /// Left out if there is none.
        #[serde(skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    }

    /// Events of every form.
    #[derive(Debug, PartialEq, Event)]
    pub enum Read {
        /// A value.
        Note(Note),
        /// An object with other names.
        #[serde(rename_all = "camelCase")]
        Moved {
            /// Named like a local of generated code.
            data: u8,
            /// A case of its own.
            from_list: Option<u64>,
            /// Never sent.
            #[serde(skip)]
            hidden: u32,
            /// A list.
            names: Vec<String>,
        },
        /// A recursive value.
        Nested(Tree),
        /// Nothing.
        #[event(name = "bye")]
        Closed,
        /// No fields.
        Empty {},
    }

    /// Recursive.
    #[data]
    #[derive(Debug, PartialEq)]
    pub struct Tree {
        /// Others.
        others: Vec<Self>,
    }

    #[track_caller]
    fn check(event: &Read) {
        let mut data = Vec::new();
        event.write_data(&mut data).expect("an event that can be written");
        let data = std::str::from_utf8(&data).expect("JSON is UTF-8");
        let read = Read::decode(event.name(), data).expect("the event that was written");
        assert_eq!(read, *event);
    }

    #[test]
    fn an_event_is_read_as_it_was_written() {
        check(&Read::Note(Note { text: "\u{2028}\n".into(), by: None }));
        check(&Read::Note(Note { text: String::new(), by: Some("ada".into()) }));
        let names = vec!["b".into()];
        check(&Read::Moved { data: 1, from_list: None, hidden: 0, names });
        let names = vec!["a".into()];
        check(&Read::Moved { data: 1, from_list: Some(u64::MAX), hidden: 0, names });
        check(&Read::Nested(Tree { others: vec![Tree { others: Vec::new() }] }));
        check(&Read::Closed);
        check(&Read::Empty {});
    }

    #[test]
    fn another_name_and_other_data_are_errors() {
        for (name, data) in [
            ("closed", "null"),
            ("", "null"),
            ("Note", r#"{"text":"a"}"#),
            ("note", "null"),
            ("note", r#"{"text":1}"#),
            ("note", ""),
            ("moved", r#"{"data":256,"fromList":null}"#),
            ("moved", r#"{"data":1} {}"#),
        ] {
            assert!(Read::decode(name, data).is_err(), "{name} {data}");
        }
        let error = Read::decode("closed", "null").unwrap_err().to_string();
        assert!(error.contains("`note`, `moved`, `nested`, `bye`, `empty`"), "{error}");
    }
}
