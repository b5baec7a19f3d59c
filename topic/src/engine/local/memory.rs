//! The database in memory: for tests.

use std::{collections::BTreeMap, io};

use crate::engine::local::key_value::{Change, KeyValue, Space};

/// A database that is gone with the process.
#[derive(Debug, Default)]
pub(crate) struct Memory(BTreeMap<(Space, Vec<u8>), Vec<u8>>);

impl KeyValue for Memory {
    fn get(&self, space: Space, key: &[u8]) -> io::Result<Option<Vec<u8>>> {
        Ok(self.0.get(&(space, key.to_vec())).cloned())
    }

    fn scan(
        &self,
        space: Space,
        prefix: &[u8],
        from: &[u8],
        see: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> io::Result<()> {
        let all = self.0.range((space, prefix.max(from).to_vec())..);
        let mut within = all.take_while(|((at, key), _)| *at == space && key.starts_with(prefix));
        within.all(|((_, key), value)| see(key, value));
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
