//! The checks of a `#[data]` type beyond its syntax.

use syn::Fields;

use super::model::{DERIVES, Data};
use crate::{
    diagnostics::Errors,
    fields,
    syntax::{context::is_context, refuse},
};

/// Checks a type.
pub(crate) fn data(data: &Data, errors: &mut Errors) {
    let item = &data.item;
    refuse::cfg(&item.attrs, "#[data]", errors);
    refuse::derives(&item.attrs, "#[data]", DERIVES, errors);
    for lifetime in item.generics.lifetimes() {
        let message = "a `#[data]` type is deserialized too, so it owns its values: `String` \
                       instead of `&'a str`, and no lifetime";
        errors.under(lifetime, message);
    }
    let fields: Vec<&syn::Field> = match &item.data {
        syn::Data::Struct(data) => data.fields.iter().collect(),
        syn::Data::Enum(data) => data.variants.iter().flat_map(|of| &of.fields).collect(),
        syn::Data::Union(_) => Vec::new(),
    };
    for attr in fields.iter().flat_map(|field| &field.attrs).filter(|attr| is_context(attr)) {
        let message = "only a field of the `#[action]` struct itself comes from the request: move it \
                       there";
        errors.under(attr, message);
    }
    if let syn::Data::Enum(data) = &item.data {
        for variant in data.variants.iter().filter(|of| matches!(of.fields, Fields::Unit)) {
            for attr in variant.attrs.iter().filter(|attr| fields::is_validate(attr)) {
                errors.under(attr, "a variant without fields has nothing to check");
            }
        }
    }
}
