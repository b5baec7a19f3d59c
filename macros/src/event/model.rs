//! The events of a stream as they are written: the variants of an enum.

use proc_macro2::{Ident, Span, TokenStream};
use syn::{Attribute, Data, DeriveInput, Fields, Generics, LitStr, Meta, Type};

use crate::{
    diagnostics::Errors,
    syntax::{args::Syntax, attrs, names, types},
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

/// What an event carries.
pub(crate) enum Payload {
    Nothing,
    /// The one value in brackets is the data.
    Value {
        ty: Type,
        attrs: Vec<Attribute>,
    },
    /// The fields make an object.
    Object(Object),
}

/// The fields of a variant as an object.
pub(crate) struct Object {
    /// `#[serde(rename_all = …)]` and the like, for the object.
    pub attrs: Vec<Attribute>,
    /// With the attributes of serde and schemars.
    pub fields: Vec<syn::Field>,
    /// The types of the fields that are written and described by their types.
    pub types: Vec<Type>,
    /// Whether derives assume their bounds for these types.
    pub assumed: bool,
    pub read: Read,
}

/// How the fields of an object are read.
pub(crate) struct Read {
    /// The types of the fields that are read by their types.
    pub types: Vec<Type>,
    /// The types of the fields that are not read, so that each has its default.
    pub defaults: Vec<Type>,
    /// Whether a derive assumes its bounds for these types.
    pub assumed: bool,
}

const EVENT: Syntax =
    Syntax { name: "`#[event]`", noun: "argument", known: &["name"], form: "`name = \"chat\"`" };

/// The names that streams use themselves; see `frame` in the runtime.
const RESERVED: &[&str] = &["complete", "error"];
const RESERVED_PREFIX: &str = "kipo:";

/// Parses `#[derive(Event)] item`.
pub(crate) fn parse(item: &TokenStream, errors: &mut Errors) -> Option<Events> {
    let DeriveInput { ident, generics, data, .. } = match syn::parse2(item.clone()) {
        Ok(input) => input,
        Err(error) => {
            errors.push(error);
            return None;
        }
    };
    let keyword = match data {
        Data::Enum(data) => {
            let events = data.variants.iter().map(|variant| Event::of(variant, &ident, errors));
            let events = events.collect();
            return Some(Events { ident, generics, events });
        }
        Data::Struct(data) => data.struct_token.span,
        Data::Union(data) => data.union_token.span,
    };
    let form = format!("`enum {ident} {{ Chat(Message), Closed }}`");
    errors.at(keyword, format!("events are the variants of an enum: {form}"));
    None
}

impl Event {
    fn of(variant: &syn::Variant, of: &Ident, errors: &mut Errors) -> Self {
        let name = Name::parse(variant, errors);
        let payload = Payload::of(variant, of, errors);
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

impl Payload {
    fn of(variant: &syn::Variant, of: &Ident, errors: &mut Errors) -> Self {
        match &variant.fields {
            Fields::Unnamed(fields) if fields.unnamed.len() > 1 => {
                let ident = &variant.ident;
                let message = format!(
                    "an event carries one value: give the fields names, `{ident} {{ name: Type }}`, \
                     or put them into one type, `{ident}(Type)`"
                );
                errors.under(fields, message);
                Self::Nothing
            }
            Fields::Unnamed(fields) => match fields.unnamed.first() {
                Some(field) => Self::Value { ty: field.ty.clone(), attrs: field.attrs.clone() },
                None => Self::Nothing,
            },
            Fields::Named(fields) => {
                Self::Object(Object::of(object_attrs(variant), fields.named.iter(), of))
            }
            Fields::Unit => Self::Nothing,
        }
    }
}

impl Object {
    fn of<'a>(
        attrs: Vec<Attribute>,
        fields: impl Iterator<Item = &'a syn::Field>,
        of: &Ident,
    ) -> Self {
        let mut fields: Vec<syn::Field> = fields.cloned().collect();
        for field in &mut fields {
            field.attrs.retain(|attr| {
                ["serde", "schemars", "doc", "cfg"].iter().any(|name| attr.path().is_ident(name))
            });
        }
        let types = fields.iter().filter(|field| is_written_by_type(field));
        let types: Vec<_> = types.map(|field| field.ty.clone()).collect();
        let assumed = types::can_be_assumed(&types, of);
        let read = Read::of(&fields);
        Self { attrs, fields, types, assumed, read }
    }
}

impl Read {
    fn of(fields: &[syn::Field]) -> Self {
        let (mut types, mut defaults) = (Vec::new(), Vec::new());
        for syn::Field { attrs, ty, .. } in fields {
            if attrs::holds(attrs, "serde", &["skip", "skip_deserializing"]) {
                defaults.push(ty.clone());
            } else if !attrs::holds(attrs, "serde", &["with", "deserialize_with"]) {
                types.push(ty.clone());
            }
        }
        let assumed = types.iter().chain(&defaults).all(types::can_be_text);
        Self { types, defaults, assumed }
    }
}

/// Returns the attributes of the variant that say how its object is written.
fn object_attrs(variant: &syn::Variant) -> Vec<Attribute> {
    let is_case = |attr: &&Attribute| {
        let mut case = false;
        if attr.path().is_ident("serde") {
            // serde reports what does not parse, where the enum derives it.
            let _ = attr.parse_nested_meta(|meta| {
                case |= meta.path.is_ident("rename_all");
                meta.value()?.parse::<LitStr>().map(drop)
            });
        }
        case
    };
    variant.attrs.iter().filter(is_case).cloned().collect()
}

/// Returns whether a field is written and described by what its type derives.
fn is_written_by_type(field: &syn::Field) -> bool {
    let keys = ["skip", "skip_serializing", "with", "serialize_with", "schema_with"];
    !attrs::holds(&field.attrs, "serde", &keys) && !attrs::holds(&field.attrs, "schemars", &keys)
}
