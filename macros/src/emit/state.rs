//! The state that the user's function takes from the app.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Type, spanned::Spanned};

use super::{hygiene::user_span, paths::STATE_NEED};

/// Writes the list of states for a registration: the app reports at its start which are missing.
pub(crate) fn needs<'a>(states: impl IntoIterator<Item = &'a Type>) -> TokenStream {
    let needs = states
        .into_iter()
        .map(|ty| quote_spanned!(user_span(ty.span())=> #STATE_NEED::of::<#ty>()));
    quote!(&[#(#needs),*])
}
