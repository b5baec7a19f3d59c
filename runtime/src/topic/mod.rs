//! Topics: one log, listeners are places in it.
//!
//! A [`Topic`] is a numbered, bounded list of messages. There are no queues per listener: a
//! listener is a position. History, replay and live messages are the same read, so nothing slips
//! between "read the history" and "subscribe", and a slow listener costs a number.
//!
//! # Ordering
//!
//! Messages are numbered densely from 1 in the order in which [`Topic::publish`] appended them.
//! Every listener sees them in that order, each once.
//!
//! # Lagging
//!
//! A topic keeps its last messages ([`Topic::keep`]). A listener whose position is older than
//! what is kept is told so by one [`Gap`], with the number of messages it misses, and goes on
//! with the oldest one kept. It is never skipped silently.
//!
//! # Resuming
//!
//! A position has a text form, the [`Cursor`], which travels as the id of each event. It is
//! granted only if the message of that number has that fingerprint; otherwise the listener is
//! told why not ([`GapReason`]) and given all that is kept.
//!
//! # Durability
//!
//! A topic made by [`Topic::new`] lives in memory: a restart is a new generation, and listeners
//! are told so. One made by [`Topic::durable`] is in a [`Store`] as well, and goes on after a
//! restart with the same numbers and places; how much it survives is its [`Durability`]. A
//! message is shown to listeners when it is as safe as that, and not before.

mod channel;
mod clock;
mod commit;
mod cursor;
mod disk;
mod engine;
mod fingerprint;
mod keys;
mod log;
#[cfg(all(test, not(kipo_loom)))]
mod model;
mod registration;
mod retention;
mod shelf;
mod store;
mod waiters;

use std::{
    fmt,
    future::poll_fn,
    hash::{BuildHasher, RandomState},
    marker::PhantomData,
    sync::{Arc, OnceLock},
    task::{Context as Task, Poll},
    time::Duration,
};

use bytes::Bytes;
use serde::de::DeserializeOwned;

use self::{
    channel::Channel,
    commit::Unsaved,
    keys::{KEY_BYTES_MAX, Keys},
    log::{Draft, Head, Log, Read, Resume},
    retention::Retention,
};
use crate::{
    error::{Code, Error, Result},
    event::Event,
};

pub use self::{
    cursor::{Cursor, NotACursor},
    log::{Gap, GapReason},
    registration::TopicRegistration,
    store::{Store, StoreError},
};
pub(crate) use self::{
    log::Verdict,
    registration::{open_all, wrong_names},
};

/// How many messages a topic keeps unless [`Topic::keep`] says otherwise.
pub const KEEP_DEFAULT: usize = 1000;

/// How many bytes of messages a topic keeps unless [`Topic::keep_bytes`] says otherwise: 64 MiB.
pub const KEEP_BYTES_DEFAULT: usize = 64 * 1024 * 1024;

/// What a message survives once [`Topic::publish`] has answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Durability {
    /// Nothing: messages are gone with the process, and a restart is a new generation.
    Memory,
    /// The end of the process, `kill -9` included: the message is written. What the machine had
    /// not put on the disk when it lost power is gone; listeners that had seen it are told so
    /// ([`GapReason::Diverged`]).
    Os,
    /// The end of the machine too: the message is on the disk (`fdatasync`). Messages that come
    /// together share one sync.
    Fsync,
}

