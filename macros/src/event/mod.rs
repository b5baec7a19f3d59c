//! `#[derive(Event)]` on an enum: the events of a stream.

mod check;
mod expand;
mod model;

use proc_macro2::TokenStream;

use crate::diagnostics::Errors;

/// Expands the derive.
pub(crate) fn event(item: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let events = model::parse(item, &mut errors);
    if let Some(events) = &events {
        check::events(events, &mut errors);
    }
    match events {
        Some(events) if errors.is_empty() => expand::events(&events),
        _ => errors.beside(&expand::fallback(item)),
    }
}
