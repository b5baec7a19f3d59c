//! The answer to a listener's cursor: where it goes on, and what it misses.

use crate::log::cursor::Cursor;

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
    ///
    /// Over an engine that many nodes share a gap may follow: this node may not know the cursor yet,
    /// and asks the engine for it ([`Subscription::resume`](crate::Subscription::resume)).
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
