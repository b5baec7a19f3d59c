//! The folder of uploads that are begun and not used.
//!
//! The folder is the truth, so that an upload survives its process, and two processes may share it while
//! one hands over to the other. What is in memory only counts.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use tokio::task::spawn_blocking;

use super::{
    fault::{Fault, io_error},
    record::{self, Id, Paths, Record, SUFFIXES, UsedRecord},
    table::{Bounds, Table},
};
use crate::{
    action::input::uploads::temporary::{private, private_dir},
    error::{Error, Result},
};

/// How long a file without a record stays: its upload may just begin.
const ORPHAN_AGE: Duration = Duration::from_secs(60);

/// After what time the next upload that begins has the folder read again: an app that is mounted as a router
/// has no task that does it.
const READ_AGE_MAX: Duration = Duration::from_secs(20 * 60);

/// The uploads of one app.
#[derive(Debug)]
pub(crate) struct Resumable {
    folder: PathBuf,
    expires_after: Duration,
    bounds: Bounds,
    /// With the time when the folder was read; `None` until then. A std lock, never held across an
    /// `.await`.
    table: Mutex<Option<(Instant, Table)>>,
}

/// Who sends a request.
#[derive(Clone, Debug)]
pub(crate) struct Sender {
    /// The digest of the session, if there is one.
    pub(crate) owner: Option<String>,
    /// The digest of the session or the address.
    pub(crate) caller: String,
}

/// An upload that no action has used.
#[derive(Clone, Debug)]
pub(crate) struct Unfinished {
    pub(crate) id: Id,
    pub(crate) record: Record,
    pub(crate) offset: u64,
    pub(crate) expires: SystemTime,
    pub(super) store: Arc<Resumable>,
}

/// What an id names.
#[derive(Debug)]
pub(crate) enum Found {
    Unfinished(Unfinished),
    Used(UsedRecord),
}

impl Resumable {
    pub(crate) fn new(folder: PathBuf, expires_after: Duration, bounds: Bounds) -> Self {
        Self { folder, expires_after, bounds, table: Mutex::default() }
    }

    /// Begins an upload.
    ///
    /// # Errors
    ///
    /// A 429 or a 503 if too many are begun, and a 507 if the disk is full.
    pub(crate) async fn begin(self: &Arc<Self>, record: Record) -> Result<Unfinished> {
        let store = Arc::clone(self);
        spawn_blocking(move || store.begin_blocking(record)).await.map_err(Error::internal)?
    }

    fn begin_blocking(self: Arc<Self>, record: Record) -> Result<Unfinished> {
        self.make_folder().map_err(io_error)?;
        let id = Id::random().map_err(io_error)?;
        self.with_table(|table| {
            table.begin(id.clone(), &record.caller, record.length, &self.bounds)
        })?;
        let paths = self.paths(&id);
        let written = private().open(&paths.data).map(drop);
        if let Err(error) = written.and_then(|()| record::write(&paths.record, &record)) {
            self.remove(&id);
            return Err(io_error(error));
        }
        let expires = SystemTime::now() + self.expires_after;
        Ok(Unfinished { id, record, offset: 0, expires, store: self })
    }

    /// Finds an upload of a sender.
    ///
    /// # Errors
    ///
    /// A 404 if there is none with this id, if it has expired, or if it is that of another session.
    pub(crate) async fn find(self: &Arc<Self>, id: Id, sender: &Sender) -> Result<Found> {
        let (store, owner) = (Arc::clone(self), sender.owner.clone());
        let found = spawn_blocking(move || store.find_blocking(id, owner.as_deref())).await;
        found.map_err(Error::internal)?
    }

    fn find_blocking(self: Arc<Self>, id: Id, sender: Option<&str>) -> Result<Found> {
        let unknown = || Error::not_found("there is no such upload");
        let is_own = |owner: &Option<String>| owner.is_none() || owner.as_deref() == sender;
        let paths = self.paths(&id);
        if let Some(used) = record::read_whole::<UsedRecord>(&paths.used)? {
            return if is_own(&used.owner) { Ok(Found::Used(used)) } else { Err(unknown()) };
        }
        let record = record::read_whole::<Record>(&paths.record)?.ok_or_else(unknown)?;
        if !is_own(&record.owner) {
            return Err(unknown());
        }
        let data = match fs::metadata(&paths.data) {
            Ok(data) => data,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(unknown()),
            Err(error) => return Err(error.into()),
        };
        let expires = data.modified()? + self.expires_after;
        if expires <= SystemTime::now() {
            self.expire(&id);
            return Err(unknown());
        }
        let offset =
            record::read::<u64>(&paths.from)?.map_or(data.len(), |from| from.min(data.len()));
        Ok(Found::Unfinished(Unfinished { id, record, offset, expires, store: self }))
    }

