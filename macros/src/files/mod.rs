//! `files!()`: pages and public files, read from disk in debug builds and embedded in releases.

mod expand;
mod model;

use std::path::Path;

use proc_macro2::TokenStream;

use crate::diagnostics::Errors;

/// Expands the macro in the crate at `root`.
pub(crate) fn files(args: TokenStream, root: &Path) -> TokenStream {
    let mut errors = Errors::default();
    match model::find(args, root, &mut errors) {
        Some(files) => expand::files(&files),
        None => expand::fallback(errors),
    }
}
