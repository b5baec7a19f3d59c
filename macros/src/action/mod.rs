//! `#[action]` on a struct or on an `async fn`: an input, and for a function the action as well.

mod check;
mod expand;
mod model;

use proc_macro2::TokenStream;

use crate::diagnostics::Errors;

/// Expands the attribute.
pub(crate) fn action(args: TokenStream, item: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let action = model::parse(args, item, &mut errors);
    if let Some(action) = &action {
        check::action(action, &mut errors);
    }
    match action {
        Some(action) if errors.is_empty() => expand::action(&action),
        _ => errors.beside(&expand::fallback(item)),
    }
}