/// A numbered, bounded log of events that any number of listeners follow.
///
/// # Examples
///
/// ```
/// use kipo::{Event, Topic, topic::Next};
///
/// #[derive(Event)]
/// enum Room {
///     Said { text: String },
/// }
///
/// static ROOM: Topic<Room> = Topic::new("room").keep(2);
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let first = ROOM.publish(&Room::Said { text: "one".into() }).await?;
/// ROOM.publish(&Room::Said { text: "two".into() }).await?;
///
/// // A listener that saw the first message goes on with the second.
/// let mut listener = ROOM.subscribe(Some(&first.to_string()));
/// let Next::Message(message) = listener.next().await else { panic!("not a gap") };
/// assert_eq!((message.seq(), message.data()), (2, r#"{"text":"two"}"#));
///
/// // One that comes back too late is told what it misses.
/// for text in ["three", "four"] {
///     ROOM.publish(&Room::Said { text: text.into() }).await?;
/// }
/// let mut late = ROOM.subscribe(Some(&first.to_string()));
/// let Next::Gap(gap) = late.next().await else { panic!("a gap") };
/// assert_eq!((gap.missed, gap.first), (Some(1), 3));
/// # kipo::Result::<()>::Ok(()) }).unwrap();
/// ```
pub struct Topic<E> {
    name: &'static str,
    durability: Durability,
    keep: Retention,
    /// Made with the first use: a static is built before there is randomness, or a store.
    room: OnceLock<Room>,
    events: PhantomData<fn(E) -> E>,
}

/// What a topic has at run time.
#[derive(Debug)]
struct Room {
    channel: Arc<Channel>,
    /// Where messages go before anybody sees them, for a durable topic that is open.
    store: Option<(Store, u32)>,
}

