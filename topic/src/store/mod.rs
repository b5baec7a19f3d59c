//! Where durable topics live: one directory, or memory.

mod commit;
mod partition;

#[cfg(feature = "disk")]
use std::path::Path;
use std::{fmt, io, sync::Arc, thread::JoinHandle};

use tokio::sync::{Semaphore, oneshot};

use self::{
    commit::{NotCommitted, Partitions, Queue, Submission},
    partition::{Found, Partition},
};
#[cfg(feature = "disk")]
use crate::engine::disk::{Disk, OpenError};
use crate::{
    channel::Channel,
    engine::{Change, Engine, Space, memory::Memory},
    error::StoreError,
    log::{
        cursor::Cursor, durability::Durability, generation, record::Draft, retention::Retention,
    },
    sync::{Mutex, lock},
};

/// How many messages wait for the disk. Publishers of more wait in turn: that is the backpressure.
const WAITING_MAX: usize = 4096;

/// The entry that holds whether the store was closed. No topic can have this name.
const STATE: &[u8] = b"\0state";

/// Where durable topics live: one directory, held by one process.
///
/// An app of the crate `kipo` opens its own, named by `--data-dir`.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "disk")]
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use kipo_topic::Event;
/// use kipo_topic::{Durability, Store, Topic};
/// # struct Line(&'static str);
/// # impl Event for Line {
/// #     fn name(&self) -> &'static str { "line" }
/// #     fn write_data(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
/// #         serde_json::to_writer(out, self.0)
/// #     }
/// # }
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// # let folder = std::env::temp_dir().join(format!("kipo-store-{}", std::process::id()));
/// let store = Store::open(&folder)?;
/// let log = Topic::durable("log", Durability::Fsync);
/// log.open(&store)?;
/// let cursor = log.publish(&Line("one")).await?;
/// store.close();
///
/// // After a restart there are the same messages, with the same cursors.
/// let store = Store::open(&folder)?;
/// let log: Topic<Line> = Topic::durable("log", Durability::Fsync);
/// log.open(&store)?;
/// assert_eq!(log.history()[0].cursor(), cursor);
/// store.close();
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<_, Box<dyn std::error::Error>>(()) })?;
/// # Ok(()) }
/// # #[cfg(not(feature = "disk"))]
/// # fn main() {}
/// ```
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
    /// Ends the thread when the last clone, and the last topic, is gone.
    _end: Arc<End>,
}

