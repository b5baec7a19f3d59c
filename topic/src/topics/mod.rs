//! Families of topics: one for each board, document, room or user, made when it is first used.
//! `merged` reads several topics as one.

pub(crate) mod key;
pub(crate) mod merged;

use std::{
    borrow::Borrow,
    collections::{BTreeMap, HashSet},
    fmt,
    hash::{Hash, Hasher},
    marker::PhantomData,
    ops::Deref,
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use self::key::TopicKey;
use crate::{
    clock,
    error::{ReadError, StoreError},
    event::Event,
    log::{
        durability::Durability,
        retention::{Retained, Retention, Window},
    },
    member::{Family, Member, New, Settings},
    store::{Store, Use, partition::Partition},
    sync::{Mutex, lock},
    topic::Topic,
};

/// How many topics of a family are in memory unless [`Topics::loaded_max`] says otherwise.
///
/// # Examples
///
/// ```
/// assert_eq!(kipo_topic::LOADED_MAX_DEFAULT, 10_000);
/// ```
pub const LOADED_MAX_DEFAULT: usize = 10_000;

/// The longest key of a topic, in bytes.
const TOPIC_KEY_BYTES_MAX: usize = 128;

/// How long a topic that nobody uses stays in memory, in milliseconds.
const IDLE_MS: u64 = 60_000;

/// One topic for each key of type `K`, made when it is first used.
///
/// A topic exists from its first message on. One that nobody listens to or publishes to leaves
/// memory after a minute, or when the family has too many, least recently used first; in a store it
/// stays. Each topic has its own numbers, generation and fingerprints.
///
/// # Examples
///
/// ```
/// # use kipo_topic::Event;
/// use kipo_topic::{Durability, Next, Store, Topics};
/// # struct Moved(&'static str);
/// # impl Event for Moved {
/// #     fn name(&self) -> &'static str { "moved" }
/// #     fn write_data(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
/// #         serde_json::to_writer(out, self.0)
/// #     }
/// # }
///
/// static BOARDS: Topics<u64, Moved> = Topics::durable("board", Durability::Fsync).keep(500);
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// # let store = Store::in_memory();
/// BOARDS.open(&store)?;
/// BOARDS.of(&7).publish(&Moved("card")).await?;
/// BOARDS.of(&8).publish(&Moved("list")).await?;
///
/// let mut listener = BOARDS.of(&7).subscribe(None).await?;
/// let Next::Message(message) = listener.next().await else { panic!("a message") };
/// assert_eq!((message.seq(), message.data()), (1, r#""card""#));
///
/// // The keys in the order of their text, a page at a time.
/// assert_eq!(BOARDS.list("", None, 10).await?, [7, 8]);
///
/// // A topic that is removed ends its listeners.
/// BOARDS.remove(&7).await?;
/// assert!(matches!(listener.next().await, Next::Removed));
/// assert_eq!(BOARDS.list("", None, 10).await?, [8]);
/// # Ok::<_, Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
pub struct Topics<K, E> {
    name: &'static str,
    durability: Durability,
    retention: Retention,
    /// How many messages the topic of a key retains, where that is not the same for all.
    keep_by: Option<fn(&str) -> usize>,
    loaded_max: usize,
    store: OnceLock<Store>,
    loaded: OnceLock<Arc<Mutex<Loaded>>>,
    keys: PhantomData<fn(K) -> K>,
    events: PhantomData<fn(E) -> E>,
}

/// The topics that are in memory, by their keys.
#[derive(Default)]
struct Loaded {
    topics: HashSet<Slot>,
    /// What topics have in common, by how many messages they retain.
    settings: BTreeMap<usize, Arc<Settings>>,
    /// When idle topics were looked for, in milliseconds since 1970.
    swept_ms: u64,
}

/// A topic that is in memory. It is found by its key, which is the end of its name: a key of its own
/// would be a second copy of that text for each topic.
struct Slot {
    topic: Member,
    /// Written under the lock of the topics.
    used_ms: AtomicU64,
}

impl Slot {
    fn used_ms(&self) -> u64 {
        self.used_ms.load(Ordering::Relaxed)
    }
}

impl Borrow<str> for Slot {
    fn borrow(&self) -> &str {
        self.topic.key()
    }
}

impl Hash for Slot {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.topic.key().hash(state);
    }
}

