//! The other nodes that append to a topic: whether they do it at the same time as this one, what they
//! append for it, and what it appends for them. Data alone: the partition has the lock.

mod contention;
mod serving;

use tokio::time::Instant;

use self::{contention::Contention, serving::Serving};
pub(super) use self::{
    contention::Look,
    serving::{Run, Untaken},
};

/// The other nodes that append to a topic, as far as this node has met them.
pub(super) struct Others {
    pub(super) contention: Contention,
    pub(super) serving: Serving,
}

impl Others {
    pub(super) fn new(now: Instant) -> Self {
        Self { contention: Contention::new(now), serving: Serving::default() }
    }

    /// Returns the node that appends for this one.
    pub(super) fn appender(&self) -> Option<u64> {
        self.contention.appender()
    }
}
