//! The messages that wait while an append is in flight. Data alone: the partition has the lock.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    others::Others,
    submission::{Reply, Submission},
    turns::Turns,
};
use crate::{
    engine::{Entry, FollowGuard, MESSAGE_BYTES_MAX, Profile},
    log::{cursor::Cursor, durability::Durability},
};

/// How long a message takes from its publisher to the engine at most, most likely. An append that takes
/// longer for each of its messages waits for something else: a disk, or a server.
const PUBLISH_TIME: Duration = Duration::from_micros(8);

/// How long a node that appends for others waits at most for what they send after an append.
const LETTER_TIME_MAX: Duration = Duration::from_millis(1);

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
    /// How many messages the next append may have, if all who publish come again.
    expected: u16,
    /// Whether the last append took so long that the next one waits for the publishers of it.
    pub(super) is_slow: bool,
    /// How often the oldest messages were refused because of others.
    pub(super) tries: u8,
    /// Nothing unless an append of an engine of many nodes is in flight, or others append as well.
    pub(super) turns: Option<Box<Turns>>,
    /// Nothing unless this node and others have appended at the same time.
    pub(super) others: Option<Box<Others>>,
    /// While it is there, the engine passes what other nodes append.
    pub(super) follow: FollowGuard,
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
            expected: 0,
            is_slow: false,
            tries: 0,
            turns: None,
            others: None,
            follow: FollowGuard::none(),
        }
    }

    /// Adds a message. Returns whether its publisher begins the next append.
    pub(super) fn submit(&mut self, submission: Submission) -> bool {
        self.submissions.push(submission);
        self.begin()
    }

    /// Returns whether the caller begins the next append, as none is in flight or about to be.
    pub(super) fn begin(&mut self) -> bool {
        !std::mem::replace(&mut self.is_busy, true)
    }

    /// Returns whether some messages wait, but fewer than the next append may have.
    pub(super) fn is_group_partial(&self) -> bool {
        (1..usize::from(self.expected)).contains(&self.submissions.len())
    }

    /// Returns how long the publishers of the last append take to publish again, most likely.
    pub(super) fn gather_time(&self) -> Duration {
        let letter_time = self.others.as_ref().map(|others| others.serving.letter_time);
        PUBLISH_TIME * u32::from(self.expected) / 2 + letter_time.unwrap_or_default()
    }

    /// Ends an append, which took so long.
    pub(super) fn appended(&mut self, time: Duration, now: Instant) {
        self.is_slow = time >= PUBLISH_TIME * u32::from(self.last_group);
        self.expected = self.last_group;
        let Some(Others { serving, .. }) = self.others.as_deref_mut() else { return };
        serving.letter_time = Duration::ZERO;
        if serving.serves(now) {
            // What came meanwhile goes with what the nodes and publishers send that have their answers
            // now, instead of in turn with it.
            let waiting = u16::try_from(self.submissions.len()).unwrap_or(u16::MAX);
            self.expected = self.expected.saturating_add(waiting);
            serving.letter_time = (time / 4).min(LETTER_TIME_MAX);
        }
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
        self.expected = self.last_group;
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

    /// Takes messages that another node can append: as many as a letter has, in order. None if some wait
    /// that this node has to append, or if the next one is too large for a letter.
    pub(super) fn take_letter(&mut self) -> Vec<Submission> {
        if self.submissions.iter().any(|submission| submission.number.is_some()) {
            return Vec::new();
        }
        let (mut count, mut bytes) = (0, 0);
        for submission in &self.submissions {
            bytes += submission.entry_bytes();
            if bytes > MESSAGE_BYTES_MAX || matches!(submission.reply, Reply::Node(_)) {
                break;
            }
            count += 1;
        }
        let letter: Vec<_> = self.submissions.drain(..count).collect();
        if count > 0 {
            self.last_group = u16::try_from(count).unwrap_or(u16::MAX);
            self.expected = self.last_group;
        }
        letter
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
    use tokio::sync::oneshot;

    use super::*;
    use crate::{engine::Profile, log::record::Draft};

    fn submit(waiting: &mut Waiting, count: usize) {
        for _ in 0..count {
            let draft = Draft::new("e", b"1");
            let reply = Reply::Publisher(oneshot::channel().0);
            waiting.submit(Submission { draft, key: None, reply, permit: None, number: None });
        }
    }

    #[test]
    fn an_append_is_slow_if_it_waits_longer_than_its_messages_take() {
        let profile = Profile::new("test", 7, Durability::Fsync);
        let mut waiting = Waiting::new(Durability::Fsync);
        submit(&mut waiting, 10);
        assert_eq!(waiting.take_group(&profile).len(), 10);
        waiting.appended(PUBLISH_TIME * 9, Instant::now());
        assert!(!waiting.is_slow);
        waiting.appended(PUBLISH_TIME * 10, Instant::now());
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
