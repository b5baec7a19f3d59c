//! The code of `actions!()`: modules in modules.

use proc_macro2::TokenStream;
use quote::quote;

use super::model::{Body, Module};

/// Writes a module with all below it.
pub(crate) fn tree(module: &Module) -> TokenStream {
    let module = declared(module, &TokenStream::new());
    // An action is `pub` although nothing names it: the runtime finds it by its registration.
    quote!(#[allow(unreachable_pub)] #module)
}

fn declared(module: &Module, vis: &TokenStream) -> TokenStream {
    let ident = &module.ident;
    match &module.body {
        Body::File(path) => quote!(#[path = #path] #vis mod #ident;),
        Body::Folder(modules) => {
            let modules = modules.iter().map(|module| declared(module, &quote!(pub(crate))));
            quote!(#vis mod #ident { #(#modules)* })
        }
    }
}
