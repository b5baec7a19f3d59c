//! What the engine of one process needs of the database below it: ordered keys, atomic batches, and
//! a sync.

use std::io;

/// The key spaces of a store. A key of one space never meets a key of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Space {
    /// The id and generation of each topic, by its name; and the engine's own entries.
    Topics,
    /// Messages, by topic and number.
    Records,
    /// Idempotency keys, by topic and number of the message.
    Keys,
    /// Small records with an end, by their keys.
    Small,
}

/// One step of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Put { space: Space, key: Vec<u8>, value: Vec<u8> },
    Delete { space: Space, key: Vec<u8> },
}

/// An embedded, ordered key-value store.
pub(crate) trait KeyValue: Send {
    /// Returns the value of a key.
    fn get(&self, space: Space, key: &[u8]) -> io::Result<Option<Vec<u8>>>;

    /// Calls `see` with the entries of `space` whose key begins with `prefix` and is not below
    /// `from`, in the order of the keys, until it returns false.
    fn scan(
        &self,
        space: Space,
        prefix: &[u8],
        from: &[u8],
        see: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> io::Result<()>;

    /// Applies a batch as a whole or not at all, and hands it to the operating system: it then
    /// survives the end of this process.
    fn write(&mut self, changes: &[Change]) -> io::Result<()>;

    /// Returns once everything written survives a power loss.
    fn sync(&mut self) -> io::Result<()>;

    /// Does what would make the next opening slow. Nothing is written after it.
    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Opens again after a failure, with what was really written.
    fn reopen(&mut self) -> io::Result<()>;
}