struct Shared {
    /// For log lines: a path, or `memory`.
    location: String,
    queue: Queue,
    /// One permit for each message that may wait.
    permits: Arc<Semaphore>,
    /// Whether the process before did not close the store.
    was_open: bool,
    /// Held while a batch is written; only opening a topic waits for it.
    partitions: Mutex<Partitions>,
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
    /// Opens the directory at `path`, and creates it if it is missing. Blocks while it reads.
    ///
    /// Opening the store truncates a torn record left by a killed process and logs it.
    ///
    /// # Errors
    ///
    /// [`StoreError::InUse`] if another process holds the directory, or this one already;
    /// [`StoreError::Io`] if it cannot be read or written, or holds something else.
    #[cfg(feature = "disk")]
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref();
        let disk = Disk::open(path).map_err(|error| match error {
            OpenError::InUse => StoreError::InUse(path.to_owned()),
            OpenError::Failed(error) => StoreError::Io(path.to_owned(), error),
        })?;
        Self::of(Box::new(disk), &path.display().to_string())
    }

    /// Returns a store that is gone with the process: for tests of code that publishes to durable
    /// topics.
    ///
    /// # Panics
    ///
    /// Panics if the system cannot start a thread.
    ///
    /// # Examples
    ///
    /// ```
    /// # use kipo_topic::Event;
    /// # struct N(u32);
    /// # impl Event for N {
    /// #     fn name(&self) -> &'static str { "n" }
    /// #     fn write_data(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
    /// #         serde_json::to_writer(out, &self.0)
    /// #     }
    /// # }
    /// use kipo_topic::{Durability, Store, Topic};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let topic = Topic::durable("numbers", Durability::Fsync);
    /// topic.open(&Store::in_memory()).unwrap();
    /// assert_eq!(topic.publish(&N(7)).await?.seq(), 1);
    /// # Ok::<_, kipo_topic::PublishError>(()) }).unwrap();
    /// ```
    #[must_use]
    pub fn in_memory() -> Self {
        Self::of(Box::new(Memory::default()), "memory").expect("memory does not fail")
    }

    pub(crate) fn of(engine: Box<dyn Engine>, location: &str) -> Result<Self, StoreError> {
        let mut partitions = Partitions::new(engine);
        let io = |error| StoreError::Io(location.into(), error);
        let was_open = begin(&mut *partitions.engine, location).map_err(io)?;
        let shared = Arc::new(Shared {
            location: location.to_owned(),
            was_open,
            queue: Queue::new(),
            permits: Arc::new(Semaphore::new(WAITING_MAX)),
            partitions: Mutex::new(partitions),
            thread: Mutex::new(None),
        });
        let committing = Arc::clone(&shared);
        // `close` joins it; it ends by itself when the last store and topic are dropped.
        let thread = std::thread::Builder::new().name("kipo-log".into()).spawn(move || {
            while let Some(batch) = committing.queue.take() {
                lock(&committing.partitions).commit(batch);
            }
        });
        *lock(&shared.thread) = Some(thread.map_err(io)?);
        Ok(Self { _end: Arc::new(End(Arc::clone(&shared))), shared })
    }

    /// Commits and syncs the messages that wait, and releases the directory. Blocks until then.
    /// Topics of this store refuse further messages; their listeners go on reading.
    ///
    /// # Examples
    ///
    /// ```
    /// # use kipo_topic::Event;
    /// # struct N(u32);
    /// # impl Event for N {
    /// #     fn name(&self) -> &'static str { "n" }
    /// #     fn write_data(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
    /// #         serde_json::to_writer(out, &self.0)
    /// #     }
    /// # }
    /// use kipo_topic::{Durability, PublishError, Store, Topic};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let (store, topic) = (Store::in_memory(), Topic::durable("numbers", Durability::Fsync));
    /// topic.open(&store).unwrap();
    /// topic.publish(&N(7)).await?;
    /// store.close();
    ///
    /// // Listeners go on; publishers get an error.
    /// assert_eq!(topic.history().len(), 1);
    /// let refused = topic.publish(&N(8)).await.unwrap_err();
    /// assert!(matches!(refused, PublishError::Unavailable(_)));
    /// # Ok::<_, kipo_topic::PublishError>(()) }).unwrap();
    /// ```
    pub fn close(&self) {
        if !self.end_thread() {
            return;
        }
        let mut partitions = lock(&self.shared.partitions);
        let ended = end(&mut *partitions.engine);
        if let Err(error) = ended {
            tracing::warn!(store = self.shared.location, %error, "the store could not be closed");
        }
        partitions.engine = Box::new(Memory::default());
    }

    /// Ends the thread after it has committed the messages that wait. Returns false if it had
    /// ended before.
    pub(crate) fn end_thread(&self) -> bool {
        self.shared.queue.close();
        let Some(thread) = lock(&self.shared.thread).take() else { return false };
        if thread.join().is_err() {
            tracing::error!(store = self.shared.location, "the committing thread panicked");
        }
        true
    }

    /// Reads a topic, or creates it. Truncates torn records, and logs how many.
    pub(crate) fn read(
        &self,
        name: &str,
        durability: Durability,
        retention: Retention,
    ) -> Result<(u32, Arc<Channel>), StoreError> {
        let mut partitions = lock(&self.shared.partitions);
        let io = |error| StoreError::Io(self.shared.location.clone().into(), error);
        let (id, generation) = identity(&mut *partitions.engine, name).map_err(io)?;
        if partitions.has(id) {
            return Err(StoreError::Taken(name.to_owned()));
        }
        let found = Found::read(&*partitions.engine, id, generation, &retention).map_err(io)?;
        let last = found.log.head().cursor.seq;
        if !found.torn.is_empty() {
            let truncated = found.torn.len();
            tracing::warn!(topic = name, truncated, last, "truncated torn records at the end");
            let changes = found.truncation(id);
            let engine = &mut partitions.engine;
            engine.write(&changes).and_then(|()| engine.sync()).map_err(io)?;
        }
        if found.unreachable > 0 {
            let unreachable = found.unreachable;
            tracing::warn!(topic = name, unreachable, "records before a broken one are not served");
        }
        if self.shared.was_open {
            tracing::info!(topic = name, last, "the topic goes on after its last whole record");
        }
        let (log, keys, rest) = found.split();
        let channel = Arc::new(Channel::new(retention, log, keys));
        partitions.add(Partition::new(id, Arc::clone(&channel), rest), durability);
        Ok((id, channel))
    }

    /// Publishes a message. Returns once it has reached its topic's durability.
    pub(crate) async fn publish(
        &self,
        partition: u32,
        draft: Draft,
        key: Option<Arc<str>>,
    ) -> Result<Cursor, NotCommitted> {
        let closed = || NotCommitted("the store is closed".into());
        let permit = Arc::clone(&self.shared.permits).acquire_owned().await.ok();
        let (reply, answer) = oneshot::channel();
        let submission = Submission { partition, draft, key, reply, permit };
        self.shared.queue.push(submission).map_err(|_| closed())?;
        answer.await.unwrap_or_else(|_| Err(closed()))
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("location", &self.shared.location).finish_non_exhaustive()
    }
}

/// Marks the store as open. Returns whether the process before did not close it.
fn begin(engine: &mut dyn Engine, location: &str) -> io::Result<bool> {
    let mut was_open = false;
    engine.scan(Space::Topics, STATE, &mut |_, state| was_open = state == b"open")?;
    if was_open {
        tracing::warn!(
            store = location,
            "the process before did not close the store: torn records are truncated"
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

/// Returns the id and the generation of a topic; a new topic gets both.
fn identity(engine: &mut dyn Engine, name: &str) -> io::Result<(u32, u64)> {
    let (mut existing, mut next) = (None, 0);
    engine.scan(Space::Topics, b"", &mut |key, value| {
        let Some((id, rest)) = value.split_first_chunk() else { return };
        let Some(generation) = rest.as_array() else { return };
        let id = u32::from_be_bytes(*id);
        next = next.max(id + 1);
        if key == name.as_bytes() {
            existing = Some((id, u64::from_be_bytes(*generation)));
        }
    })?;
    if let Some(existing) = existing {
        return Ok(existing);
    }
    let generation = generation::new(name);
    let mut value = next.to_be_bytes().to_vec();
    value.extend(generation.to_be_bytes());
    engine.write(&[Change::Put { space: Space::Topics, key: name.into(), value }])?;
    engine.sync()?;
    Ok((next, generation))
}
