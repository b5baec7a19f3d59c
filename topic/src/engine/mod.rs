//! What a durable log needs of the engine below it: ordered keys, atomic batches, and a sync.

#[cfg(feature = "disk")]
pub(crate) mod disk;
pub(crate) mod memory;

use std::io;

/// The key spaces of a store. A key of one space never meets a key of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Space {
    /// The id and generation of each topic, by its name.
    Topics,
    /// Messages, by topic and number.
    Records,
    /// Idempotency keys, by topic and number of the message.
    Keys,
}

/// One step of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Put { space: Space, key: Vec<u8>, value: Vec<u8> },
    Delete { space: Space, key: Vec<u8> },
}

/// An embedded, ordered key-value store.
pub(crate) trait Engine: Send {
    /// Calls `see` with every entry of `space` whose key begins with `prefix`, in the order of the keys.
    fn scan(
        &self,
        space: Space,
        prefix: &[u8],
        see: &mut dyn FnMut(&[u8], &[u8]),
    ) -> io::Result<()>;

    /// Applies a batch as a whole or not at all, and hands it to the operating system: it then
    /// survives the end of this process.
    fn write(&mut self, changes: &[Change]) -> io::Result<()>;

    /// Returns once everything written survives a power loss.
    fn sync(&mut self) -> io::Result<()>;

    /// Opens again after a failure, with what was really written.
    fn reopen(&mut self) -> io::Result<()>;
}
