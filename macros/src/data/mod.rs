//! `#[data]` on a struct or on an enum: a type of inputs, outputs and events.

mod check;
mod expand;
mod model;

use proc_macro2::TokenStream;

use crate::diagnostics::Errors;

/// Expands the attribute.
pub(crate) fn data(args: &TokenStream, item: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let data = model::parse(args, item, &mut errors);
    if let Some(data) = &data {
        check::data(data, &mut errors);
    }
    match data {
        Some(data) if errors.is_empty() => expand::data(&data),
        _ => errors.beside(&expand::fallback(item)),
    }
}
