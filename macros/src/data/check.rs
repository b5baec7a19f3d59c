//! The checks of a `#[data]` type beyond its syntax.

use syn::Fields;

use super::model::{DERIVES, Data};
use crate::{diagnostics::Errors, fields, syntax::refuse};

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
    if let syn::Data::Enum(data) = &item.data {
        for variant in data.variants.iter().filter(|of| matches!(of.fields, Fields::Unit)) {
            for attr in variant.attrs.iter().filter(|attr| fields::is_validate(attr)) {
                errors.under(attr, "a variant without fields has nothing to check");
            }
        }
    }
}