    /// Removes what has expired and what a killed process has left, and counts what is there.
    pub(crate) async fn sweep(self: &Arc<Self>) {
        let store = Arc::clone(self);
        let swept = spawn_blocking(move || store.read_folder());
        if let Ok(Err(error)) | Err(error) = swept.await.map_err(Error::internal) {
            tracing::warn!(
                error = error.log_text(),
                "the folder of unfinished uploads cannot be read"
            );
        }
    }

    /// Reads the folder, and counts what is in it from now on.
    fn read_folder(&self) -> Result<()> {
        // What begins meanwhile is in the table or in the folder: it waits for the lock.
        let mut locked = lock(&self.table);
        let mut table = Table::default();
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                *locked = Some((Instant::now(), table));
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        let mut expired = 0;
        for entry in entries.filter_map(Result::ok) {
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            let suffix = SUFFIXES.into_iter().find(|suffix| name.ends_with(suffix));
            let stem = &name[..name.len() - suffix.map_or(0, str::len)];
            let Ok(id) = stem.parse::<Id>() else { continue };
            let Some(age) = age(&entry.path()) else { continue };
            let paths = self.paths(&id);
            let record = match paths.used.exists() {
                true => None,
                false => record::read::<Record>(&paths.record).ok().flatten(),
            };
            match suffix {
                Some(".used") if age >= self.expires_after => _ = fs::remove_file(entry.path()),
                Some(".used") => {}
                // The bytes say when an upload expires.
                Some(".json") if record.is_some() && paths.data.exists() => {}
                None if record.is_some() && age < self.expires_after => {
                    let Some(Record { caller, length, .. }) = record else { continue };
                    table.insert(id, caller, length);
                }
                None if record.is_some() => {
                    expired += usize::from(self.remove_unlocked(&id));
                }
                Some(".from") if record.is_some() => {}
                _ if age >= ORPHAN_AGE => _ = fs::remove_file(entry.path()),
                _ => {}
            }
        }
        *locked = Some((Instant::now(), table));
        if expired > 0 {
            tracing::info!(expired, "removed uploads that nobody has finished");
        }
        Ok(())
    }

    /// Removes an upload that has expired.
    fn expire(&self, id: &Id) {
        if self.remove_unlocked(id) {
            self.end(id);
        }
    }

    /// Removes an upload that no request has at the moment. Returns whether it is removed.
    fn remove_unlocked(&self, id: &Id) -> bool {
        let paths = self.paths(id);
        // The lock is held until the upload is removed.
        let file = fs::File::open(&paths.data);
        let is_free = file.as_ref().is_ok_and(|file| file.try_lock().is_ok());
        if is_free {
            paths.remove();
        }
        is_free
    }

    /// Removes an upload.
    pub(super) fn remove(&self, id: &Id) {
        self.paths(id).remove();
        self.end(id);
    }

    fn end(&self, id: &Id) {
        if let Some((_, table)) = &mut *lock(&self.table) {
            table.end(id);
        }
    }

    /// Runs `with` with the table, for which the folder is read before.
    fn with_table<T>(&self, with: impl FnOnce(&mut Table) -> Result<T>) -> Result<T> {
        let is_old = |(read, _): &(Instant, Table)| read.elapsed() > READ_AGE_MAX;
        if lock(&self.table).as_ref().is_none_or(is_old) {
            self.read_folder()?;
        }
        let mut locked = lock(&self.table);
        let (_, table) = locked.get_or_insert_with(|| (Instant::now(), Table::default()));
        with(table)
    }

    fn make_folder(&self) -> io::Result<()> {
        if let Some(parent) = self.folder.parent() {
            fs::create_dir_all(parent)?;
        }
        match private_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            made => made,
        }
    }

    pub(super) fn paths(&self, id: &Id) -> Paths {
        Paths::of(&self.folder, id)
    }

    pub(super) fn expires_after(&self) -> Duration {
        self.expires_after
    }
}

impl Unfinished {
    /// Returns whether all bytes are there.
    pub(crate) fn is_complete(&self) -> bool {
        self.offset == self.record.length
    }

    /// Removes the upload.
    ///
    /// # Errors
    ///
    /// A 423 if another request has it.
    pub(crate) async fn remove(self) -> Result<()> {
        let removed = spawn_blocking(move || {
            let is_removed = self.store.remove_unlocked(&self.id);
            if is_removed {
                self.store.end(&self.id);
            }
            is_removed
        });
        match removed.await.map_err(Error::internal)? {
            true => Ok(()),
            false => Err(Fault::Locked.into()),
        }
    }

    /// Returns the time after which it expires if no byte arrives.
    pub(crate) fn renewed(&self) -> SystemTime {
        SystemTime::now() + self.store.expires_after()
    }
}

/// Returns how long ago a file was changed.
fn age(path: &Path) -> Option<Duration> {
    let modified = fs::metadata(path).and_then(|data| data.modified()).ok()?;
    // A clock may have been set back.
    Some(modified.elapsed().unwrap_or_default())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every change under a lock is complete, so a panic leaves it valid.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