impl<E: Event> Topic<E> {
    /// Returns a topic without messages, which lives in memory.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self::durable(name, Durability::Memory)
    }

    /// Returns a topic whose messages survive what `durability` says.
    ///
    /// An app opens the topics that have [`#[topic]`](macro@crate::topic) above them. Others are
    /// opened by hand ([`open`](Self::open)). The name stands for the topic in its store, so it
    /// stays the same for as long as the messages shall.
    #[must_use]
    pub const fn durable(name: &'static str, durability: Durability) -> Self {
        let keep = Retention::DEFAULT;
        Self { name, durability, keep, room: OnceLock::new(), events: PhantomData }
    }

    /// Sets how many messages are kept, at least 1; [`KEEP_DEFAULT`] unless set.
    ///
    /// # Panics
    ///
    /// Panics if `messages` is 0: live listeners read from what is kept.
    #[must_use]
    pub const fn keep(mut self, messages: usize) -> Self {
        assert!(messages > 0, "a topic keeps at least one message");
        self.keep.count = messages;
        self
    }

    /// Sets how many bytes of messages are kept, as they travel; [`KEEP_BYTES_DEFAULT`] unless
    /// set. The newest message is kept whatever its size. All that is kept is in memory, that
    /// of durable topics too.
    #[must_use]
    pub const fn keep_bytes(mut self, bytes: usize) -> Self {
        self.keep.bytes = bytes;
        self
    }

    /// Sets for how long messages are kept, in whole milliseconds; for ever unless set. No older
    /// one is given to anybody; it leaves the disk with the next message that is published.
    #[must_use]
    pub const fn keep_for(mut self, time: Duration) -> Self {
        self.keep.age_ms = time.as_secs().saturating_mul(1000) + time.subsec_millis() as u64;
        self
    }

    /// Sets how many of the newest messages a listener is given that comes or comes back; all
    /// that are kept unless set. One that missed more is told so ([`GapReason::TooMany`]).
    #[must_use]
    pub const fn replay_max(mut self, messages: u64) -> Self {
        self.keep.replay_max = messages;
        self
    }

    /// Opens a durable topic in a store, with the messages that it has there. Does nothing for a
    /// topic in memory. Blocks while it reads.
    ///
    /// # Errors
    ///
    /// When the store cannot be read, has a topic of this name open already, or this topic was
    /// used or opened before.
    pub fn open(&self, store: &Store) -> Result<(), StoreError> {
        if self.durability == Durability::Memory {
            return Ok(());
        }
        if self.is_open() {
            return Err(StoreError::Late(self.name));
        }
        let (id, channel) = store.read(self.name, self.durability, self.keep)?;
        let room = Room { channel, store: Some((store.clone(), id)) };
        self.room.set(room).map_err(|_| StoreError::Late(self.name))
    }

    /// Appends an event and wakes the listeners. Returns the place the message really got; its
    /// text is the id of the event at every listener. By then the message is as safe as the
    /// topic's [`Durability`] says.
    ///
    /// # Errors
    ///
    /// When the event's payload has no form in JSON; nothing is published then. For a durable
    /// topic [`Code::Unavailable`] when the message could not be made safe: the disk is full or
    /// broken, or the topic is not open. Such a message may be published later, if it turns out
    /// to have reached the disk after all; [`publish_once`](Self::publish_once) makes trying
    /// again safe.
    ///
    /// # Cancel safety
    ///
    /// The message is published as a whole or not at all. A future that was polled and dropped
    /// may have published it, or may yet.
    pub async fn publish(&self, event: &E) -> Result<Cursor> {
        self.publish_once(None, event).await
    }

    /// Publishes as [`publish`](Self::publish) does, but only if no message was published with
    /// this key in the last 10 minutes (and the last 65,536 keys); otherwise answers the place
    /// of that message, whatever it said. Without a key it is the same as `publish`.
    ///
    /// The key is for a sender that does not know whether it was heard and tries again; see
    /// [`Context::idempotency_key`](crate::Context::idempotency_key). Keys are as durable as
    /// their messages.
    ///
    /// # Errors
    ///
    /// As for `publish`; and [`Code::BadRequest`] for a key that is empty or longer than 128
    /// bytes.
    ///
    /// # Cancel safety
    ///
    /// As for `publish`.
    ///
    /// # Examples
    ///
    /// ```
    /// use kipo::{Event, Topic};
    ///
    /// #[derive(Event)]
    /// enum Room {
    ///     Said(String),
    /// }
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let room = Topic::new("room");
    /// let first = room.publish_once(Some("7f3a"), &Room::Said("hello".into())).await?;
    /// let again = room.publish_once(Some("7f3a"), &Room::Said("hello".into())).await?;
    /// assert_eq!(first, again);
    /// assert_eq!(room.history().len(), 1);
    /// # kipo::Result::<()>::Ok(()) }).unwrap();
    /// ```
    pub async fn publish_once(&self, key: Option<&str>, event: &E) -> Result<Cursor> {
        if key.is_some_and(|key| key.is_empty() || key.len() > KEY_BYTES_MAX) {
            let message = format!("a key that publishes once has 1 to {KEY_BYTES_MAX} bytes");
            return Err(Error::bad_request(message));
        }
        let (name, mut data) = (event.name(), Vec::new());
        event.write_data(&mut data)?;
        // All that needs no lock comes first.
        let draft = Draft::new(name, &data);
        let key = key.map(Arc::from);
        let room = self.room();
        if self.durability == Durability::Memory {
            let cursor = room.channel.publish(draft, key);
            // A publisher in a loop lets others run, listeners among them.
            tokio::task::coop::consume_budget().await;
            return Ok(cursor);
        }
        let Some((store, id)) = &room.store else {
            return Err(Error::internal(format!(
                "the topic `{}` is durable and not open: put `#[kipo::topic]` above it, or call \
                 `Topic::open` (`kipo::testing::open_topics` in a test)",
                self.name
            )));
        };
        // The store has told the log.
        let unsaved = |why: Unsaved| {
            let message = "the message could not be saved";
            Error::new(Code::Unavailable, message).with_source(why.0.to_string())
        };
        store.publish(*id, draft, key).await.map_err(unsaved)
    }

    /// Returns the messages that are kept, oldest first.
    #[must_use]
    pub fn history(&self) -> Vec<Message> {
        let channel = &self.room().channel;
        channel.look(|log| log.kept().filter_map(|seq| message(log, seq)).collect())
    }

    /// Returns a listener that goes on after `from`, the text of a [`Cursor`]; without one it
    /// starts with the oldest message kept.
    ///
    /// An id that cannot be granted gives a [`Next::Gap`] first, and never an error.
    #[must_use]
    pub fn subscribe(&self, from: Option<&str>) -> Subscription<'_, E> {
        let channel = &*self.room().channel;
        let (place, resume) = channel.enter(from);
        let gap = match resume.verdict {
            Verdict::Gap(gap) => Some(gap),
            Verdict::Fresh | Verdict::Resumed => None,
        };
        Subscription { topic: self, channel, place, seq: resume.from.seq, gap, resume }
    }

    /// Returns the topic's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Returns what the topic's messages survive.
    #[must_use]
    pub fn durability(&self) -> Durability {
        self.durability
    }

    /// Returns how many listeners follow the topic now.
    #[must_use]
    pub fn listeners(&self) -> usize {
        self.room().channel.listeners()
    }

    /// Returns whether the topic was opened, or used.
    fn is_open(&self) -> bool {
        self.room.get().is_some()
    }

    fn room(&self) -> &Room {
        self.room.get_or_init(|| {
            let log = Log::after(Head::start(generation(self.name)));
            let channel = Arc::new(Channel::new(self.keep, log, Keys::default()));
            Room { channel, store: None }
        })
    }
}

