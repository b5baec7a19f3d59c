//! How much of a topic is kept, and how much of that one listener is given.

/// Bounds on a log; whichever is reached first drops the oldest messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Retention {
    /// Messages; at least 1.
    pub(crate) count: usize,
    /// Bytes of their frames, all together.
    pub(crate) bytes: usize,
    /// Milliseconds since a message was published.
    pub(crate) age_ms: u64,
    /// How many of the newest messages a listener is given that comes or comes back.
    pub(crate) replay_max: u64,
}

impl Retention {
    pub(crate) const DEFAULT: Self = Self {
        count: super::KEEP_DEFAULT,
        bytes: super::KEEP_BYTES_DEFAULT,
        age_ms: u64::MAX,
        replay_max: u64::MAX,
    };

    /// Everything: for looking what is there.
    pub(crate) const ALL: Self =
        Self { count: usize::MAX, bytes: usize::MAX, age_ms: u64::MAX, replay_max: u64::MAX };

    /// Returns whether messages go by time alone, so that even a reader has to look.
    pub(crate) fn ages(&self) -> bool {
        self.age_ms < u64::MAX
    }
}
