//! The engine in memory: for tests, and for topics of a closed store.

use std::{collections::BTreeMap, io};

use crate::engine::{Change, Engine, Space};

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