/// Returns what tells one life of a topic from all others.
fn generation(name: &str) -> u64 {
    // The keys of `RandomState` come from the system's randomness.
    RandomState::new().hash_one(name)
}

impl<E> fmt::Debug for Topic<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Topic").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A listener's place in a topic.
pub struct Subscription<'t, E: Event> {
    topic: &'t Topic<E>,
    channel: &'t Channel,
    /// Its place among those who wait.
    place: usize,
    /// The number of the last message that was given.
    seq: u64,
    /// What the listener is told before the next message.
    gap: Option<Gap>,
    resume: Resume,
}

/// What a listener is given next.
#[derive(Clone, Debug)]
pub enum Next {
    /// The next message.
    Message(Message),
    /// Messages that it will not be given.
    Gap(Gap),
}

/// What a stream is given next: whole frames at once.
#[derive(Debug)]
pub(crate) enum Batch {
    Frames(Bytes),
    /// With the place that it leads to.
    Gap(Gap, Cursor),
}

impl<E: Event> Subscription<'_, E> {
    /// Waits for the next message, or for the news that some are missing.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a message is given when the future completes, and not before.
    pub async fn next(&mut self) -> Next {
        if let Some(gap) = self.gap.take() {
            return Next::Gap(gap);
        }
        poll_fn(|task| {
            self.poll(task, |seq, log| match log.read(*seq) {
                Read::Frames { .. } => {
                    *seq += 1;
                    message(log, *seq).map(Next::Message)
                }
                Read::Trimmed { gap, to } => {
                    *seq = to;
                    Some(Next::Gap(gap))
                }
                Read::Empty => None,
            })
        })
        .await
    }

    /// Waits for frames: all that are pending, up to 64 KiB, as one piece.
    ///
    /// Cancel safe as [`next`](Self::next) is.
    pub(crate) async fn next_batch(&mut self) -> Batch {
        if let Some(gap) = self.gap.take() {
            return Batch::Gap(gap, self.resume.from);
        }
        poll_fn(|task| {
            self.poll(task, |seq, log| {
                let (batch, to) = match log.read(*seq) {
                    Read::Frames { bytes, to } => (Batch::Frames(bytes), to),
                    Read::Trimmed { gap, to } => (Batch::Gap(gap, log.cursor(to)), to),
                    Read::Empty => return None,
                };
                *seq = to;
                Some(batch)
            })
        })
        .await
    }

    /// Returns the place that the listener starts from, and why there.
    pub(crate) fn resume(&self) -> Resume {
        self.resume
    }

    /// Reads, or sleeps until there is something to read. Both happen under one lock, so that no
    /// message falls in between.
    fn poll<T>(
        &mut self,
        task: &Task<'_>,
        read: impl FnOnce(&mut u64, &Log) -> Option<T>,
    ) -> Poll<T> {
        let seq = &mut self.seq;
        self.channel.poll(self.place, task.waker(), |log| read(seq, log))
    }
}

impl<E: Event> Drop for Subscription<'_, E> {
    fn drop(&mut self) {
        self.channel.leave(self.place);
    }
}

impl<E: Event> fmt::Debug for Subscription<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("topic", &self.topic.name)
            .field("seq", &self.seq)
            .finish_non_exhaustive()
    }
}

/// One message of a topic, as it travels.
#[derive(Clone, Debug)]
pub struct Message {
    cursor: Cursor,
    /// UTF-8, as all names are.
    event: Bytes,
    /// UTF-8, as `serde_json` wrote it.
    data: Bytes,
}

