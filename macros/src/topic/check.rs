//! The checks of a topic beyond its syntax.

use syn::StaticMutability;

use super::model::Topic;
use crate::{diagnostics::Errors, syntax::refuse};

/// Checks a topic.
pub(crate) fn topic(topic: &Topic, errors: &mut Errors) {
    if let StaticMutability::Mut(word) = &topic.item.mutability {
        errors.under(word, "a topic is shared: it is never `mut`");
    }
    refuse::cfg(&topic.item.attrs, "#[topic]", errors);
}
