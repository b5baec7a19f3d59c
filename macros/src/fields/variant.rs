//! One variant of an enum, as JSON and `#[validate]` know it.

use proc_macro2::Ident;

use super::{
    field::{Field, JsonPath},
    serde_attrs::{Case, Serde},
};
use crate::{diagnostics::Errors, syntax::names};

/// One variant of an enum.
pub(crate) struct Variant {
    pub ident: Ident,
    pub fields: Vec<Field>,
    /// The path from the JSON of the enum to that of the fields.
    pub path: JsonPath,
}

impl Variant {
    /// Parses a variant; `container` is what serde's attributes say about the enum.
    pub(crate) fn parse(variant: &syn::Variant, container: &Serde, errors: &mut Errors) -> Self {
        let mut serde = Serde::parse(&variant.attrs);
        let name = serde.rename.take();
        let name = name.unwrap_or_else(|| container.case.variant(&names::unraw(&variant.ident)));
        let path = match (&container.tag, &container.content) {
            _ if container.untagged || serde.untagged => JsonPath::Whole,
            (None, _) => JsonPath::Key(name),
            (Some(_), None) => JsonPath::Whole,
            (Some(_), Some(content)) => JsonPath::Key(content.clone()),
        };
        if matches!(serde.case, Case::AsWritten) {
            serde.case = container.case_fields;
        }
        let fields = Field::parse_all(&variant.fields, &serde, errors);
        Self { ident: variant.ident.clone(), fields, path }
    }
}
