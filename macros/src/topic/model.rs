//! `#[topic]` on a `static`: a topic that the app opens by itself.

use proc_macro2::TokenStream;
use syn::{ItemStatic, StaticMutability};

use crate::{diagnostics::Errors, expand, item};

/// Expands the attribute.
pub(crate) fn topic(args: &TokenStream, tokens: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    if !args.is_empty() {
        let message = "`#[topic]` takes no arguments: the topic's own methods say what it keeps";
        errors.under(args, message);
    }
    let topic = match syn::parse2::<ItemStatic>(tokens.clone()) {
        Ok(topic) => topic,
        Err(error) => {
            let form = "`#[topic] static ROOM: Topic<RoomEvent> = Topic::durable(…);`";
            errors.at(error.span(), format!("a topic that is opened at start is a static: {form}"));
            return expand::untouched(tokens, errors);
        }
    };
    if let StaticMutability::Mut(word) = &topic.mutability {
        errors.under(word, "a topic is shared: it is never `mut`");
    }
    item::refuse_cfg(&topic.attrs, "#[topic]", &mut errors);
    if errors.is_empty() { expand::topic(&topic) } else { expand::untouched(tokens, errors) }
}