impl Message {
    /// Returns the place after this message.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// Returns the message's number.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.cursor.seq
    }

    /// Returns the name of the event.
    #[must_use]
    pub fn event(&self) -> &str {
        std::str::from_utf8(&self.event).unwrap_or_default()
    }

    /// Returns the event's data as JSON.
    #[must_use]
    pub fn data(&self) -> &str {
        std::str::from_utf8(&self.data).unwrap_or_default()
    }

    /// Returns the event's data as a value.
    ///
    /// # Errors
    ///
    /// When the data is not that of a `T`: a message of a durable topic may be older than the
    /// type that it is read as.
    pub fn json<T: DeserializeOwned>(&self) -> serde_json::Result<T> {
        serde_json::from_slice(&self.data)
    }
}

fn message(log: &Log, seq: u64) -> Option<Message> {
    let record = log.get(seq)?;
    Some(Message { cursor: log.cursor(seq), event: record.event(), data: record.data() })
}

#[cfg(test)]
mod tests {
    use schemars::SchemaGenerator;

    use super::*;
    use crate::event::EventType;

    /// An event whose data is a number.
    pub(super) struct N(pub(super) u64);

    impl Event for N {
        fn name(&self) -> &'static str {
            "n"
        }

        fn write_data(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
            serde_json::to_writer(out, &self.0)
        }

        fn describe(_: &mut SchemaGenerator) -> Vec<EventType> {
            Vec::new()
        }
    }

    async fn number(listener: &mut Subscription<'_, N>) -> u64 {
        match listener.next().await {
            Next::Message(message) => message.json().unwrap(),
            Next::Gap(gap) => panic!("{gap:?}"),
        }
    }

    #[tokio::test]
    async fn history_and_live_are_one_sequence() {
        let topic = Topic::new("t").keep(10);
        topic.publish(&N(1)).await.unwrap();
        let mut listener = topic.subscribe(None);
        topic.publish(&N(2)).await.unwrap();
        assert_eq!((number(&mut listener).await, number(&mut listener).await), (1, 2));
        assert_eq!(topic.history().len(), 2);
    }

    #[tokio::test]
    async fn publish_answers_the_id_that_listeners_get() {
        let topic = Topic::new("t");
        let cursor = topic.publish(&N(1)).await.unwrap();
        let Next::Message(message) = topic.subscribe(None).next().await else { panic!() };
        assert_eq!(message.cursor(), cursor);
        assert!(topic.history()[0].cursor() == cursor);
    }

    #[tokio::test]
    async fn a_sleeper_is_woken() {
        let topic: Arc<Topic<N>> = Arc::new(Topic::new("t"));
        let listening = Arc::clone(&topic);
        let listener = tokio::spawn(async move { number(&mut listening.subscribe(None)).await });
        tokio::task::yield_now().await;
        topic.publish(&N(9)).await.unwrap();
        assert_eq!(listener.await.unwrap(), 9);
        assert_eq!(topic.listeners(), 0);
    }

    #[tokio::test]
    async fn a_slow_listener_is_told_what_it_misses_and_goes_on() {
        let topic = Topic::new("t").keep(2);
        let mut listener = topic.subscribe(None);
        for n in 1..=5 {
            topic.publish(&N(n)).await.unwrap();
        }
        let Next::Gap(gap) = listener.next().await else { panic!() };
        assert_eq!(gap, Gap { reason: GapReason::Trimmed, missed: Some(3), first: 4 });
        assert_eq!((number(&mut listener).await, number(&mut listener).await), (4, 5));
    }

    #[tokio::test]
    async fn all_that_is_pending_is_one_batch() {
        let topic = Topic::new("t");
        let mut listener = topic.subscribe(None);
        for n in 1..=3 {
            topic.publish(&N(n)).await.unwrap();
        }
        let Batch::Frames(bytes) = listener.next_batch().await else { panic!() };
        assert_eq!(bytes.windows(2).filter(|two| two == b"\n\n").count(), 3);
    }
}
