//! `#[topic]` and `#[presence]` on a `static`: what the app opens by itself.

mod check;
mod expand;
mod model;

use proc_macro2::TokenStream;

pub(crate) use self::model::Kind;
use crate::diagnostics::Errors;

/// Expands the attribute.
pub(crate) fn topic(kind: Kind, args: &TokenStream, item: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let topic = model::parse(kind, args, item, &mut errors);
    if let Some(topic) = &topic {
        check::topic(kind, topic, &mut errors);
    }
    match topic {
        Some(topic) if errors.is_empty() => expand::topic(&topic),
        _ => errors.beside(item),
    }
}
