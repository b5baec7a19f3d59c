//! The followers of one topic.

use std::{
    borrow::Borrow,
    hash::{Hash, Hasher},
    iter,
    sync::Arc,
};

use super::follower::One;

/// The followers of one topic: never none, and seldom more than one. They are found by the topic's
/// name, which each of them has.
pub(super) struct Few {
    first: Arc<One>,
    #[expect(
        clippy::box_collection,
        reason = "the box makes a topic with one of them 16 bytes smaller"
    )]
    more: Option<Box<Vec<Arc<One>>>>,
}

impl Few {
    pub(super) fn of(first: Arc<One>) -> Self {
        Self { first, more: None }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<One>> {
        iter::once(&self.first).chain(self.more.iter().flat_map(|more| more.iter()))
    }

    pub(super) fn with(mut self, one: Arc<One>) -> Self {
        self.more.get_or_insert_default().push(one);
        self
    }

    /// Returns the others, if there are any.
    pub(super) fn without(self, one: &Arc<One>) -> Option<Self> {
        let mut others = self.all().filter(|other| !Arc::ptr_eq(other, one)).cloned();
        let first = Self::of(others.next()?);
        Some(others.fold(first, Self::with))
    }
}

impl Borrow<str> for Few {
    fn borrow(&self) -> &str {
        &self.first.topic
    }
}

impl Hash for Few {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.first.topic.hash(state);
    }
}

impl PartialEq for Few {
    fn eq(&self, other: &Self) -> bool {
        self.first.topic == other.first.topic
    }
}

impl Eq for Few {}
