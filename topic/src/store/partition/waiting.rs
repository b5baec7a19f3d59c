//! The messages that wait while an append is in flight. Data alone: the partition has the lock.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{OwnedSemaphorePermit, oneshot},
    time::Instant,
};

use super::turns::Turns;
use crate::{
    engine::{EngineError, Entry, Profile},
    log::{cursor::Cursor, durability::Durability, record::Draft},
};

/// The most bytes that an entry has beside its key, its event's name and its data.
const ENTRY_AROUND: usize = 64;

/// How long a message takes from its publisher to the engine at most, most likely. An append that takes
/// longer for each of its messages waits for something else: a disk, or a server.
const PUBLISH_TIME: Duration = Duration::from_micros(8);

/// The messages that wait for the engine, and what they wait for. There is one for each topic that is
/// in memory, so its fields are as small as they can be.
pub(super) struct Waiting {
    pub(super) submissions: Vec<Submission>,
    /// What the topic's appends have to reach.
    pub(super) durability: Durability,
    /// Whether an append is in flight, or is about to be.
    pub(super) is_busy: bool,
    /// Whether what waits goes on once the engine was asked what it has.
    pub(super) is_parked: bool,
    /// Whether the engine is asked what it has.
    pub(super) is_checking: bool,
    /// How many messages the last append had.
    last_group: u16,
    /// Whether the last append took so long that the next one waits for the publishers of it.
    pub(super) is_slow: bool,
    /// How often the oldest messages were refused because of others.
    pub(super) tries: u8,
    /// Nothing unless an append of an engine of many nodes is in flight, or others append as well.
    pub(super) turns: Option<Box<Turns>>,
}

/// A message on its way to the engine.
pub(super) struct Submission {
    pub(super) draft: Draft,
    pub(super) key: Option<Arc<str>>,
    pub(super) reply: oneshot::Sender<Result<Cursor, EngineError>>,
    /// Released with the answer: it bounds how many messages wait.
    pub(super) permit: Option<OwnedSemaphorePermit>,
}

impl Submission {
    /// Returns at most how many bytes its entry has.
    fn entry_bytes(&self) -> usize {
        self.draft.len() + self.key.as_deref().map_or(0, str::len) + ENTRY_AROUND
    }
}

impl Waiting {
    pub(super) fn new(durability: Durability) -> Self {
        Self {
            submissions: Vec::new(),
            durability,
            is_busy: false,
            is_parked: false,
            is_checking: false,
            last_group: 0,
            is_slow: false,
            tries: 0,
            turns: None,
        }
    }

    /// Adds a message. Returns whether its publisher begins the next append.
    pub(super) fn submit(&mut self, submission: Submission) -> bool {
        self.submissions.push(submission);
        !std::mem::replace(&mut self.is_busy, true)
    }

    /// Returns whether some messages wait, but fewer than the last append had.
    pub(super) fn is_group_partial(&self) -> bool {
        (1..usize::from(self.last_group)).contains(&self.submissions.len())
    }

    /// Returns how long the publishers of the last append take to publish again, most likely.
    pub(super) fn gather_time(&self) -> Duration {
        PUBLISH_TIME * u32::from(self.last_group) / 2
    }

    /// Ends an append, which took so long.
    pub(super) fn appended(&mut self, time: Duration) {
        self.is_slow = time >= PUBLISH_TIME * u32::from(self.last_group);
    }

    /// Takes the messages of the next append: as many as the engine takes at once. Without any,
    /// no append is in flight any more.
    pub(super) fn take_group(&mut self, profile: &Profile) -> Vec<Submission> {
        let (mut count, mut bytes) = (0, 0);
        for submission in &self.submissions {
            bytes += submission.entry_bytes();
            if count > 0 && (count >= profile.append_max || bytes > profile.append_bytes_max) {
                break;
            }
            count += 1;
        }
        self.is_busy = count > 0;
        if count == 0 {
            // An idle topic retains no buffer.
            self.submissions = Vec::new();
            return Vec::new();
        }
        self.last_group = u16::try_from(count).unwrap_or(u16::MAX);
        if count == self.submissions.len() {
            // As many may come meanwhile.
            return std::mem::replace(&mut self.submissions, Vec::with_capacity(count));
        }
        self.submissions.drain(..count).collect()
    }

    /// Returns whether other nodes have appended these entries, which follow `head` or are in the
    /// log already, to a topic that this node appends to.
    pub(super) fn are_of_others(&self, entries: &[Entry], head: Cursor) -> bool {
        match &self.turns {
            Some(turns) => turns.are_of_others(entries, head),
            None => self.last_group > 0 && entries.last().is_some_and(|last| last.seq() > head.seq),
        }
    }

    /// Counts an append of another node.
    pub(super) fn others_appended(&mut self, now: Instant) {
        self.turns.get_or_insert_default().others_appended(now);
    }

    /// Puts the messages of a refused append before those that wait.
    pub(super) fn put_back(&mut self, submissions: impl Iterator<Item = Submission>) {
        self.submissions.splice(..0, submissions);
    }

    /// Takes all messages that wait for a check of the engine.
    pub(super) fn take_parked(&mut self) -> Vec<Submission> {
        if !std::mem::replace(&mut self.is_parked, false) {
            return Vec::new();
        }
        (self.is_busy, self.tries) = (false, 0);
        std::mem::take(&mut self.submissions)
    }
}

#[cfg(all(test, not(kipo_loom)))]
mod tests {
    use super::*;
    use crate::engine::Profile;

    fn submit(waiting: &mut Waiting, count: usize) {
        for _ in 0..count {
            let draft = Draft::new("e", b"1");
            let (reply, _) = oneshot::channel();
            waiting.submit(Submission { draft, key: None, reply, permit: None });
        }
    }

    #[test]
    fn an_append_is_slow_if_it_waits_longer_than_its_messages_take() {
        let profile = Profile::new("test", 7, Durability::Fsync);
        let mut waiting = Waiting::new(Durability::Fsync);
        submit(&mut waiting, 10);
        assert_eq!(waiting.take_group(&profile).len(), 10);
        waiting.appended(PUBLISH_TIME * 9);
        assert!(!waiting.is_slow);
        waiting.appended(PUBLISH_TIME * 10);
        assert!(waiting.is_slow);
        assert_eq!(waiting.gather_time(), PUBLISH_TIME * 5);

        // Some of the ten have published again: the others may follow.
        assert!(!waiting.is_group_partial());
        submit(&mut waiting, 9);
        assert!(waiting.is_group_partial());
        submit(&mut waiting, 1);
        assert!(!waiting.is_group_partial());
    }

    #[test]
    fn messages_that_are_put_back_come_first() {
        let profile = Profile::new("test", 7, Durability::Fsync).shared(2, usize::MAX);
        let mut waiting = Waiting::new(Durability::Fsync);
        submit(&mut waiting, 3);
        for (submission, key) in waiting.submissions.iter_mut().zip(["a", "b", "c"]) {
            submission.key = Some(key.into());
        }
        let group = waiting.take_group(&profile);
        waiting.put_back(group.into_iter());
        let keys: Vec<_> = waiting.submissions.iter().flat_map(|one| one.key.as_deref()).collect();
        assert_eq!(keys, ["a", "b", "c"]);
    }
}
