//! The database on disk: fjall, a log-structured merge tree with a journal in front of it.

use std::{
    io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use crate::engine::local::key_value::{Change, KeyValue, Space};

/// How many bytes of cache reading may use: when topics are loaded, and for listeners further behind
/// than what is in memory.
const CACHE_BYTES: u64 = 4 * 1024 * 1024;

/// How many bytes of journal the database retains at most, about: opening reads all of it. This is the
/// least that fjall takes.
const JOURNAL_BYTES: u64 = 64 * 1024 * 1024;

/// With more than this in memory, closing writes tables: that takes less time than to read as much
/// from the journal at the next opening.
const MEMTABLES_LEFT_BYTES: u64 = 4 * 1024 * 1024;

/// How long closing waits for that at most, and how often it looks: fjall has no signal for it.
const FLUSH_TIME: Duration = Duration::from_secs(5);
const FLUSH_POLL: Duration = Duration::from_millis(2);

/// A directory with one database in it.
pub(crate) struct Disk {
    path: PathBuf,
    /// `None` after a failed reopen, until the next one succeeds.
    open: Option<Open>,
}

struct Open {
    database: Database,
    topics: Keyspace,
    records: Keyspace,
    keys: Keyspace,
    small: Keyspace,
}

/// Why a directory could not be opened.
#[derive(Debug)]
pub(crate) enum OpenError {
    /// Another process holds it.
    InUse,
    Failed(io::Error),
}

impl Disk {
    /// Opens a directory, and creates it if it is missing.
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        let open = Open::new(path).map_err(|error| match error {
            fjall::Error::Locked => OpenError::InUse,
            error => OpenError::Failed(io_error(error)),
        })?;
        Ok(Self { path: path.to_owned(), open: Some(open) })
    }

    fn at(&self) -> io::Result<&Open> {
        self.open.as_ref().ok_or_else(|| io::Error::other("the store is not open"))
    }
}

impl Open {
    fn new(path: &Path) -> fjall::Result<Self> {
        let builder = Database::builder(path).cache_size(CACHE_BYTES).worker_threads(1);
        let database = builder.max_journaling_size(JOURNAL_BYTES).open()?;
        let space = |name| database.keyspace(name, KeyspaceCreateOptions::default);
        let (topics, records, keys) = (space("topics")?, space("records")?, space("keys")?);
        let small = space("small")?;
        Ok(Self { database, topics, records, keys, small })
    }

    fn space(&self, space: Space) -> &Keyspace {
        match space {
            Space::Topics => &self.topics,
            Space::Records => &self.records,
            Space::Keys => &self.keys,
            Space::Small => &self.small,
        }
    }
}

impl KeyValue for Disk {
    fn get(&self, space: Space, key: &[u8]) -> io::Result<Option<Vec<u8>>> {
        let value = self.at()?.space(space).get(key).map_err(io_error)?;
        Ok(value.map(|value| value.to_vec()))
    }

    fn scan(
        &self,
        space: Space,
        prefix: &[u8],
        from: &[u8],
        see: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> io::Result<()> {
        for entry in self.at()?.space(space).range(prefix.max(from)..) {
            let (key, value) = entry.into_inner().map_err(io_error)?;
            if !key.starts_with(prefix) || !see(&key, &value) {
                break;
            }
        }
        Ok(())
    }

    fn write(&mut self, changes: &[Change]) -> io::Result<()> {
        let open = self.at()?;
        let mut batch = open.database.batch().durability(Some(PersistMode::Buffer));
        for change in changes {
            match change {
                Change::Put { space, key, value } => {
                    batch.insert(open.space(*space), key.as_slice(), value.as_slice());
                }
                Change::Delete { space, key } => batch.remove(open.space(*space), key.as_slice()),
            }
        }
        batch.commit().map_err(io_error)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.at()?.database.persist(PersistMode::SyncData).map_err(io_error)
    }

    fn finish(&mut self) -> io::Result<()> {
        let open = self.at()?;
        if open.database.write_buffer_size() <= MEMTABLES_LEFT_BYTES {
            return Ok(());
        }
        let spaces = [&open.topics, &open.records, &open.keys, &open.small];
        for space in spaces {
            space.rotate_memtable().map_err(io_error)?;
        }
        // What is not in a table by then is read from the journal.
        let until = Instant::now() + FLUSH_TIME;
        while spaces.iter().any(|space| space.sealed_memtable_count() > 0) && Instant::now() < until
        {
            std::thread::sleep(FLUSH_POLL);
        }
        Ok(())
    }

    fn reopen(&mut self) -> io::Result<()> {
        // The old database releases the directory first.
        self.open = None;
        self.open = Some(Open::new(&self.path).map_err(io_error)?);
        Ok(())
    }
}

/// Returns an error of the database as an I/O error, which most of them are.
fn io_error(error: fjall::Error) -> io::Error {
    match error {
        fjall::Error::Io(error) => error,
        error => io::Error::other(error),
    }
}

#[cfg(all(test, not(kipo_loom)))]
mod tests {
    use super::*;

    #[test]
    fn closing_leaves_little_for_the_next_opening_to_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let key = |n: u32| n.to_be_bytes().to_vec();
        let mut disk = Disk::open(folder.path()).expect("an empty directory");
        for n in 0..50 {
            let value = vec![7; 100_000];
            let put = Change::Put { space: Space::Records, key: key(n), value };
            disk.write(&[put]).expect("room on the disk");
        }
        let in_memory = |disk: &Disk| disk.at().expect("open").database.write_buffer_size();
        assert!(in_memory(&disk) > MEMTABLES_LEFT_BYTES);
        disk.finish().expect("room on the disk");
        drop(disk);

        let disk = Disk::open(folder.path()).expect("what was closed");
        assert!(in_memory(&disk) <= MEMTABLES_LEFT_BYTES);
        for n in [0, 49] {
            let value = disk.get(Space::Records, &key(n)).expect("a whole record");
            assert_eq!(value.map(|value| value.len()), Some(100_000));
        }
    }
}
