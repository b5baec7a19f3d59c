//! Locals and spans of generated code.
//!
//! A local has the span of the macro itself, so no name of the user's can be confused with it.

use proc_macro2::{Ident, Span};

/// Returns a local.
pub(crate) fn local(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

/// Returns one of several locals.
pub(crate) fn numbered(name: &str, index: usize) -> Ident {
    local(&format!("{name}_{index}"))
}

/// Returns a local whose errors the compiler shows at `span`.
pub(crate) fn local_at(local: &Ident, span: Span) -> Ident {
    let mut local = local.clone();
    local.set_span(local.span().located_at(span));
    local
}

/// Returns the location of a token of the user's for generated code, in which names are those of
/// the macro's caller.
pub(crate) fn user_span(span: Span) -> Span {
    span.resolved_at(Span::call_site())
}
