//! What a durable log asks of the engine below it: ordered keys, whole batches, and a way to
//! know that they are safe.

use std::{collections::BTreeMap, io};

/// The parts of a store. Keys of one part never meet those of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Space {
    /// What is known of each topic, by its name.
    Topics,
    /// Messages, by topic and number.
    Records,
    /// Keys of messages that are published once, by topic and number of the message.
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
    /// Shows every entry of `space` whose key begins with `prefix`, in the order of the keys.
    fn scan(
        &self,
        space: Space,
        prefix: &[u8],
        see: &mut dyn FnMut(&[u8], &[u8]),
    ) -> io::Result<()>;

    /// Applies a batch, as a whole or not at all, and hands it to the operating system: from
    /// then on it survives the end of this process.
    fn write(&mut self, changes: &[Change]) -> io::Result<()>;

    /// Returns once all that was written survives the end of the machine.
    fn sync(&mut self) -> io::Result<()>;

    /// Begins anew after a failure, with what is really there.
    fn reopen(&mut self) -> io::Result<()>;
}

/// A store that is gone with the process, for tests.
#[derive(Debug, Default)]
pub(crate) struct Memory(BTreeMap<(Space, Vec<u8>), Vec<u8>>);

impl Engine for Memory {
    fn scan(
        &self,
        space: Space,
        prefix: &[u8],
        see: &mut dyn FnMut(&[u8], &[u8]),
    ) -> io::Result<()> {
        let from = self.0.range((space, prefix.to_vec())..);
        let within = from.take_while(|((at, key), _)| *at == space && key.starts_with(prefix));
        within.for_each(|((_, key), value)| see(key, value));
        Ok(())
    }

    fn write(&mut self, changes: &[Change]) -> io::Result<()> {
        for change in changes.iter().cloned() {
            match change {
                Change::Put { space, key, value } => drop(self.0.insert((space, key), value)),
                Change::Delete { space, key } => drop(self.0.remove(&(space, key))),
            }
        }
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn reopen(&mut self) -> io::Result<()> {
        Ok(())
    }
}
