//! An `Option` as code.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote_spanned};

use super::paths::{NONE, SOME};

/// Returns `Some(value)` or `None`.
pub(crate) fn option(value: Option<impl ToTokens>) -> TokenStream {
    option_at(value, Span::call_site())
}

/// Returns `Some(value)` or `None`, written at `span`.
pub(crate) fn option_at(value: Option<impl ToTokens>, span: Span) -> TokenStream {
    match value {
        Some(value) => {
            let some = SOME.at(span);
            quote_spanned!(span=> #some(#value))
        }
        None => NONE.at(span),
    }
}
