//! The checks of a topic beyond its syntax.

use syn::StaticMutability;

use super::model::{Kind, Topic};
use crate::{diagnostics::Errors, syntax::refuse};

/// Checks a topic.
pub(crate) fn topic(kind: Kind, topic: &Topic, errors: &mut Errors) {
    if let StaticMutability::Mut(word) = &topic.item.mutability {
        errors.under(word, "it is shared: it is never `mut`");
    }
    refuse::cfg(&topic.item.attrs, kind.attribute(), errors);
}
