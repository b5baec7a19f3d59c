//! What a listener has to know beside the log.

use crate::engine::Link;

/// The state of a channel, as a listener knows it. One that knows it reads nothing but messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct State {
    /// Counts the logs that this channel has had: a listener of an earlier one finds its position
    /// in the new one by its cursor.
    pub(crate) epoch: u32,
    /// Whether the engine of the topic can be reached.
    pub(crate) link: Link,
    /// Counts how often the topic was removed. That ends the listeners from before.
    pub(crate) removals: u32,
}
