//! Attributes for the derive of schemars: what it does not read from `#[validate]` and from serde's
//! attributes by itself.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Expr, Type, parse_quote};

use super::paths::RULES;
use crate::{
    fields::{Field, Kind, Rule},
    syntax::{attrs, types},
};

/// The keyword with the name of a function that checks a value; the runtime writes it into the
/// description.
const RULE: &str = "x-kipo-rule";

/// The keyword of a type in which a field may be left out and may be null as well; the runtime
/// removes null from the others.
const WRITES_NULL: &str = "x-kipo-null";

/// The keyword with the types of a file; forms read it, and the runtime removes it from documents.
const TYPES: &str = "x-kipo-types";

/// Adds to a type what its schema says about it as a whole.
pub(crate) fn describe(attrs: &mut Vec<Attribute>, rules: &[Rule], writes_null: bool) {
    let null = writes_null.then(|| quote!(extend(#WRITES_NULL = true)));
    let keywords: Vec<_> = rules.iter().filter_map(named).chain(null).collect();
    push(attrs, &keywords);
}

/// Adds to fields what their schemas say about them. `fields` is what they are parsed to.
pub(crate) fn describe_fields(written: &mut syn::Fields, fields: &[Field]) {
    for (written, field) in written.iter_mut().zip(fields) {
        let keywords = field.rules.iter().filter_map(|rule| match &rule.kind {
            Kind::Email if takes_pattern(&written.attrs, field) => {
                Some(quote!(regex(pattern = #RULES::EMAIL)))
            }
            Kind::Url if takes_pattern(&written.attrs, field) => {
                Some(quote!(regex(pattern = #RULES::URL)))
            }
            Kind::Length { min, max } if is_map(&field.ty) => {
                let min = min.as_ref().map(|min| quote!(extend("minProperties" = #min),));
                let max = max.as_ref().map(|max| quote!(extend("maxProperties" = #max)));
                Some(quote!(#min #max))
            }
            Kind::File { types, .. } if !types.is_empty() => {
                Some(quote!(extend(#TYPES = [#(#types),*])))
            }
            _ => named(rule),
        });
        let keywords: Vec<_> = keywords.collect();
        push(&mut written.attrs, &keywords);
    }
}

fn push(attrs: &mut Vec<Attribute>, keywords: &[TokenStream]) {
    if !keywords.is_empty() {
        attrs.push(parse_quote!(#[schemars(#(#keywords),*)]));
    }
}

/// Returns the keyword for a rule that is a function of the user's, or a mark.
fn named(rule: &Rule) -> Option<TokenStream> {
    if matches!(rule.kind, Kind::Secret) {
        return Some(quote!(extend("writeOnly" = true)));
    }
    let Kind::Custom { function: Expr::Path(path) } = &rule.kind else { return None };
    let name = path.path.segments.last()?.ident.to_string();
    Some(quote!(extend(#RULE = #name)))
}

/// Returns whether a field has no other pattern: a schema takes one.
fn takes_pattern(attrs: &[Attribute], field: &Field) -> bool {
    let contains = |rule: &Rule| matches!(rule.kind, Kind::Contains { .. });
    !field.rules.iter().any(contains)
        && !attrs::holds(attrs, "schemars", &["regex", "pattern", "contains"])
}

/// Returns whether a type is a map, or perhaps one.
fn is_map(ty: &Type) -> bool {
    match types::last_segment(ty) {
        Some((ident, Some(inner))) if ident == "Option" => is_map(inner),
        Some((ident, _)) => ident == "HashMap" || ident == "BTreeMap",
        None => false,
    }
}
