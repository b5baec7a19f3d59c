//! The users whose sessions this process has ended: a request that is running no longer names them.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::session::{cache::Cache, token::Key};

/// The users whose sessions were ended together, each with the number of its last end. Bounded: of a
/// user that it has forgotten, a request that is still running goes on to have the name.
#[derive(Debug)]
pub(super) struct EndedUsers {
    count: AtomicU64,
    last: Cache<u64>,
}

impl EndedUsers {
    pub(super) fn new() -> Self {
        Self { count: AtomicU64::new(0), last: Cache::new() }
    }

    /// Returns how often sessions were ended together.
    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Records that all sessions of a user have ended.
    pub(super) fn end(&self, user: Key) {
        let number = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        self.last.insert(user, number);
    }

    /// Returns whether the sessions of a user have ended since there were so many ends.
    pub(super) fn has_ended_since(&self, user: &str, count: u64) -> bool {
        // Almost always true, and costs one load.
        let is_unchanged = self.count() == count;
        !is_unchanged && self.last.get(&Key::of_user(user)).is_some_and(|number| number > count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_sessions_from_before_an_end_have_ended() {
        let ended = EndedUsers::new();
        let before = ended.count();
        assert!(!ended.has_ended_since("ann", before));
        ended.end(Key::of_user("ann"));
        assert!(ended.has_ended_since("ann", before) && !ended.has_ended_since("bob", before));
        assert!(!ended.has_ended_since("ann", ended.count()));
        ended.end(Key::of_user("ann"));
        assert!(ended.has_ended_since("ann", before));
    }
}
