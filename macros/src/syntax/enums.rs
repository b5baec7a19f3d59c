//! An enum under a derive.

use proc_macro2::TokenStream;
use syn::{Attribute, Data, DeriveInput, Generics, Ident, Variant};

use crate::diagnostics::Errors;

/// An enum under a derive.
pub(crate) struct EnumItem {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) ident: Ident,
    pub(crate) generics: Generics,
    pub(crate) variants: Vec<Variant>,
}

impl EnumItem {
    /// Parses the item. `expected` says what it has to be, for a struct or a union of that name.
    pub(crate) fn parse(
        item: &TokenStream,
        expected: impl FnOnce(&Ident) -> String,
        errors: &mut Errors,
    ) -> Option<Self> {
        let DeriveInput { attrs, ident, generics, data, .. } = match syn::parse2(item.clone()) {
            Ok(input) => input,
            Err(error) => {
                errors.push(error);
                return None;
            }
        };
        let keyword = match data {
            Data::Enum(data) => {
                let variants = data.variants.into_iter().collect();
                return Some(Self { attrs, ident, generics, variants });
            }
            Data::Struct(data) => data.struct_token.span,
            Data::Union(data) => data.union_token.span,
        };
        errors.at(keyword, expected(&ident));
        None
    }
}
