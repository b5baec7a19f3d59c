//! The code of `files!()`: an expression.

use proc_macro2::TokenStream;
use quote::quote;

use super::model::{File, Files};
use crate::{
    diagnostics::Errors,
    emit::{hygiene::local, paths::FILES},
};

/// Writes the folder of the app for a debug build, and the content of its files for a release.
///
/// A link that is refused stops a release from being built. A debug build shows it as a diagnostic
/// in the browser.
pub(crate) fn files(files: &Files) -> TokenStream {
    let Files { root, files, refused } = files;
    let found = local("files");
    let files =
        files.iter().map(|File { name, path }| quote!((#name, ::core::include_bytes!(#path))));
    quote! {{
        #(#[cfg(not(debug_assertions))] ::core::compile_error!(#refused);)*
        #[cfg(debug_assertions)]
        let #found = #FILES::on_disk(#root);
        #[cfg(not(debug_assertions))]
        let #found = #FILES::embedded(&[#(#files),*]);
        #found
    }}
}

/// Writes errors where an expression is expected.
pub(crate) fn fallback(errors: Errors) -> TokenStream {
    let errors = errors.into_tokens();
    quote!({ #errors })
}
