//! The messages that wait while an append is in flight. Data alone: the partition has the lock.

use std::{collections::VecDeque, sync::Arc};

use tokio::{
    sync::{OwnedSemaphorePermit, oneshot},
    time::Instant,
};

use super::turns::Turns;
use crate::{
    engine::{EngineError, Entry, Profile},
    log::{cursor::Cursor, record::Draft},
};

/// The most bytes that an entry has beside its key, its event's name and its data.
const ENTRY_AROUND: usize = 64;

/// The messages that wait for the engine, and what they wait for.
#[derive(Default)]
pub(super) struct Waiting {
    pub(super) submissions: VecDeque<Submission>,
    /// Whether an append is in flight, or is about to be.
    pub(super) is_busy: bool,
    /// Whether what waits goes on once the engine was asked what it has.
    pub(super) is_parked: bool,
    /// Whether the engine is asked what it has.
    pub(super) is_checking: bool,
    /// How many messages the last append had.
    last_group: usize,
    /// How often the oldest messages were refused because of others.
    pub(super) tries: u32,
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
    /// Adds a message. Returns whether its publisher begins the next append.
    pub(super) fn submit(&mut self, submission: Submission) -> bool {
        self.submissions.push_back(submission);
        !std::mem::replace(&mut self.is_busy, true)
    }

    /// Returns whether some messages wait, but fewer than the last append had.
    pub(super) fn is_group_partial(&self) -> bool {
        (1..self.last_group).contains(&self.submissions.len())
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
            self.submissions = VecDeque::new();
            return Vec::new();
        }
        self.last_group = count;
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
    pub(super) fn put_back(&mut self, submissions: impl DoubleEndedIterator<Item = Submission>) {
        submissions.rev().for_each(|submission| self.submissions.push_front(submission));
    }

    /// Takes all messages that wait for a check of the engine.
    pub(super) fn take_parked(&mut self) -> VecDeque<Submission> {
        if !std::mem::replace(&mut self.is_parked, false) {
            return VecDeque::new();
        }
        (self.is_busy, self.tries) = (false, 0);
        std::mem::take(&mut self.submissions)
    }
}