impl PartialEq for Slot {
    fn eq(&self, other: &Self) -> bool {
        self.topic.key() == other.topic.key()
    }
}

impl Eq for Slot {}

/// One topic of a family: a [`Topic`], which stays in memory while this is held.
///
/// # Examples
///
/// See [`Topics`].
pub struct Keyed<E>(Topic<E>);

/// How much of a family is in memory.
///
/// # Examples
///
/// See [`Topics::in_memory`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InMemory {
    /// How many topics.
    pub topics: usize,
    /// How many of these topics have listeners.
    pub followed: usize,
    /// How many listeners they have.
    pub listeners: usize,
    /// How many messages they have had ([`Topic::published`]).
    pub published: u64,
}

impl<E> Deref for Keyed<E> {
    type Target = Topic<E>;

    fn deref(&self) -> &Topic<E> {
        &self.0
    }
}

impl<E> AsRef<Topic<E>> for Keyed<E> {
    fn as_ref(&self) -> &Topic<E> {
        self
    }
}

impl<E> Clone for Keyed<E> {
    fn clone(&self) -> Self {
        Self(self.0.again())
    }
}

impl<E> fmt::Debug for Keyed<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<K: TopicKey, E: Event> Topics<K, E> {
    /// Returns a family whose topics live in memory. One that leaves memory is gone: who listens to
    /// it again reads a gap.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self::durable(name, Durability::Memory)
    }

    /// Returns a family whose topics live in a [`Store`], at a level of durability.
    #[must_use]
    pub const fn durable(name: &'static str, durability: Durability) -> Self {
        Self {
            name,
            durability,
            retention: Retention::DEFAULT,
            keep_by: None,
            loaded_max: LOADED_MAX_DEFAULT,
            store: OnceLock::new(),
            loaded: OnceLock::new(),
            keys: PhantomData,
            events: PhantomData,
        }
    }

    /// Sets how many messages each topic retains; [`KEEP_DEFAULT`](crate::KEEP_DEFAULT) unless set.
    ///
    /// # Panics
    ///
    /// Panics if it is 0.
    #[must_use]
    pub const fn keep(mut self, messages: usize) -> Self {
        self.retention = self.retention.keep(messages);
        self
    }

    /// Sets how many messages the topic of each key retains, at least one, by the key's text.
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
    /// use kipo_topic::Topics;
    ///
    /// static ROOMS: Topics<String, N> =
    ///     Topics::new("room").keep_by(|key| if key == "lobby" { 1 } else { 100 });
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// for n in 1..=3 {
    ///     ROOMS.of("lobby").publish(&N(n)).await?;
    ///     ROOMS.of("attic").publish(&N(n)).await?;
    /// }
    /// assert_eq!(ROOMS.of("lobby").history().await?.len(), 1);
    /// assert_eq!(ROOMS.of("attic").history().await?.len(), 3);
    /// # Ok::<_, Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    #[must_use]
    pub const fn keep_by(mut self, messages: fn(&str) -> usize) -> Self {
        self.keep_by = Some(messages);
        self
    }

    /// Sets how many bytes of messages each topic retains.
    #[must_use]
    pub const fn keep_bytes(mut self, bytes: usize) -> Self {
        self.retention.bytes = bytes;
        self
    }

    /// Sets how long each topic retains a message.
    #[must_use]
    pub const fn keep_for(mut self, time: Duration) -> Self {
        self.retention = self.retention.keep_for(time);
        self
    }

    /// Sets how many of the retained messages of each topic are in memory, as
    /// [`Topic::window`] does.
    ///
    /// # Panics
    ///
    /// Panics if it is 0.
    #[must_use]
    pub const fn window(mut self, messages: usize) -> Self {
        self.retention = self.retention.window(messages);
        self
    }

    /// Sets how many bytes of messages of each topic are in memory, as [`Topic::window_bytes`] does.
    #[must_use]
    pub const fn window_bytes(mut self, bytes: usize) -> Self {
        self.retention.window.bytes = bytes;
        self
    }

    /// Sets how many of the newest messages a topic replays to a listener that comes or comes back.
    #[must_use]
    pub const fn replay_max(mut self, messages: u64) -> Self {
        self.retention.replay_max = messages;
        self
    }

    /// Sets how many messages a publisher may be ahead of the listeners of a topic, as
    /// [`Topic::ahead_max`].
    #[must_use]
    pub const fn ahead_max(mut self, messages: u64) -> Self {
        self.retention.ahead_max = messages;
        self
    }

    /// Sets how many topics are in memory; those in use may be more.
    #[must_use]
    pub const fn loaded_max(mut self, topics: usize) -> Self {
        self.loaded_max = topics;
        self
    }

    /// Opens a durable family in a store. Reads nothing: topics are read when they are used. Does
    /// nothing for a family in memory.
    ///
    /// # Errors
    ///
    /// As for [`Topic::open`].
    pub fn open(&self, store: &Store) -> Result<(), StoreError> {
        if self.durability == Durability::Memory {
            return Ok(());
        }
        if self.is_open() {
            return Err(StoreError::Late(self.name.to_owned()));
        }
        store.claim(&Arc::from(self.name), Use::Family, self.durability)?;
        self.store.set(store.clone()).map_err(|_| StoreError::Late(self.name.to_owned()))
    }

    /// Returns the topic of a key.
    ///
    /// Never fails: a key of 0 or more than 128 bytes, or a durable family that is not open, is an
    /// error of what is done with the topic.
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
    /// use kipo_topic::{PublishError, Topics};
    ///
    /// static ROOMS: Topics<String, N> = Topics::new("room");
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// assert_eq!(ROOMS.of("attic").name(), "room/attic");
    /// let refused = ROOMS.of("").publish(&N(1)).await.unwrap_err();
    /// assert!(matches!(refused, PublishError::TopicKey));
    /// # });
    /// ```
    #[must_use]
    pub fn of<Q: TopicKey + ?Sized>(&self, key: &Q) -> Keyed<E>
    where
        K: Borrow<Q>,
    {
        let key = key.to_key();
        if !(1..=TOPIC_KEY_BYTES_MAX).contains(&key.len()) {
            return Keyed(Topic::without_key(self.durability));
        }
        let now_ms = clock::now_ms();
        let mut loaded = lock(self.loaded());
        if let Some(slot) = loaded.topics.get(&*key)
            && !slot.topic.is_ended()
        {
            slot.used_ms.store(now_ms, Ordering::Relaxed);
            return Keyed(Topic::of_family(slot.topic.clone()));
        }
        loaded.make_room(self.loaded_max, now_ms);
        let name: Arc<str> = self.topic_name(&key).into();
        let settings = self.settings(&mut loaded, &key);
        let topic = Member::New(Arc::new(New { name, settings, place: OnceLock::new() }));
        let used_ms = AtomicU64::new(now_ms);
        // Takes the place of one that has ended.
        loaded.topics.replace(Slot { topic: topic.clone(), used_ms });
        Keyed(Topic::of_family(topic))
    }

    /// Removes the topic of a key, on all nodes: its messages are gone, and its listeners end.
    /// Publishing to it again makes another topic.
    ///
    /// # Errors
    ///
    /// When the family is not open, or its engine does not answer.
    ///
    /// # Cancel safety
    ///
    /// A dropped future may have removed the topic.
    pub async fn remove<Q: TopicKey + ?Sized>(&self, key: &Q) -> Result<(), ReadError>
    where
        K: Borrow<Q>,
    {
        let key = key.to_key();
        if let Some(store) = self.opened()? {
            store.engine().remove(&self.topic_name(&key)).await?;
        }
        if let Some(slot) = lock(self.loaded()).topics.take(&*key) {
            slot.topic.end();
        }
        Ok(())
    }

    /// Returns keys of topics that have had a message: those whose text begins with `prefix` and
    /// sorts after that of `after` by its bytes, at most `limit`, in that order.
    ///
    /// # Errors
    ///
    /// When the family is not open, or its engine does not answer.
    pub async fn list(
        &self,
        prefix: &str,
        after: Option<&K>,
        limit: usize,
    ) -> Result<Vec<K>, ReadError> {
        let after = after.map(TopicKey::to_key).unwrap_or_default();
        let Some(store) = self.opened()? else {
            let loaded = lock(self.loaded());
            let wanted = |slot: &&Slot| {
                let key = slot.topic.key();
                key.starts_with(prefix) && *key > *after && slot.topic.published() > 0
            };
            let mut keys: Vec<_> =
                loaded.topics.iter().filter(wanted).map(|slot| slot.topic.key()).collect();
            keys.sort_unstable();
            return Ok(keys.into_iter().filter_map(|key| K::from_key(key)).take(limit).collect());
        };
        let below = self.topic_name("");
        let (prefix, after) = (format!("{below}{prefix}"), format!("{below}{after}"));
        let names = store.engine().list(&prefix, &after, limit).await?;
        // A name whose key is none of this type was published by an older version of the program.
        let keys = names.iter().filter_map(|name| K::from_key(name.strip_prefix(&below)?));
        Ok(keys.collect())
    }

    /// Counts the topics that have had a message, up to `max`: a store may have a million.
    ///
    /// # Errors
    ///
    /// As for [`list`](Self::list).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
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
    /// use kipo_topic::Topics;
    ///
    /// static BOARDS: Topics<u64, N> = Topics::new("board");
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// for board in 1..=3 {
    ///     BOARDS.of(&board).publish(&N(1)).await?;
    /// }
    /// assert_eq!(BOARDS.of(&4).published(), 0);
    /// assert_eq!((BOARDS.count(100).await?, BOARDS.count(2).await?), (3, 2));
    /// # Ok::<_, Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    pub async fn count(&self, max: usize) -> Result<usize, ReadError> {
        let Some(store) = self.opened()? else {
            let loaded = lock(self.loaded());
            let published = loaded.topics.iter().filter(|slot| slot.topic.published() > 0);
            return Ok(published.take(max).count());
        };
        let below = self.topic_name("");
        Ok(store.engine().list(&below, &below, max).await?.len())
    }

    /// Returns the family's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Returns what the messages of its topics survive.
    #[must_use]
    pub fn durability(&self) -> Durability {
        self.durability
    }

    /// Returns whether the family was opened, or needs no store.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.durability == Durability::Memory || self.store.get().is_some()
    }

    /// Counts the topics that are in memory now. It reads nothing from the store.
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
    /// use kipo_topic::{InMemory, Topics};
    ///
    /// static ROOMS: Topics<String, N> = Topics::new("room");
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// ROOMS.of("attic").publish(&N(1)).await?;
    /// ROOMS.of("attic").publish(&N(2)).await?;
    /// ROOMS.of("cellar").publish(&N(3)).await?;
    /// let _listeners = (ROOMS.of("attic").subscribe(None).await?, ROOMS.of("attic").subscribe(None).await?);
    /// assert_eq!(
    ///     ROOMS.in_memory(),
    ///     InMemory { topics: 2, followed: 1, listeners: 2, published: 3 }
    /// );
    /// # Ok::<_, Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    #[must_use]
    pub fn in_memory(&self) -> InMemory {
        let loaded = lock(self.loaded());
        let mut counts = InMemory { topics: loaded.topics.len(), ..InMemory::default() };
        for Slot { topic, .. } in &loaded.topics {
            let listeners = topic.listeners();
            counts.followed += usize::from(listeners > 0);
            counts.listeners += listeners;
            counts.published += topic.published();
        }
        counts
    }

    /// Returns how many messages the topics that are in memory now retain. It reads nothing from the
    /// store.
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
    /// use kipo_topic::Topics;
    ///
    /// static ROOMS: Topics<String, N> = Topics::new("room");
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// ROOMS.of("attic").publish(&N(1)).await?;
    /// ROOMS.of("cellar").publish(&N(2)).await?;
    /// assert_eq!(ROOMS.retained().messages, 2);
    /// # Ok::<_, kipo_topic::PublishError>(()) }).unwrap();
    /// ```
    #[must_use]
    pub fn retained(&self) -> Retained {
        let loaded = lock(self.loaded());
        loaded.topics.iter().fold(Retained::default(), |sum, Slot { topic, .. }| {
            let Retained { messages, bytes } = topic.retained();
            Retained { messages: sum.messages + messages, bytes: sum.bytes + bytes }
        })
    }

    fn topic_name(&self, key: &str) -> String {
        format!("{}/{key}", self.name)
    }

    /// Returns the store of a durable family.
    fn opened(&self) -> Result<Option<&Store>, ReadError> {
        if self.durability == Durability::Memory {
            return Ok(None);
        }
        self.store.get().map(Some).ok_or_else(|| ReadError::NotOpen(self.name.into()))
    }

    fn loaded(&self) -> &Arc<Mutex<Loaded>> {
        self.loaded.get_or_init(Arc::default)
    }

    /// Returns what the topic of a key has in common with others.
    fn settings(&self, loaded: &mut Loaded, key: &str) -> Arc<Settings> {
        let mut retention = self.retention;
        if let Some(keep_by) = self.keep_by {
            retention.count = keep_by(key).max(1);
        }
        let store = self.store.get().map(Store::shared);
        if let Some(settings) = loaded.settings.get(&retention.count)
            // The family may have been opened since.
            && settings.store.is_some() == store.is_some()
        {
            return Arc::clone(settings);
        }
        let durability = self.durability;
        if durability == Durability::Memory {
            // As their channels have it, so that these share it.
            retention.window = Window::ALL;
        }
        let (retention, store) = (Arc::new(retention), store.cloned());
        let family = Arc::downgrade(self.loaded()) as Weak<dyn Family>;
        #[expect(clippy::cast_possible_truncation, reason = "a name in a program is below 4 GiB")]
        let key_at = self.topic_name("").len() as u32;
        let settings = Arc::new(Settings { durability, retention, store, key_at, family });
        loaded.settings.insert(settings.retention.count, Arc::clone(&settings));
        settings
    }
}

