//! Tags: which outputs an invalidation reaches.
//!
//! An invalidation does not search the cache. It notes at which moment its tag was invalidated, and a
//! reader compares that moment with the one at which the computation of its output began. So an output
//! whose computation runs during the invalidation is stale as well: it may have read what was true
//! before.

use std::{
    collections::HashMap,
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use xxhash_rust::xxh3::xxh3_64;

/// How many tags have a moment of their own. One more, and all outputs of before are stale: that
/// costs computations, not memory.
const TAGS_MAX: usize = 10_000;

/// A tag as its hash. Two tags with one hash are invalidated together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Tag(u64);

impl Tag {
    pub(super) fn of(text: &str) -> Self {
        Self(xxh3_64(text.as_bytes()))
    }
}

/// The moments of all invalidations.
#[derive(Debug, Default)]
pub(super) struct Tags {
    /// Counts invalidations.
    clock: AtomicU64,
    /// A std lock: held for one look-up, never across an `.await`.
    invalidated: RwLock<Invalidated>,
}

#[derive(Debug, Default)]
struct Invalidated {
    /// Everything of before is stale, whatever its tags.
    floor: u64,
    by_tag: HashMap<Tag, u64>,
}

impl Tags {
    /// Returns the present moment, for a computation that begins.
    pub(super) fn now(&self) -> u64 {
        self.clock.load(Ordering::Acquire)
    }

    /// Makes everything stale that has this tag and whose computation has begun.
    pub(super) fn invalidate(&self, tag: Tag) {
        let mut invalidated = self.invalidated.write().unwrap_or_else(PoisonError::into_inner);
        let moment = self.clock.load(Ordering::Acquire) + 1;
        if invalidated.by_tag.len() >= TAGS_MAX && !invalidated.by_tag.contains_key(&tag) {
            invalidated.by_tag.clear();
            invalidated.floor = moment;
        }
        invalidated.by_tag.insert(tag, moment);
        self.clock.store(moment, Ordering::Release);
    }

    /// Returns whether what began at this moment has been invalidated by one of its tags.
    pub(super) fn is_stale(&self, began: u64, tags: &[Tag]) -> bool {
        if tags.is_empty() || began == self.now() {
            return false;
        }
        let invalidated = self.invalidated.read().unwrap_or_else(PoisonError::into_inner);
        began < invalidated.floor
            || tags
                .iter()
                .any(|tag| invalidated.by_tag.get(tag).is_some_and(|moment| began < *moment))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalidation_reaches_what_began_before_it() {
        let tags = Tags::default();
        let (board, user) = (Tag::of("board:7"), Tag::of("user:1"));
        let before = tags.now();
        tags.invalidate(board);
        assert!(tags.is_stale(before, &[user, board]));
        assert!(!tags.is_stale(before, &[user]) && !tags.is_stale(before, &[]));
        assert!(!tags.is_stale(tags.now(), &[board]));
    }

    #[test]
    fn many_tags_take_bounded_memory_and_lose_no_invalidation() {
        let tags = Tags::default();
        let first = Tag::of("0");
        let before = tags.now();
        for n in 0..3 * TAGS_MAX {
            tags.invalidate(Tag::of(&n.to_string()));
        }
        assert!(tags.is_stale(before, &[first]));
        assert!(tags.invalidated.read().unwrap().by_tag.len() <= TAGS_MAX);
        assert!(!tags.is_stale(tags.now(), &[first]));
    }
}
