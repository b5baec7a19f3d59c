//! How much a topic retains, and how much of that it replays to one listener.

use std::time::Duration;

/// How many messages a topic retains unless [`Topic::keep`](crate::Topic::keep) says otherwise.
///
/// # Examples
///
/// ```
/// assert_eq!(kipo_topic::KEEP_DEFAULT, 1_000);
/// ```
pub const KEEP_DEFAULT: usize = 1000;

/// How many bytes of messages a topic retains unless
/// [`Topic::keep_bytes`](crate::Topic::keep_bytes) says otherwise: 64 MiB.
///
/// # Examples
///
/// ```
/// assert_eq!(kipo_topic::KEEP_BYTES_DEFAULT, 64 << 20);
/// ```
pub const KEEP_BYTES_DEFAULT: usize = 64 * 1024 * 1024;

/// How many messages of a durable topic are in memory unless
/// [`Topic::window`](crate::Topic::window) says otherwise: as many as wait for an engine at most, so
/// that one large append does not send live listeners to the engine.
///
/// # Examples
///
/// ```
/// assert_eq!(kipo_topic::WINDOW_DEFAULT, 4_096);
/// ```
pub const WINDOW_DEFAULT: usize = 4096;

/// How many bytes of messages of a durable topic are in memory unless
/// [`Topic::window_bytes`](crate::Topic::window_bytes) says otherwise: 1 MiB.
///
/// # Examples
///
/// ```
/// assert_eq!(kipo_topic::WINDOW_BYTES_DEFAULT, 1 << 20);
/// ```
pub const WINDOW_BYTES_DEFAULT: usize = 1024 * 1024;

/// How many messages a publisher may be ahead of the listeners unless
/// [`Topic::ahead_max`](crate::Topic::ahead_max) says otherwise.
///
/// # Examples
///
/// ```
/// assert_eq!(kipo_topic::AHEAD_MAX_DEFAULT, 12);
/// ```
pub const AHEAD_MAX_DEFAULT: u64 = 12;

/// How much a topic retains.
///
/// # Examples
///
/// See [`Topic::retained`](crate::Topic::retained).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retained {
    /// How many messages, also those that are only in the engine.
    pub messages: usize,
    /// The length of their frames.
    pub bytes: usize,
}

/// Bounds on the newest messages of a log that are in memory. The newest one always is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// At least 1.
    pub(crate) messages: usize,
    /// Bytes of their frames, all together.
    pub(crate) bytes: usize,
}

impl Window {
    /// All messages: where there is no engine to read them from.
    pub(crate) const ALL: Self = Self { messages: usize::MAX, bytes: usize::MAX };
}

/// Bounds on a log. The first one that is exceeded drops the oldest messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Retention {
    /// Messages; at least 1.
    pub(crate) count: usize,
    /// Bytes of their frames, all together.
    pub(crate) bytes: usize,
    /// Milliseconds since a message was published.
    pub(crate) age_ms: u64,
    /// How many of the newest messages are replayed to a listener that comes or comes back.
    pub(crate) replay_max: u64,
    /// How many messages a publisher may be ahead of what is written to the listeners.
    pub(crate) ahead_max: u64,
    /// Which of the messages are in memory.
    pub(crate) window: Window,
}

impl Retention {
    pub(crate) const DEFAULT: Self = Self {
        count: KEEP_DEFAULT,
        bytes: KEEP_BYTES_DEFAULT,
        age_ms: u64::MAX,
        replay_max: u64::MAX,
        ahead_max: AHEAD_MAX_DEFAULT,
        window: Window { messages: WINDOW_DEFAULT, bytes: WINDOW_BYTES_DEFAULT },
    };

    /// Everything: for reading what a store holds.
    pub(crate) const ALL: Self = Self {
        count: usize::MAX,
        bytes: usize::MAX,
        age_ms: u64::MAX,
        replay_max: u64::MAX,
        ahead_max: u64::MAX,
        window: Window::ALL,
    };

    /// Sets how many messages are retained.
    ///
    /// # Panics
    ///
    /// Panics if it is 0.
    pub(crate) const fn keep(mut self, messages: usize) -> Self {
        assert!(messages > 0, "a topic retains at least one message");
        self.count = messages;
        self
    }

    /// Sets how many messages are in memory.
    ///
    /// # Panics
    ///
    /// Panics if it is 0.
    pub(crate) const fn window(mut self, messages: usize) -> Self {
        assert!(messages > 0, "at least one message of a topic is in memory");
        self.window.messages = messages;
        self
    }

    /// Sets how long a message is retained.
    pub(crate) const fn keep_for(mut self, time: Duration) -> Self {
        self.age_ms = time.as_secs().saturating_mul(1000) + time.subsec_millis() as u64;
        self
    }

    /// Returns whether time alone drops messages, so that a reader has to trim as well.
    pub(crate) fn ages(&self) -> bool {
        self.age_ms < u64::MAX
    }
}
