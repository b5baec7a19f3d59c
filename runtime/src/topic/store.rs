//! The directory of an app's durable topics.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
    thread::JoinHandle,
};

use tokio::sync::{Semaphore, oneshot};

use super::{
    Durability,
    channel::Channel,
    commit::{Queue, Stacks, Submission, Unsaved},
    cursor::Cursor,
    disk::{Disk, Refused},
    engine::{Change, Engine, Memory, Space},
    generation,
    log::Draft,
    retention::Retention,
    shelf::{Found, Shelf},
};
use crate::sync::{Mutex, lock};

/// How many messages wait for the disk; those who publish more wait in turn.
const WAITING_MAX: usize = 4096;

/// The entry that says whether the store was closed or just ended. No topic is named so.
const STATE: &[u8] = b"\0state";

/// Where durable topics live: one directory, held by one process.
///
/// An [`App`](crate::App) opens its own, named by `--data-dir`. Open one by hand for topics that
/// no app serves, such as those of tests.
///
/// # Examples
///
/// ```
/// use kipo::{Durability, Event, Topic, topic::Store};
///
/// #[derive(Event)]
/// enum Log {
///     Line(String),
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// # let folder = std::env::temp_dir().join(format!("kipo-store-{}", std::process::id()));
/// let store = Store::open(&folder)?;
/// let log = Topic::durable("log", Durability::Fsync);
/// log.open(&store)?;
/// let place = log.publish(&Log::Line("one".into())).await?;
/// store.close();
///
/// // Another life of the process: the same messages, the same places.
/// let store = Store::open(&folder)?;
/// let log: Topic<Log> = Topic::durable("log", Durability::Fsync);
/// log.open(&store)?;
/// assert_eq!(log.history()[0].cursor(), place);
/// store.close();
/// # std::fs::remove_dir_all(&folder)?;
/// # kipo::Result::<()>::Ok(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
    /// What ends the thread when the last clone, and the last topic, is gone.
    _end: Arc<End>,
}

struct Shared {
    /// For messages.
    place: String,
    queue: Queue,
    /// How many more messages may wait.
    room: Arc<Semaphore>,
    /// Whether the one who had the store before did not close it.
    was_open: bool,
    /// A lock that is held while a batch is written: nobody waits for it but those who open.
    stacks: Mutex<Stacks>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// Closes the queue when dropped.
struct End(Arc<Shared>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.queue.close();
    }
}

impl Store {
    /// Opens the directory at `path`, and makes it if it is not there. Blocks while it reads.
    ///
    /// What a process that was killed had not finished to write is cut off, and said in the log.
    ///
    /// # Errors
    ///
    /// [`StoreError::InUse`] if another process has it, or this one already; [`StoreError::Io`]
    /// if it cannot be read or written, or holds something else.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref();
        let disk = Disk::open(path).map_err(|refused| match refused {
            Refused::InUse => StoreError::InUse(path.to_owned()),
            Refused::Failed(error) => StoreError::Io(path.to_owned(), error),
        })?;
        Self::of(Box::new(disk), &path.display().to_string())
    }

    /// Returns a store that is gone with the process: for tests of what publishes to durable
    /// topics.
    ///
    /// # Panics
    ///
    /// Panics if the system has no thread to give.
    #[must_use]
    pub fn in_memory() -> Self {
        Self::of(Box::new(Memory::default()), "memory").expect("memory does not fail")
    }

    pub(crate) fn of(engine: Box<dyn Engine>, place: &str) -> Result<Self, StoreError> {
        let mut stacks = Stacks::new(engine);
        let io = |error| StoreError::Io(place.into(), error);
        let was_open = begin(&mut *stacks.engine, place).map_err(io)?;
        let shared = Arc::new(Shared {
            place: place.to_owned(),
            was_open,
            queue: Queue::new(),
            room: Arc::new(Semaphore::new(WAITING_MAX)),
            stacks: Mutex::new(stacks),
            thread: Mutex::new(None),
        });
        let committing = Arc::clone(&shared);
        // Joined by `close`; ends by itself when nobody is left who could publish.
        let thread = std::thread::Builder::new().name("kipo-log".into()).spawn(move || {
            while let Some(batch) = committing.queue.take() {
                lock(&committing.stacks).commit(batch);
            }
        });
        *lock(&shared.thread) = Some(thread.map_err(io)?);
        Ok(Self { _end: Arc::new(End(Arc::clone(&shared))), shared })
    }

    /// Publishes what waits, makes all of it safe and lets go of the directory. Topics of this
    /// store take no more messages; their listeners go on. Blocks until then.
    pub fn close(&self) {
        if !self.end_thread() {
            return;
        }
        let mut stacks = lock(&self.shared.stacks);
        let ended = end(&mut *stacks.engine);
        if let Err(error) = ended {
            tracing::warn!(store = self.shared.place, %error, "the store could not be closed");
        }
        stacks.engine = Box::new(Memory::default());
    }

    /// Ends the thread once it has written what waits. Returns whether it had not ended before.
    pub(crate) fn end_thread(&self) -> bool {
        self.shared.queue.close();
        let Some(thread) = lock(&self.shared.thread).take() else { return false };
        if thread.join().is_err() {
            tracing::error!(store = self.shared.place, "the log's thread panicked");
        }
        true
    }

    /// Reads a topic, or makes it, and says what had to be cut.
    pub(crate) fn read(
        &self,
        name: &str,
        durability: Durability,
        keep: Retention,
    ) -> Result<(u32, Arc<Channel>), StoreError> {
        let mut stacks = lock(&self.shared.stacks);
        let io = |error| StoreError::Io(self.shared.place.clone().into(), error);
        let (id, life) = known(&mut *stacks.engine, name).map_err(io)?;
        if stacks.has(id) {
            return Err(StoreError::Taken(name.to_owned()));
        }
        let found = Found::read(&*stacks.engine, id, life, &keep).map_err(io)?;
        let last = found.log.head().cursor.seq;
        if !found.torn.is_empty() {
            let cut = found.torn.len();
            tracing::warn!(topic = name, cut, last, "records at the end were not whole: cut");
            let changes = found.cut(id);
            stacks.engine.write(&changes).and_then(|()| stacks.engine.sync()).map_err(io)?;
        }
        if found.severed > 0 {
            let severed = found.severed;
            tracing::warn!(topic = name, severed, "records before a broken one are not served");
        }
        if self.shared.was_open {
            tracing::info!(topic = name, last, "goes on after the last whole record");
        }
        let (log, keys, rest) = found.split();
        let channel = Arc::new(Channel::new(keep, log, keys));
        stacks.add(Shelf::new(id, Arc::clone(&channel), rest), durability);
        Ok((id, channel))
    }

    /// Publishes a message; returns when it is as safe as its topic promises.
    pub(crate) async fn publish(
        &self,
        shelf: u32,
        draft: Draft,
        key: Option<Arc<str>>,
    ) -> Result<Cursor, Unsaved> {
        let closed = || Unsaved("the store is closed".into());
        let permit = Arc::clone(&self.shared.room).acquire_owned().await.ok();
        let (reply, answer) = oneshot::channel();
        let submission = Submission { shelf, draft, key, reply, permit };
        self.shared.queue.push(submission).map_err(|_| closed())?;
        answer.await.unwrap_or_else(|_| Err(closed()))
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("place", &self.shared.place).finish_non_exhaustive()
    }
}

