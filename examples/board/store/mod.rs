//! The database: one SQLite file, opened at start. It knows nothing of requests and pages.
//!
//! SQLite has one writer at a time, and so has [`Store`]: changes wait for it in a queue and not in
//! threads. Readers never wait for the writer, because the file is in WAL mode. Start reading at
//! [`Store::write`]; the queries are in `users`, `boards`, `cards` and `attachments`.

pub mod attachments;
pub mod boards;
pub mod cards;
pub mod ids;
mod migrations;
pub mod users;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use kipo::{Error, Result};
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use tokio::{
    sync::{Mutex, OwnedMutexGuard},
    task::spawn_blocking,
};

/// How many reads run at the same time. A read takes well below a millisecond.
const READERS: usize = 4;

/// How long a change waits for the writer of another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The open database.
pub(crate) struct Store {
    writer: Arc<Mutex<Connection>>,
    readers: [Arc<Mutex<Connection>>; READERS],
    /// The folder with the bytes of attachments.
    folder: PathBuf,
}

impl Store {
    /// Opens the file, makes it if there is none, and brings its tables up to date. The folder of the
    /// attachments is beside it: `board.files` for `board.db`. So nodes that share the one share the
    /// other.
    pub(crate) async fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        run(move || {
            let folder = path.with_extension("files");
            // Its parent is the folder of the database.
            fs::create_dir_all(&folder)?;
            let mut writer = connect(&path, OpenFlags::SQLITE_OPEN_CREATE)?;
            migrations::apply(&mut writer)?;
            let mut readers = Vec::with_capacity(READERS);
            for _ in 0..READERS {
                let reader = connect(&path, OpenFlags::empty())?;
                reader.pragma_update(None, "query_only", true)?;
                readers.push(Arc::new(Mutex::new(reader)));
            }
            let readers = readers.try_into().map_err(|_| Error::internal("too few readers"))?;
            Ok(Self { writer: Arc::new(Mutex::new(writer)), readers, folder })
        })
        .await
    }

    /// Returns the folder with the bytes of attachments.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Reads from one snapshot of the database.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Transaction<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let mut reader = self.reader().await;
        run(move || read(&reader.transaction()?)).await
    }

    /// Changes the database. All of the changes are committed, or none if `write` fails.
    ///
    /// The change is finished even if the future is dropped.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        write: impl FnOnce(&Transaction<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let mut writer = Arc::clone(&self.writer).lock_owned().await;
        run(move || {
            // Immediate: a transaction that reads first and writes later could fail in between.
            let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let written = write(&transaction)?;
            transaction.commit()?;
            Ok(written)
        })
        .await
    }

    /// Returns a reader that is free, or waits for one.
    async fn reader(&self) -> OwnedMutexGuard<Connection> {
        let free = self.readers.iter().find_map(|reader| Arc::clone(reader).try_lock_owned().ok());
        match free {
            Some(reader) => reader,
            None => {
                let any = usize::try_from(now_ms()).unwrap_or_default() % READERS;
                Arc::clone(&self.readers[any]).lock_owned().await
            }
        }
    }
}

/// Runs work on a thread that may block.
async fn run<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    spawn_blocking(work).await?
}

fn connect(path: &Path, create: OpenFlags) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | create;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    // With WAL this loses no consistency in a power loss, and at most the last commits.
    connection.pragma_update(None, "synchronous", "normal")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(connection)
}

/// Returns the time in milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
pub(crate) mod testing {
    use std::sync::atomic::{AtomicI64, Ordering};

    use tempfile::TempDir;

    use super::*;

    /// The boards of a test have ids that no other test has, because all tests share the topics.
    const IDS: i64 = 1000;

    /// Opens a database that is deleted with the folder.
    pub(crate) async fn open() -> (TempDir, Store) {
        static OPENED: AtomicI64 = AtomicI64::new(1);

        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("board.db")).await.unwrap();
        let first = OPENED.fetch_add(1, Ordering::Relaxed) * IDS;
        let begin = store.write(move |db| {
            let sql = "INSERT INTO sqlite_sequence (name, seq) VALUES ('boards', ?1)";
            Ok(db.execute(sql, [first])?)
        });
        begin.await.unwrap();
        (folder, store)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(transaction: &Transaction<'_>) -> Result<i64> {
        Ok(transaction.query_row("SELECT count(*) FROM deliveries", [], |row| row.get(0))?)
    }

    fn insert(transaction: &Transaction<'_>, id: i64) -> Result<()> {
        transaction.execute("INSERT INTO deliveries VALUES (?1, 0, 0)", [id.to_string()])?;
        Ok(())
    }

    #[tokio::test]
    async fn a_change_that_fails_changes_nothing() {
        let (_folder, store) = testing::open().await;
        let failed = store.write(|transaction| {
            insert(transaction, 1)?;
            Err::<(), _>(Error::conflict("no"))
        });
        assert_eq!(failed.await.unwrap_err().message(), "no");
        assert_eq!(store.read(count).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn changes_of_two_processes_at_the_same_time_are_all_there() {
        let (folder, one) = testing::open().await;
        let two = Store::open(folder.path().join("board.db")).await.unwrap();
        let (one, two) = (Arc::new(one), Arc::new(two));
        let mut changes = tokio::task::JoinSet::new();
        for id in 0..100 {
            let store = Arc::clone(if id % 2 == 0 { &one } else { &two });
            changes.spawn(async move { store.write(move |tx| insert(tx, id)).await });
        }
        while let Some(changed) = changes.join_next().await {
            changed.unwrap().unwrap();
        }
        assert_eq!(two.read(count).await.unwrap(), 100);
    }

    #[tokio::test]
    async fn a_reader_cannot_write() {
        let (_folder, store) = testing::open().await;
        assert!(store.read(|transaction| insert(transaction, 1)).await.is_err());
    }
}
