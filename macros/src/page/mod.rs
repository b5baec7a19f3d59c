//! `#[page("…")]` on an `async fn`: the data of a page.

mod check;
mod expand;
mod model;

use proc_macro2::TokenStream;

use crate::diagnostics::Errors;

/// Expands the attribute.
pub(crate) fn page(args: TokenStream, item: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let page = model::Page::parse(args, &mut errors);
    let function = model::Function::parse(item, &mut errors);
    if let Some(function) = &function {
        check::function(function, page.as_ref(), &mut errors);
    }
    match (page, function) {
        (Some(page), Some(function)) if errors.is_empty() => expand::page(&page, &function),
        _ => errors.beside(&expand::fallback(item)),
    }
}
