//! Which drafts of other nodes this one may append. Data alone: the partition has the lock.
//!
//! A node that waits for too long appends its draft itself. So that no draft is in the log twice, this
//! node appends one only if all entries after the position that it was sent at are its own: the sender
//! has not appended since, and cannot before it has read what this node appends. And it takes each
//! number of a node once, in order, so that a message which comes twice is appended once.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::time::Instant;

use super::contention::LATELY;
use crate::log::cursor::Cursor;

/// For how many nodes one appends at most.
const NODES_MAX: usize = 64;

/// What a node appends for others.
#[derive(Default)]
pub(crate) struct Serving {
    /// When this node had a message of its own at last.
    own_at: Option<Instant>,
    /// When another node has asked at last.
    asked_at: Option<Instant>,
    pub(crate) run: Run,
    /// How much longer the next append waits for what others send after the last one.
    pub(crate) letter_time: Duration,
    /// The highest number that each node has used.
    taken: HashMap<u64, u64>,
    /// Each letter with drafts of another node that wait or are in flight has a clone.
    held: Arc<()>,
}

/// The newest entries of the log that are one after another and this node's own: the positions before
/// the first and after the last of them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Run(Option<(Cursor, Cursor)>);

/// Why drafts are not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Untaken {
    /// They came before.
    Known,
    /// This node has too many, or nothing of its own to append with them.
    Refused,
}

impl Serving {
    pub(crate) fn has_own(&mut self, now: Instant) {
        self.own_at = Some(now);
    }

    /// Returns whether this node appends messages of its own, so that others may join.
    pub(crate) fn is_active(&self, now: Instant) -> bool {
        self.own_at.is_some_and(|at| now - at <= LATELY)
    }

    /// Returns whether this node has appended for others lately.
    pub(crate) fn serves(&self, now: Instant) -> bool {
        self.asked_at.is_some_and(|at| now - at <= LATELY)
    }

    /// Takes the numbers of drafts, from `first` on. What is returned is dropped with the last of them.
    pub(crate) fn take(
        &mut self,
        node: u64,
        first: u64,
        count: usize,
        now: Instant,
    ) -> Result<Arc<()>, Untaken> {
        if self.taken.get(&node).is_some_and(|highest| first <= *highest) {
            return Err(Untaken::Known);
        }
        if self.taken.len() >= NODES_MAX && !self.taken.contains_key(&node) {
            if Arc::strong_count(&self.held) > 1 {
                return Err(Untaken::Refused);
            }
            // What they have sent so far is before the next run.
            self.taken.clear();
            self.run = Run::default();
        }
        self.taken.insert(node, first + (count as u64).saturating_sub(1));
        if !self.is_active(now) {
            return Err(Untaken::Refused);
        }
        self.asked_at = Some(now);
        Ok(Arc::clone(&self.held))
    }
}

impl Run {
    /// Adds entries of this node.
    pub(crate) fn extend(&mut self, before: Cursor, last: Cursor) {
        let start = self.0.filter(|(_, end)| *end == before).map_or(before, |(start, _)| start);
        self.0 = Some((start, last));
    }

    /// Returns whether a draft that was sent at a position may be appended at the head.
    pub(crate) fn admits(self, sent_at: Cursor, head: Cursor) -> bool {
        sent_at == head
            || self.0.is_some_and(|(start, end)| {
                end == head
                    && sent_at.generation == head.generation
                    && (start.seq..head.seq).contains(&sent_at.seq)
            })
    }
}

#[cfg(all(test, not(kipo_loom)))]
mod tests {
    use super::*;

    fn at(seq: u64) -> Cursor {
        Cursor { generation: 1, seq, fingerprint: 1 }
    }

    fn active(now: Instant) -> Serving {
        let mut serving = Serving::default();
        serving.has_own(now);
        serving
    }

    #[test]
    fn a_draft_is_admitted_while_nobody_else_appends() {
        let mut run = Run::default();
        assert!(run.admits(at(3), at(3)) && !run.admits(at(2), at(3)));
        run.extend(at(3), at(5));
        run.extend(at(5), at(9));
        assert!(run.admits(at(3), at(9)) && run.admits(at(8), at(9)));
        assert!(!run.admits(at(2), at(9)), "another node has appended since");
        assert!(!run.admits(at(10), at(9)), "this node has not read so far");
        assert!(!run.admits(at(8), at(10)), "another node has appended");
        let other = Cursor { fingerprint: 2, ..at(9) };
        assert!(!run.admits(at(8), other), "the log went back");
        run.extend(at(10), at(11));
        assert!(!run.admits(at(9), at(11)) && run.admits(at(10), at(11)));
    }

    #[test]
    fn numbers_are_taken_once() {
        let now = Instant::now();
        let mut serving = active(now);
        assert!(serving.take(7, 1, 3, now).is_ok());
        assert_eq!(serving.take(7, 3, 1, now), Err(Untaken::Known));
        assert!(serving.take(7, 4, 1, now).is_ok());
        assert!(serving.take(8, 1, 1, now).is_ok());
    }

    #[test]
    fn a_node_without_messages_of_its_own_serves_nobody() {
        let now = Instant::now();
        assert_eq!(Serving::default().take(7, 1, 1, now), Err(Untaken::Refused));
        let mut serving = active(now);
        let later = now + LATELY * 2;
        assert_eq!(serving.take(7, 1, 1, later), Err(Untaken::Refused));
        // What was refused does not come a second time.
        serving.has_own(later);
        assert_eq!(serving.take(7, 1, 1, later), Err(Untaken::Known));
    }

    #[test]
    fn nodes_that_are_forgotten_begin_anew() {
        let now = Instant::now();
        let mut serving = active(now);
        serving.run.extend(at(3), at(5));
        let held: Vec<_> = (0..64).map(|node| serving.take(node, 9, 1, now)).collect();
        assert!(held.iter().all(Result::is_ok));
        assert_eq!(serving.take(64, 9, 1, now), Err(Untaken::Refused), "drafts are held");
        drop(held);
        assert!(serving.take(64, 9, 1, now).is_ok());
        // A draft of a forgotten node that came before is not appended again.
        assert!(!serving.run.admits(at(4), at(5)));
    }
}
