//! A topic as it is written.

use proc_macro2::TokenStream;
use syn::ItemStatic;

use crate::diagnostics::Errors;

/// A topic.
pub(crate) struct Topic {
    /// Without `#[topic]`.
    pub item: ItemStatic,
}

/// Parses `#[topic] item`.
pub(crate) fn parse(args: &TokenStream, item: &TokenStream, errors: &mut Errors) -> Option<Topic> {
    if !args.is_empty() {
        let message = "`#[topic]` takes no arguments: the topic's own methods set what it retains";
        errors.under(args, message);
    }
    match syn::parse2(item.clone()) {
        Ok(item) => Some(Topic { item }),
        Err(error) => {
            let form = "`#[topic] static ROOM: Topic<RoomEvent> = Topic::durable(…);`";
            errors.at(error.span(), format!("a topic that is opened at start is a static: {form}"));
            None
        }
    }
}
