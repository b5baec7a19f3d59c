//! `actions!()`: a module for each Rust file below a folder.

mod expand;
mod model;

use std::path::Path;

use proc_macro2::TokenStream;

use crate::diagnostics::Errors;

/// Expands the macro in the crate at `root`.
pub(crate) fn actions(folder: TokenStream, root: &Path) -> TokenStream {
    let mut errors = Errors::default();
    match model::read(folder, root, &mut errors) {
        // Files without an error are declared all the same, so that one wrong name is one message.
        Some(module) => errors.beside(&expand::tree(&module)),
        None => errors.into_tokens(),
    }
}
