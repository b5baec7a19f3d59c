//! Where durable topics live: an engine, and the topics that are open in it.

mod letter;
mod loading;
pub(crate) mod partition;
mod peers;
mod shared;

#[cfg(feature = "disk")]
use std::path::Path;
use std::{collections::HashMap, fmt, sync::Arc};

pub(crate) use self::shared::Shared;
#[cfg(feature = "disk")]
use crate::engine::local::disk::{Disk, OpenError};
use crate::{
    engine::{
        Engine,
        local::{Local, key_value::KeyValue, memory::Memory},
    },
    error::StoreError,
    log::durability::Durability,
    sync::{Mutex, lock},
};

/// Where durable topics live: a directory held by one process, or an [engine](crate::engine) that
/// many nodes share.
///
/// An app of the crate `kipo` opens its own, named by `--data-dir` or `--engine`.
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
/// assert_eq!(log.history().await?[0].cursor(), cursor);
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
    /// The same engine as in `shared`, if it is one of this process: it closes without a runtime.
    local: Option<Arc<Local>>,
    names: Arc<Mutex<HashMap<Arc<str>, Use>>>,
    allows_weaker: bool,
}

/// What a name in a store is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    Topic,
    /// The topics of a family are named by it, a slash and their key.
    Family,
}

impl Store {
    /// Opens the directory at `path`, and creates it if it is missing. Blocks while it reads.
    ///
    /// Loading a topic truncates a torn record left by a killed process and logs it.
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

    /// Returns a store over an engine.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use kipo_topic::Store;
    ///
    /// // Two stores over one engine are two nodes. Here they are in one process.
    /// let one = Store::in_memory();
    /// let two = Store::on(Arc::clone(one.engine()));
    /// assert_eq!(two.engine().profile().id, one.engine().profile().id);
    /// ```
    #[must_use]
    pub fn on(engine: Arc<dyn Engine>) -> Self {
        Self::with(engine, None)
    }

    /// Accepts an engine that reaches a lower level of durability than a topic asks for.
    ///
    /// # Examples
    ///
    /// ```
    /// use kipo_topic::Store;
    ///
    /// let store = Store::in_memory().allow_weaker();
    /// ```
    #[must_use]
    pub fn allow_weaker(mut self) -> Self {
        self.allows_weaker = true;
        self
    }

    pub(crate) fn of(database: Box<dyn KeyValue>, name: &str) -> Result<Self, StoreError> {
        let local = Local::new(database, name);
        let local = Arc::new(local.map_err(|error| StoreError::Io(name.into(), error))?);
        Ok(Self::with(Arc::clone(&local) as Arc<dyn Engine>, Some(local)))
    }

    fn with(engine: Arc<dyn Engine>, local: Option<Arc<Local>>) -> Self {
        let shared = Arc::new(Shared::new(engine));
        Self { shared, local, names: Arc::default(), allows_weaker: false }
    }

    /// Returns the engine.
    ///
    /// # Examples
    ///
    /// ```
    /// use kipo_topic::Store;
    ///
    /// assert_eq!(Store::in_memory().engine().profile().name, "memory");
    /// ```
    #[must_use]
    pub fn engine(&self) -> &Arc<dyn Engine> {
        &self.shared.engine
    }

    /// Returns how many messages wait for the engine to append them. Publishers of more than 4096 wait
    /// in turn.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(kipo_topic::Store::in_memory().waiting(), 0);
    /// ```
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.shared.waiting()
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Takes a name for a topic or a family.
    pub(crate) fn claim(
        &self,
        name: &Arc<str>,
        usage: Use,
        durability: Durability,
    ) -> Result<(), StoreError> {
        let profile = self.shared.engine.profile();
        if profile.durability < durability && !self.allows_weaker {
            return Err(StoreError::Weaker {
                topic: name.to_string(),
                engine: profile.name.clone(),
                asked: durability,
                offered: profile.durability,
            });
        }
        let mut names = lock(&self.names);
        // A topic `board/7` and a family `board` would meet.
        let family = name.split_once('/').and_then(|(family, _)| names.get(family).copied());
        let below = format!("{name}/");
        let is_above =
            usage == Use::Family && names.keys().any(|other| other.starts_with(below.as_str()));
        if names.contains_key(name) || family == Some(Use::Family) || is_above {
            return Err(StoreError::Taken(name.to_string()));
        }
        names.insert(Arc::clone(name), usage);
        Ok(())
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
    /// assert_eq!(topic.history().await?.len(), 1);
    /// let refused = topic.publish(&N(8)).await.unwrap_err();
    /// assert!(matches!(refused, PublishError::Unavailable(_)));
    /// # Ok::<_, kipo_topic::PublishError>(()) }).unwrap();
    /// ```
    pub fn close(&self) {
        if let Some(local) = &self.local {
            local.close_now();
        }
    }

    /// Closes the store as [`close`](Self::close) does, for an engine of many nodes too.
    ///
    /// # Cancel safety
    ///
    /// The store closes if the future was polled, whether or not it completes.
    pub async fn shut_down(&self) {
        self.shared.engine.close().await;
    }

    /// Ends the engine as the end of the process would.
    #[cfg(all(test, not(kipo_loom)))]
    pub(crate) fn kill(&self) {
        if let Some(local) = &self.local {
            local.kill();
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("engine", &self.shared.engine).finish_non_exhaustive()
    }
}
