//! The code of a topic: the static, and its registration.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use super::model::Topic;
use crate::emit::{
    hygiene::user_span,
    paths::{SUBMIT, TOPIC_REGISTRATION},
};

/// Writes a topic.
pub(crate) fn topic(topic: &Topic) -> TokenStream {
    let item = &topic.item;
    let name = &item.ident;
    let reference = quote_spanned!(user_span(item.ty.span())=> &#name);
    quote! {
        #item

        #SUBMIT! {
            #TOPIC_REGISTRATION {
                topic: || #reference,
                file: ::core::file!(),
                line: ::core::line!(),
            }
        }
    }
}
