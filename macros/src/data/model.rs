//! A struct or an enum below `#[data]` as it is written.

use proc_macro2::TokenStream;
use syn::{DeriveInput, GenericParam, Item};

use crate::{
    diagnostics::Errors,
    fields::{Field, Rule, Serde, Variant},
    syntax::{attrs, names},
};

/// A type that travels.
pub(crate) struct Data {
    /// The struct or the enum, without `#[data]`.
    pub item: DeriveInput,
    pub body: Body,
    /// Rules over several fields.
    pub rules: Vec<Rule>,
    /// How schemars names each instance of a generic type.
    pub schema_name: Option<String>,
}

pub(crate) enum Body {
    Struct(Vec<Field>),
    Enum(Vec<Variant>),
}

/// What `#[data]` derives.
pub(crate) const DERIVES: &[&str] = &["Serialize", "Deserialize", "JsonSchema"];

/// Parses `#[data] item`.
pub(crate) fn parse(args: &TokenStream, item: &TokenStream, errors: &mut Errors) -> Option<Data> {
    if !args.is_empty() {
        errors.under(args, "`#[data]` takes no arguments");
    }
    let (item, body) = match syn::parse2(item.clone()) {
        Ok(Item::Struct(item)) => {
            let serde = Serde::parse(&item.attrs);
            let body = Body::Struct(Field::parse_all(&item.fields, &serde, errors));
            (DeriveInput::from(item), body)
        }
        Ok(Item::Enum(item)) => {
            let serde = Serde::parse(&item.attrs);
            let variants = item.variants.iter();
            let variants = variants.map(|variant| Variant::parse(variant, &serde, errors));
            let body = Body::Enum(variants.collect());
            (DeriveInput::from(item), body)
        }
        Ok(item) => {
            errors.under(&item, "`#[data]` is for a struct or an enum");
            return None;
        }
        Err(error) => {
            errors.push(error);
            return None;
        }
    };
    let rules = Rule::of_type(&item.attrs, errors);
    let schema_name = schema_name(&item);
    Some(Data { item, body, rules, schema_name })
}

/// Returns `Page_{T}` for a `Page<T>`, so that instances do not share one name in the schema.
fn schema_name(item: &DeriveInput) -> Option<String> {
    let params = item.generics.params.iter().filter_map(|param| match param {
        GenericParam::Type(param) => Some(&param.ident),
        GenericParam::Const(param) => Some(&param.ident),
        GenericParam::Lifetime(_) => None,
    });
    let params: Vec<String> = params.map(|param| format!("_{{{param}}}")).collect();
    if params.is_empty() || attrs::holds(&item.attrs, "schemars", &["rename"]) {
        return None;
    }
    let name = Serde::parse(&item.attrs).rename.unwrap_or_else(|| names::unraw(&item.ident));
    Some(name + &params.concat())
}
