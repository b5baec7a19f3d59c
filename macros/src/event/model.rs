//! `#[derive(Event)]` on an enum.

use proc_macro2::{Ident, Span, TokenStream};
use syn::{Attribute, Data, DeriveInput, Fields, LitStr, Meta, Type, ext::IdentExt};

use crate::{diagnostics::Errors, expand, item, syntax::args::Owner};

/// The events of a stream, ready to be written down.
pub(crate) struct Events {
    pub ident: Ident,
    pub variants: Vec<Variant>,
}

/// One event.
pub(crate) struct Variant {
    pub ident: Ident,
    pub name: String,
    pub doc: String,
    pub payload: Payload,
}

/// What an event carries.
pub(crate) enum Payload {
    Nothing,
    /// The one value in brackets is the data.
    Value(Type),
    /// The fields make an object.
    Object {
        /// `#[serde(rename_all = …)]` and the like, for the object.
        attrs: Vec<Attribute>,
        fields: Vec<syn::Field>,
    },
}

const EVENT: Owner =
    Owner { name: "`#[event]`", noun: "argument", known: &["name"], form: "`name = \"chat\"`" };

/// Names of the wire itself; see `frame` in the runtime.
const RESERVED: &[&str] = &["complete", "error"];
const RESERVED_PREFIX: &str = "kipo:";

/// Expands the derive.
pub(crate) fn event(tokens: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let input = match syn::parse2::<DeriveInput>(tokens) {
        Ok(input) => input,
        Err(error) => {
            errors.push(error);
            return errors.into_tokens();
        }
    };
    let events = check(&input, &mut errors);
    if errors.is_empty() {
        expand::events(&events)
    } else {
        expand::stub_events(&input.ident, &input.generics, errors)
    }
}

fn check(input: &DeriveInput, errors: &mut Errors) -> Events {
    let mut events = Events { ident: input.ident.clone(), variants: Vec::new() };
    let form = format!("`enum {} {{ Chat(Message), Closed }}`", input.ident);
    let data = match &input.data {
        Data::Enum(data) => data,
        Data::Struct(data) => {
            errors
                .at(data.struct_token.span, format!("events are the variants of an enum: {form}"));
            return events;
        }
        Data::Union(data) => {
            errors.at(data.union_token.span, format!("events are the variants of an enum: {form}"));
            return events;
        }
    };
    if !input.generics.params.is_empty() {
        let message = "events have no generic parameters: the browser knows each by its name \
                       and its type";
        errors.under(&input.generics.params, message);
    }
    let mut names: Vec<String> = Vec::new();
    for variant in &data.variants {
        let given = given_name(&variant.attrs, errors);
        let (name, span) = match &given {
            Some(given) => (given.value(), given.span()),
            None => (item::snake(&variant.ident.unraw().to_string()), variant.ident.span()),
        };
        check_name(&name, span, given.is_some(), errors);
        if names.contains(&name) {
            errors.at(span, format!("two events are named `{name}`"));
        }
        names.push(name.clone());
        let payload = payload(variant, errors);
        let doc = item::doc(&variant.attrs);
        events.variants.push(Variant { ident: variant.ident.clone(), name, doc, payload });
    }
    events
}

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

/// Checks that a name can stand in an `event:` line and is not one of the wire's own.
fn check_name(name: &str, span: Span, given: bool, errors: &mut Errors) {
    let reserved = RESERVED.contains(&name) || name.starts_with(RESERVED_PREFIX);
    let letter = |letter: char| letter.is_ascii_alphanumeric() || "_-.".contains(letter);
    if reserved && given {
        errors.at(span, format!("the event name {name:?} is reserved: streams use it themselves"));
    } else if reserved {
        let message = format!(
            "the event name `{name}` is reserved: every stream ends with it; rename the variant, or \
             put `#[event(name = \"…\")]` above it"
        );
        errors.at(span, message);
    } else if name.is_empty() {
        errors.at(span, "an event needs a name");
    } else if !name.chars().all(letter) {
        let message = format!(
            "{name:?} is no name of an event; it is made of letters, digits, `_`, `-` and `.`"
        );
        errors.at(span, message);
    }
}

fn payload(variant: &syn::Variant, errors: &mut Errors) -> Payload {
    match &variant.fields {
        Fields::Unnamed(fields) if fields.unnamed.len() > 1 => {
            let ident = &variant.ident;
            let message = format!(
                "an event carries one value: give the fields names, `{ident} {{ name: Type }}`, or \
                 put them into one type, `{ident}(Type)`"
            );
            errors.under(fields, message);
            Payload::Nothing
        }
        Fields::Unnamed(fields) => match fields.unnamed.first() {
            Some(field) => {
                for attr in field.attrs.iter().filter(|attr| item::is_helper(attr)) {
                    errors
                        .under(attr, "this has no effect on the whole payload: put it on its type");
                }
                Payload::Value(field.ty.clone())
            }
            None => Payload::Nothing,
        },
        Fields::Named(fields) => {
            let mut fields: Vec<syn::Field> = fields.named.iter().cloned().collect();
            for field in &mut fields {
                field.attrs.retain(|attr| {
                    ["serde", "schemars", "doc", "cfg"]
                        .iter()
                        .any(|name| attr.path().is_ident(name))
                });
            }
            Payload::Object { attrs: object_attrs(variant), fields }
        }
        Fields::Unit => Payload::Nothing,
    }
}

/// Returns the attributes of the variant that say how its object is written.
fn object_attrs(variant: &syn::Variant) -> Vec<Attribute> {
    let is_case = |attr: &&Attribute| {
        let mut case = false;
        if attr.path().is_ident("serde") {
            // What does not parse serde reports, where the enum derives it.
            let _ = attr.parse_nested_meta(|meta| {
                case |= meta.path.is_ident("rename_all");
                meta.value()?.parse::<LitStr>().map(drop)
            });
        }
        case
    };
    variant.attrs.iter().filter(is_case).cloned().collect()
}
