//! `#[data]` on a struct or an enum that inputs, outputs and events are made of.

use proc_macro2::TokenStream;
use syn::{Attribute, Fields, GenericParam, Generics, Ident, Item, ext::IdentExt};

use crate::{
    diagnostics::Errors,
    expand,
    fields::rules::{self, Rule},
    item::{self, Field, Place, Serde},
};

/// A type of `#[data]`, ready to be written down.
pub(crate) struct Data {
    pub item: Item,
    pub ident: Ident,
    pub generics: Generics,
    /// How schemars names each instance of a generic type.
    pub schema_name: Option<String>,
    pub body: Body,
    /// Rules over several fields.
    pub rules: Vec<Rule>,
}

pub(crate) enum Body {
    Struct(Vec<Field>),
    Enum(Vec<Variant>),
}

/// One variant of an enum, for its rules.
pub(crate) struct Variant {
    pub ident: Ident,
    pub fields: Vec<Field>,
    /// Where the variant's fields stand in the JSON.
    pub place: Place,
}

/// What `#[data]` derives.
const DERIVES: &[&str] = &["Serialize", "Deserialize", "JsonSchema"];

/// Expands the attribute.
pub(crate) fn data(args: &TokenStream, tokens: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    if !args.is_empty() {
        errors.under(args, "`#[data]` takes no arguments");
    }
    let item = match syn::parse2::<Item>(tokens.clone()) {
        Ok(item) => item,
        Err(error) => {
            errors.push(error);
            return expand::untouched(tokens, errors);
        }
    };
    match check(item, &mut errors) {
        Ok(data) if errors.is_empty() => expand::data(&data),
        Ok(data) => expand::stub_data(&data, errors),
        Err(item) => {
            errors.under(&*item, "`#[data]` is for a struct or an enum");
            expand::untouched(tokens, errors)
        }
    }
}

fn check(mut item: Item, errors: &mut Errors) -> Result<Data, Box<Item>> {
    let (attrs, ident, generics) = match &mut item {
        Item::Struct(item) => (&mut item.attrs, item.ident.clone(), item.generics.clone()),
        Item::Enum(item) => (&mut item.attrs, item.ident.clone(), item.generics.clone()),
        _ => return Err(Box::new(item)),
    };
    item::refuse_cfg(attrs, "#[data]", errors);
    item::refuse_derives(attrs, "#[data]", DERIVES, errors);
    item::without_derives(attrs, DERIVES);
    for lifetime in generics.lifetimes() {
        let message = "data is read as well as written, so it owns what it holds: `String` \
                       instead of `&'a str`, and no lifetime";
        errors.under(lifetime, message);
    }

    let serde = Serde::of(attrs);
    let schema_name = schema_name(attrs, &serde, &ident, &generics);
    let rules = rules::of_type(attrs, errors);
    let body = match &item {
        Item::Enum(item) => {
            let variants = item.variants.iter();
            Body::Enum(variants.map(|of| variant(of, &serde, errors)).collect())
        }
        Item::Struct(item) => Body::Struct(item::fields(&item.fields, &serde, errors)),
        _ => Body::Struct(Vec::new()),
    };
    Ok(Data { item, ident, generics, schema_name, body, rules })
}

fn variant(of: &syn::Variant, container: &Serde, errors: &mut Errors) -> Variant {
    let mut serde = Serde::of(&of.attrs);
    let name = serde.rename.take();
    let name = name.unwrap_or_else(|| container.case.variant(&of.ident.unraw().to_string()));
    let place = match (&container.tag, &container.content) {
        _ if container.untagged || serde.untagged => Place::Whole,
        (None, _) => Place::Key(name),
        (Some(_), None) => Place::Whole,
        (Some(_), Some(content)) => Place::Key(content.clone()),
    };
    if matches!(serde.case, item::Case::AsWritten) {
        serde.case = container.case_fields;
    }
    if matches!(of.fields, Fields::Unit) {
        for attr in of.attrs.iter().filter(|attr| rules::is_validate(attr)) {
            errors.under(attr, "there is nothing to check in a variant without fields");
        }
    }
    Variant { ident: of.ident.clone(), fields: item::fields(&of.fields, &serde, errors), place }
}

/// Returns `Page_{T}` for a `Page<T>`, so that instances do not share one name in the schema.
fn schema_name(
    attrs: &[Attribute],
    serde: &Serde,
    ident: &Ident,
    generics: &Generics,
) -> Option<String> {
    let named = attrs.iter().any(|attr| {
        let mut found = false;
        if attr.path().is_ident("schemars") {
            // What does not parse schemars reports.
            let _ = attr.parse_nested_meta(|meta| {
                found |= meta.path.is_ident("rename");
                meta.input.parse::<TokenStream>().map(drop)
            });
        }
        found
    });
    let params = generics.params.iter().filter_map(|param| match param {
        GenericParam::Type(param) => Some(&param.ident),
        GenericParam::Const(param) => Some(&param.ident),
        GenericParam::Lifetime(_) => None,
    });
    let params: Vec<String> = params.map(|param| format!("_{{{param}}}")).collect();
    if named || params.is_empty() {
        return None;
    }
    let name = serde.rename.clone().unwrap_or_else(|| ident.unraw().to_string());
    Some(name + &params.concat())
}
