//! What generated code demands of the user's types.
//!
//! A derive would report a type that lacks a trait in several places, each in the words of serde
//! or schemars. So derives assume the trait, and one assertion asks for it at the type.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote_spanned};
use syn::{Generics, Type, spanned::Spanned};

use super::{
    hygiene::user_span,
    paths::{Absolute, DEFAULT, DESERIALIZE, JSON_SCHEMA, SEND, SERIALIZE},
};

/// A bound that the compiler proves where a type is used, and never where it is defined.
#[derive(Clone, Copy)]
pub(crate) struct Bound {
    quantified: &'static str,
    of: Absolute,
    argument: &'static str,
}

pub(crate) const READ: Bound = Bound { quantified: "", of: DESERIALIZE, argument: "<'de>" };
pub(crate) const DEFAULTED: Bound = Bound { quantified: "for<'__b> ", of: DEFAULT, argument: "" };
pub(crate) const WRITTEN: Bound = Bound { quantified: "for<'__b> ", of: SERIALIZE, argument: "" };
pub(crate) const DESCRIBED: Bound =
    Bound { quantified: "for<'__b> ", of: JSON_SCHEMA, argument: "" };

/// Returns bounds, for an attribute of a derive, that make the derive assume `bound` for each type.
pub(crate) fn assume(types: &[Type], bound: Bound) -> String {
    let mut texts: Vec<String> = Vec::new();
    for ty in types {
        let Bound { quantified, of, argument } = bound;
        let text = format!("{quantified}{}: {}{argument}", ty.to_token_stream(), of.as_str());
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    texts.join(", ")
}

/// Writes a call of `function`, whose bound the compiler reports at the type.
pub(crate) fn assert(function: Absolute, ty: &Type) -> TokenStream {
    let span = user_span(ty.span());
    let function = function.at(span);
    quote_spanned!(span=> const _: () = #function::<#ty>();)
}

/// Returns the generics with the bound that each input and each event has.
pub(crate) fn with_static(generics: &Generics) -> Generics {
    let mut generics = generics.clone();
    if !generics.params.is_empty() {
        let predicate = syn::parse_quote!(Self: #SEND + 'static);
        generics.make_where_clause().predicates.push(predicate);
    }
    generics
}
