//! The numbered, bounded, fingerprinted list of messages. It has no lock, no clock and no task:
//! its answers depend only on what was appended.
//!
//! Numbers are dense and start at 1. `base` is the position before the oldest retained message:
//!
//! ```text
//!   1 … base.seq │ base.seq + 1 …  │ …  next - 1 │ next
//!   trimmed      │ older           │ records     │ not yet
//!                │ in the engine   │ in memory   │
//! ```
//!
//! Of an older message the log knows its fingerprint, size and time. So retention, gaps and verdicts
//! do not depend on which messages are in memory.

pub(crate) mod cursor;
pub(crate) mod durability;
mod fingerprint;
mod gap;
pub(crate) mod generation;
pub(crate) mod keys;
mod newest;
mod older;
pub(crate) mod record;
pub(crate) mod retention;
#[cfg(test)]
mod tests;
pub(crate) mod vector;
pub(crate) mod verdict;

use std::ops::RangeInclusive;

use bytes::{Bytes, BytesMut};

use self::{
    cursor::Cursor,
    fingerprint::Fingerprint,
    newest::Newest,
    older::Older,
    record::{Head, Record},
    retention::{Retained, Retention, Window},
    verdict::{Gap, GapReason},
};

/// The largest piece that one read gives, in bytes; a single larger message goes alone.
pub(crate) const READ_BYTES_MAX: usize = 64 * 1024;

/// The retained messages of one generation of a topic.
#[derive(Debug)]
pub(crate) struct Log {
    /// The retained messages that are not in memory. Sorted by number, without holes.
    older: older::Queue,
    /// The newest messages, which are in memory. They follow the older ones without a hole.
    records: Newest,
    /// The position before the oldest retained message.
    base: Cursor,
}

/// What follows a position.
#[derive(Debug)]
pub(crate) enum Follows {
    /// A message that is in memory.
    Record,
    /// A message that only the engine has.
    Older,
    /// The position has been trimmed away; the reader goes on from `to`.
    Trimmed { gap: Gap, to: Cursor },
    /// No message yet.
    Nothing,
}

impl Log {
    /// Returns a log whose next message is the one after `head`.
    pub(crate) fn after(head: Head) -> Self {
        let Head { cursor: base, stamp_ms } = head;
        Self { older: older::Queue::default(), records: Newest::none(stamp_ms), base }
    }

    /// Appends a message that [`Head::number`] has numbered.
    pub(crate) fn push(&mut self, record: Record) {
        self.records.push(record);
    }

    /// Releases memory that no message uses.
    pub(crate) fn shrink_to_fit(&mut self) {
        self.older.shrink_to_fit();
        self.records.shrink_to_fit();
    }

    /// Drops what exceeds the retention, and from memory what exceeds the window, oldest first.
    pub(crate) fn trim(&mut self, retention: &Retention, now_ms: u64) {
        // The newest message stays however large it is: live listeners read it from here.
        while self.len() > 1 && (self.len() > retention.count || self.bytes() > retention.bytes) {
            self.drop_oldest();
        }
        if retention.ages() {
            while let Some(stamp_ms) = self.oldest_ms()
                && now_ms.saturating_sub(stamp_ms) > retention.age_ms
            {
                self.drop_oldest();
            }
        }
        let Window { messages, bytes } = retention.window;
        while self.records.len() > 1
            && (self.records.len() > messages || self.records.bytes() > bytes)
            && let Some(record) = self.records.pop()
        {
            self.older.push(Older::from(&record));
        }
    }

    /// Drops the older messages up to number `seq`: the engine does not have them any more.
    pub(crate) fn forget_older(&mut self, seq: u64) {
        while self.base.seq < seq.min(self.window_seq()) {
            self.drop_oldest();
        }
    }

    /// Returns when the oldest retained message was published.
    fn oldest_ms(&self) -> Option<u64> {
        let older = self.older.get(0).map(|older| older.stamp_ms);
        older.or_else(|| self.records.get(0).map(|record| record.stamp_ms))
    }

    fn drop_oldest(&mut self) {
        let older = self.older.pop().map(|older| older.fingerprint);
        let oldest = older.or_else(|| self.records.pop().map(|record| record.fingerprint));
        let Some(Fingerprint(fingerprint)) = oldest else { return };
        let Cursor { generation, seq, .. } = self.base;
        self.base = Cursor { generation, seq: seq + 1, fingerprint };
    }

    /// Returns how much is retained.
    pub(crate) fn size(&self) -> Retained {
        Retained { messages: self.len(), bytes: self.bytes() }
    }

    fn len(&self) -> usize {
        self.older.len() + self.records.len()
    }

