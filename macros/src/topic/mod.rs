//! `#[topic]` on a `static`: a topic that the app opens by itself.

mod check;
mod expand;
mod model;

use proc_macro2::TokenStream;

use crate::diagnostics::Errors;

/// Expands the attribute.
pub(crate) fn topic(args: &TokenStream, item: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let topic = model::parse(args, item, &mut errors);
    if let Some(topic) = &topic {
        check::topic(topic, &mut errors);
    }
    match topic {
        Some(topic) if errors.is_empty() => expand::topic(&topic),
        _ => errors.beside(item),
    }
}
