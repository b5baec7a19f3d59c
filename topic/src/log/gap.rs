//! Where a listener goes on, and what it misses.

use crate::log::{Log, cursor::Cursor, retention::Retention};

/// The position that a listener starts from, and the answer to the cursor that it showed.
///
/// # Examples
///
/// See [`Subscription::resume`](crate::Subscription::resume).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resume {
    /// The position before the first message that the listener reads.
    pub from: Cursor,
    /// The answer to the cursor that the listener showed.
    pub verdict: Verdict,
}

/// The answer to a listener that asks to go on after a cursor.
///
/// # Examples
///
/// See [`Subscription::resume`](crate::Subscription::resume).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The listener showed no cursor.
    Fresh,
    /// The listener goes on after its cursor, and misses nothing.
    Resumed,
    /// The listener cannot go on after its cursor; this is what it misses.
    Gap(Gap),
}

/// What a listener misses.
///
/// # Examples
///
/// See [`Subscription`](crate::Subscription).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Why.
    pub reason: GapReason,
    /// How many messages, where that can be known.
    pub missed: Option<u64>,
    /// The number of the next message that the listener reads.
    pub first: u64,
}

/// Why a listener misses messages.
///
/// # Examples
///
/// ```
/// assert_eq!(kipo_topic::GapReason::NewGeneration.as_str(), "new_generation");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GapReason {
    /// They are older than what the topic retains.
    Trimmed,
    /// The cursor is of another generation of the topic, or is no cursor.
    NewGeneration,
    /// The topic lost messages that this listener had seen, and has appended others since.
    Diverged,
    /// The topic retains them, but more of them than it replays to one listener.
    TooMany,
}

impl GapReason {
    /// Returns the word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trimmed => "trimmed",
            Self::NewGeneration => "new_generation",
            Self::Diverged => "diverged",
            Self::TooMany => "too_many",
        }
    }
}

impl Log {
    /// Decides where a listener that shows the cursor `id` goes on. An id that is no cursor is a
    /// gap: never an error, and never silence.
    pub(crate) fn resume(&self, retention: &Retention, id: Option<&str>) -> Resume {
        match id.map(str::parse) {
            None => Resume { from: self.start(retention), verdict: Verdict::Fresh },
            Some(Ok(cursor)) => self.resume_at(retention, cursor),
            Some(Err(_)) => self.gap(retention, GapReason::NewGeneration, None),
        }
    }

    /// Decides where a listener at `cursor` goes on.
    pub(crate) fn resume_at(&self, retention: &Retention, cursor: Cursor) -> Resume {
        let start = self.start(retention);
        if cursor.generation != start.generation {
            return self.gap(retention, GapReason::NewGeneration, None);
        }
        if cursor.seq < self.base().seq {
            // The fingerprint is gone with its record; the missing messages can still be counted.
            return self.gap(retention, GapReason::Trimmed, Some(start.seq - cursor.seq));
        }
        // Another message has that number, or no message has it yet.
        if self.knows_otherwise(cursor) {
            return self.gap(retention, GapReason::Diverged, None);
        }
        if cursor.seq < start.seq {
            return self.gap(retention, GapReason::TooMany, Some(start.seq - cursor.seq));
        }
        Resume { from: cursor, verdict: Verdict::Resumed }
    }

    /// Returns the position that a listener without a valid cursor starts from.
    fn start(&self, retention: &Retention) -> Cursor {
        let replayed_from = self.head().cursor.seq.saturating_sub(retention.replay_max);
        self.cursor(self.base().seq.max(replayed_from))
    }

    fn gap(&self, retention: &Retention, reason: GapReason, missed: Option<u64>) -> Resume {
        let from = self.start(retention);
        let first = from.seq + 1;
        Resume { from, verdict: Verdict::Gap(Gap { reason, missed, first }) }
    }
}
