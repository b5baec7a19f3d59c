//! A topic as it is written.

use proc_macro2::TokenStream;
use syn::ItemStatic;

use crate::diagnostics::Errors;

/// A topic.
pub(crate) struct Topic {
    /// Without `#[topic]`.
    pub item: ItemStatic,
}

/// Which attribute it is.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// `#[topic]`, on a topic or a family of topics.
    Topic,
    /// `#[presence]`.
    Presence,
}

impl Kind {
    /// Returns the attribute.
    pub(crate) fn attribute(self) -> &'static str {
        match self {
            Self::Topic => "#[topic]",
            Self::Presence => "#[presence]",
        }
    }

    fn no_arguments(self) -> &'static str {
        match self {
            Self::Topic => {
                "`#[topic]` takes no arguments: the topic's own methods set what it retains"
            }
            Self::Presence => {
                "`#[presence]` takes no arguments: the presence's own methods set its grace"
            }
        }
    }

    fn not_a_static(self) -> &'static str {
        match self {
            Self::Topic => {
                "a topic that is opened at start is a static: \
                 `#[topic] static ROOM: Topic<RoomEvent> = Topic::durable(…);`"
            }
            Self::Presence => {
                "a presence that is opened at start is a static: \
                 `#[presence] static HERE: Presence<RoomId, Member> = Presence::new(…);`"
            }
        }
    }
}

/// Parses `#[topic] item` or `#[presence] item`.
pub(crate) fn parse(
    kind: Kind,
    args: &TokenStream,
    item: &TokenStream,
    errors: &mut Errors,
) -> Option<Topic> {
    if !args.is_empty() {
        errors.under(args, kind.no_arguments());
    }
    match syn::parse2(item.clone()) {
        Ok(item) => Some(Topic { item }),
        Err(error) => {
            errors.at(error.span(), kind.not_a_static());
            None
        }
    }
}
