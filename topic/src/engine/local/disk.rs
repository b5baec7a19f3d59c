//! The database on disk: fjall, a log-structured merge tree with a journal in front of it.

use std::{
    io,
    path::{Path, PathBuf},
};

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use crate::engine::local::key_value::{Change, KeyValue, Space};

/// How many bytes of cache reading may use: when topics are loaded, and for listeners further behind
/// than what is in memory.
const CACHE_BYTES: u64 = 4 * 1024 * 1024;

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
        let database = Database::builder(path).cache_size(CACHE_BYTES).worker_threads(1).open()?;
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
