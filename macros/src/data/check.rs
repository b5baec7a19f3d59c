//! What a type of `#[data]` has to be, beyond its syntax.

use syn::Fields;

use super::model::{DERIVES, Data};
use crate::{diagnostics::Errors, fields, syntax::refuse};

/// Checks a type.
pub(crate) fn data(data: &Data, errors: &mut Errors) {
    let item = &data.item;
    refuse::cfg(&item.attrs, "#[data]", errors);
    refuse::derives(&item.attrs, "#[data]", DERIVES, errors);
    for lifetime in item.generics.lifetimes() {
        let message = "data is read as well as written, so it owns what it holds: `String` \
                       instead of `&'a str`, and no lifetime";
        errors.under(lifetime, message);
    }
    if let syn::Data::Enum(data) = &item.data {
        for variant in data.variants.iter().filter(|of| matches!(of.fields, Fields::Unit)) {
            for attr in variant.attrs.iter().filter(|attr| fields::is_validate(attr)) {
                errors.under(attr, "there is nothing to check in a variant without fields");
            }
        }
    }
}