/// Notes that the store is in use, and says if the last one who used it did not close it.
fn begin(engine: &mut dyn Engine, place: &str) -> io::Result<bool> {
    let mut was_open = false;
    engine.scan(Space::Topics, STATE, &mut |_, state| was_open = state == b"open")?;
    if was_open {
        tracing::warn!(
            store = place,
            "the store was not closed: a record that was not written to its end is cut off"
        );
    }
    engine.write(&[state(b"open")])?;
    engine.sync()?;
    Ok(was_open)
}

fn end(engine: &mut dyn Engine) -> io::Result<()> {
    engine.write(&[state(b"closed")])?;
    engine.sync()
}

fn state(word: &[u8]) -> Change {
    Change::Put { space: Space::Topics, key: STATE.to_vec(), value: word.to_vec() }
}

/// Returns the id and the generation of a topic; a new one gets its own.
fn known(engine: &mut dyn Engine, name: &str) -> io::Result<(u32, u64)> {
    let (mut there, mut next) = (None, 0);
    engine.scan(Space::Topics, b"", &mut |key, value| {
        let Some((id, rest)) = value.split_first_chunk() else { return };
        let Some(life) = rest.as_array() else { return };
        let id = u32::from_be_bytes(*id);
        next = next.max(id + 1);
        if key == name.as_bytes() {
            there = Some((id, u64::from_be_bytes(*life)));
        }
    })?;
    if let Some(there) = there {
        return Ok(there);
    }
    let life = generation(name);
    let mut value = next.to_be_bytes().to_vec();
    value.extend(life.to_be_bytes());
    engine.write(&[Change::Put { space: Space::Topics, key: name.into(), value }])?;
    engine.sync()?;
    Ok((next, life))
}

/// Why a store, or a topic in it, could not be opened.
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// The directory is held by another process, or by this one.
    InUse(PathBuf),
    /// The directory could not be read or written.
    Io(PathBuf, io::Error),
    /// Two topics of one store have this name.
    Taken(String),
    /// The topic of this name was used, or opened, before.
    Late(&'static str),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InUse(path) => write!(
                f,
                "the data directory {} is in use: stop the other process, or choose another \
                 --data-dir",
                path.display()
            ),
            Self::Io(path, error) => write!(f, "the data directory {}: {error}", path.display()),
            Self::Taken(name) => write!(f, "two topics are named `{name}`"),
            Self::Late(name) => {
                write!(f, "the topic `{name}` is in use already: open it before it is used, once")
            }
        }
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(_, error) => Some(error),
            Self::InUse(_) | Self::Taken(_) | Self::Late(_) => None,
        }
    }
}