    /// Returns the position after the newest message.
    pub(crate) fn head(&self) -> Head {
        Head { cursor: self.cursor(self.last_seq()), stamp_ms: self.records.stamp_ms() }
    }

    /// Returns the position before the oldest retained message.
    pub(crate) fn base(&self) -> Cursor {
        self.base
    }

    /// Returns the position before the oldest message in memory.
    pub(crate) fn window(&self) -> Cursor {
        self.cursor(self.window_seq())
    }

    /// Returns the number of the message before the oldest record: that of the newest older message.
    fn window_seq(&self) -> u64 {
        self.base.seq + self.older.len() as u64
    }

    /// Returns the length of all retained frames together.
    fn bytes(&self) -> usize {
        self.older.bytes() + self.records.bytes()
    }

    fn last_seq(&self) -> u64 {
        self.base.seq + self.len() as u64
    }

    /// Returns the position after message `seq`, which must be retained, or be the base.
    pub(crate) fn cursor(&self, seq: u64) -> Cursor {
        let Fingerprint(fingerprint) =
            self.fingerprint(seq).unwrap_or(Fingerprint(self.base.fingerprint));
        Cursor { generation: self.base.generation, seq, fingerprint }
    }

    /// Returns the fingerprint after message `seq`, where it is still known. Takes no scan.
    fn fingerprint(&self, seq: u64) -> Option<Fingerprint> {
        let index = usize::try_from(seq.checked_sub(self.base.seq)?).ok()?;
        let Some(index) = index.checked_sub(1) else {
            return Some(Fingerprint(self.base.fingerprint));
        };
        match index.checked_sub(self.older.len()) {
            None => self.older.get(index).map(|older| older.fingerprint),
            Some(index) => self.records.get(index).map(|record| record.fingerprint),
        }
    }

    /// Returns whether this is a position of the log: right before or after a retained message.
    pub(crate) fn holds(&self, cursor: Cursor) -> bool {
        cursor.generation == self.base.generation
            && self.fingerprint(cursor.seq) == Some(Fingerprint(cursor.fingerprint))
    }

    /// Returns whether this log retains another message, or none yet, at the number of a cursor of
    /// its generation.
    pub(crate) fn knows_otherwise(&self, cursor: Cursor) -> bool {
        cursor.seq >= self.base.seq && !self.holds(cursor)
    }

    /// Returns what follows message `seq`.
    pub(crate) fn follows(&self, seq: u64) -> Follows {
        if seq < self.base.seq {
            let (missed, first) = (Some(self.base.seq - seq), self.base.seq + 1);
            let gap = Gap { reason: GapReason::Trimmed, missed, first };
            return Follows::Trimmed { gap, to: self.base };
        }
        if seq < self.window_seq() {
            Follows::Older
        } else if seq < self.last_seq() {
            Follows::Record
        } else {
            Follows::Nothing
        }
    }

    /// Returns the frames in memory that follow message `seq` as one piece, and the position after
    /// them.
    pub(crate) fn frames(&self, seq: u64) -> Option<(Bytes, Cursor)> {
        let skip = usize::try_from(seq.checked_sub(self.window_seq())?).ok()?;
        let first = self.records.get(skip)?;
        let to = |count: usize, last: &Record| {
            let Fingerprint(fingerprint) = last.fingerprint;
            Cursor { generation: self.base.generation, seq: seq + count as u64, fingerprint }
        };
        // A live read mostly returns one message: its frame is shared, not copied.
        let one = || Some((first.frame.clone(), to(1, first)));
        if skip + 1 == self.records.len() {
            return one();
        }
        let mut bytes_total = first.frame.len();
        let more = self.records.from(skip + 1).take_while(|record| {
            bytes_total += record.frame.len();
            bytes_total <= READ_BYTES_MAX
        });
        let count = 1 + more.count();
        if count == 1 {
            return one();
        }
        let to = to(count, self.records.get(skip + count - 1)?);
        let pieces = || self.records.from(skip).take(count).map(|record| &record.frame);
        let mut bytes = BytesMut::with_capacity(pieces().map(Bytes::len).sum());
        pieces().for_each(|frame| bytes.extend_from_slice(frame));
        Some((bytes.freeze(), to))
    }

    /// Returns the record with number `seq`, if it is in memory.
    pub(crate) fn get(&self, seq: u64) -> Option<&Record> {
        let index = seq.checked_sub(self.window_seq() + 1)?;
        self.records.get(usize::try_from(index).ok()?)
    }

    /// Returns the numbers of the retained messages.
    pub(crate) fn retained(&self) -> RangeInclusive<u64> {
        self.base.seq + 1..=self.last_seq()
    }
}