impl Family for Mutex<Loaded> {
    fn loaded(&self, topic: &Arc<New>, partition: &Arc<Partition>) {
        let mut loaded = lock(self);
        let key_at = topic.settings.key_at;
        let Some(slot) = loaded.topics.take(&topic.name[key_at as usize..]) else { return };
        // Otherwise it was removed meanwhile, and this is another one.
        let is_same = matches!(&slot.topic, Member::New(new) if Arc::ptr_eq(new, topic));
        let stored = || Member::Stored(Arc::clone(partition), key_at);
        let topic = if is_same { stored() } else { slot.topic };
        loaded.topics.insert(Slot { topic, ..slot });
    }
}

impl Loaded {
    /// Drops topics that nobody uses: those that were used too long ago, and the least recently
    /// used of the others if there are too many.
    fn make_room(&mut self, max: usize, now_ms: u64) {
        let is_full = self.topics.len() >= max;
        let is_due = now_ms.saturating_sub(self.swept_ms) >= IDLE_MS;
        if !is_full && !is_due {
            return;
        }
        self.swept_ms = now_ms;
        let is_recent = |slot: &Slot| now_ms.saturating_sub(slot.used_ms()) < IDLE_MS;
        self.topics.retain(|slot| is_recent(slot) || !slot.topic.is_idle());
        let is_used = |settings: &Arc<Settings>| {
            Arc::strong_count(settings) > 1 || Arc::strong_count(&settings.retention) > 1
        };
        self.settings.retain(|_, settings| is_used(settings));
        if self.topics.len() < max {
            return;
        }
        // A tenth more than needed, so that the next new topics need not look again.
        let surplus = self.topics.len() + 1 - max + max / 10;
        let idle = self.topics.iter().filter(|slot| slot.topic.is_idle());
        let mut idle: Vec<_> = idle.map(|slot| (slot.used_ms(), slot.topic.key())).collect();
        idle.sort_unstable();
        let surplus: Vec<_> =
            idle.into_iter().take(surplus).map(|(_, key)| key.to_owned()).collect();
        for key in surplus {
            self.topics.remove(&*key);
        }
    }
}

impl<K, E> fmt::Debug for Topics<K, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Topics").field("name", &self.name).finish_non_exhaustive()
    }
}
