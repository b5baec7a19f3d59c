//! The events of a stream as they are written: the variants of an enum.

use proc_macro2::{Ident, Span, TokenStream};
use syn::{Attribute, Generics, LitStr, Meta};

use crate::{
    diagnostics::Errors,
    fields::Payload,
    syntax::{args::Syntax, attrs, enums::EnumItem, names},
};

/// The events of a stream.
pub(crate) struct Events {
    pub ident: Ident,
    pub generics: Generics,
    pub events: Vec<Event>,
}

/// One event.
pub(crate) struct Event {
    /// The variant.
    pub ident: Ident,
    pub name: Name,
    pub doc: String,
    pub payload: Payload,
}

/// The name of an event in the stream.
pub(crate) struct Name {
    pub text: String,
    /// Of the text that `name = "…"` gives, or of the variant.
    pub span: Span,
}

const EVENT: Syntax =
    Syntax { name: "`#[event]`", noun: "argument", known: &["name"], form: "`name = \"chat\"`" };

/// The names that streams use themselves; see `frame` in the runtime.
const RESERVED: &[&str] = &["complete", "error"];
const RESERVED_PREFIX: &str = "kipo:";

/// Parses `#[derive(Event)] item`.
pub(crate) fn parse(item: &TokenStream, errors: &mut Errors) -> Option<Events> {
    let expected = |ident: &Ident| {
        format!("events are the variants of an enum: `enum {ident} {{ Chat(Message), Closed }}`")
    };
    let EnumItem { ident, generics, variants, .. } = EnumItem::parse(item, expected, errors)?;
    let events = variants.iter().map(|variant| Event::of(variant, &ident, errors)).collect();
    Some(Events { ident, generics, events })
}

impl Event {
    fn of(variant: &syn::Variant, of: &Ident, errors: &mut Errors) -> Self {
        let name = Name::parse(variant, errors);
        let payload = Payload::of(variant, of, "an event", errors);
        let doc = attrs::doc(&variant.attrs);
        Self { ident: variant.ident.clone(), name, doc, payload }
    }
}

impl Name {
    fn parse(variant: &syn::Variant, errors: &mut Errors) -> Self {
        let given = given_name(&variant.attrs, errors);
        let (text, span) = match &given {
            Some(given) => (given.value(), given.span()),
            None => (names::snake(&names::unraw(&variant.ident)), variant.ident.span()),
        };
        if let Err(message) = allowed(&text, given.is_some()) {
            errors.at(span, message);
        }
        Self { text, span }
    }
}

/// Returns the name that `#[event(name = "…")]` gives.
fn given_name(attrs: &[Attribute], errors: &mut Errors) -> Option<LitStr> {
    let mut name = None;
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("event")) {
        let Meta::List(list) = &attr.meta else {
            errors.under(&attr.meta, format!("{} takes {}", EVENT.name, EVENT.form));
            continue;
        };
        for arg in EVENT.parse(list.tokens.clone(), errors) {
            if name.is_some() {
                errors.under(&arg.key, "`name` is given twice");
            }
            name = arg.text(errors).or(name);
        }
    }
    name
}

/// Refuses a name that an `event:` line cannot have, or that streams use themselves.
fn allowed(name: &str, given: bool) -> Result<(), String> {
    let reserved = RESERVED.contains(&name) || name.starts_with(RESERVED_PREFIX);
    let letter = |letter: char| letter.is_ascii_alphanumeric() || "_-.".contains(letter);
    if reserved && given {
        Err(format!("the event name {name:?} is reserved: streams use it themselves"))
    } else if reserved {
        Err(format!(
            "the event name `{name}` is reserved: every stream ends with it; rename the variant, \
             or put `#[event(name = \"…\")]` above it"
        ))
    } else if name.is_empty() {
        Err("an event needs a name".to_owned())
    } else if !name.chars().all(letter) {
        Err(format!("{name:?} is not a valid event name: use letters, digits, `_`, `-` and `.`"))
    } else {
        Ok(())
    }
}
