//! `#[derive(ActionError)]` on an enum: the errors of an action.

mod check;
mod expand;
mod message;
mod model;

use proc_macro2::TokenStream;

use crate::diagnostics::Errors;

/// Expands the derive.
pub(crate) fn action_error(item: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let action_errors = model::parse(item, &mut errors);
    if let Some(action_errors) = &action_errors {
        check::action_errors(action_errors, &mut errors);
    }
    match action_errors {
        Some(action_errors) if errors.is_empty() => expand::action_errors(&action_errors),
        _ => errors.beside(&expand::fallback(item)),
    }
}
