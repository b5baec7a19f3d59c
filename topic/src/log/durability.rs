//! What a message survives once its publisher has an answer.

/// What a message survives once [`Topic::publish`](crate::Topic::publish) has answered.
///
/// Levels are ordered: a higher one survives more.
///
/// # Examples
///
/// ```
/// use kipo_topic::Durability;
///
/// assert!(Durability::Memory < Durability::Os && Durability::Os < Durability::Fsync);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Durability {
    /// Nothing: messages are gone with the process, and a restart is a new generation.
    Memory,
    /// The end of the process, `kill -9` included: the operating system has the message. A power
    /// loss takes what the system had not yet written; listeners that had seen it read a gap
    /// ([`GapReason::Diverged`](crate::GapReason::Diverged)).
    Os,
    /// A power loss too: the message is on the disk (`fdatasync`). Messages that wait at the same
    /// time share one sync.
    Fsync,
}
