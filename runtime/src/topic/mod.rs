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
//! # Closing
//!
//! A topic lives as long as its value, in most apps as long as the process. Messages are kept in
//! memory: a restart is a new generation, and listeners are told so.

mod cursor;
mod fingerprint;
mod log;
mod waiters;

use std::{
    fmt,
    future::poll_fn,
    hash::{BuildHasher, RandomState},
    marker::PhantomData,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    task::{Context as Task, Poll},
};

use bytes::Bytes;
use serde::de::DeserializeOwned;

use self::{
    log::{Log, Read, Record, Resume},
    waiters::Waiters,
};
use crate::{error::Result, event::Event, frame};

pub(crate) use self::log::Verdict;
pub use self::{
    cursor::{Cursor, NotACursor},
    log::{Gap, GapReason},
};

/// How many messages a topic keeps unless [`Topic::keep`] says otherwise.
pub const KEEP_DEFAULT: usize = 1000;

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
    keep: usize,
    /// Made with the first use: a static is built before there is randomness.
    generation: OnceLock<u64>,
    /// A std lock: no `.await` happens under it, and what does is a copy of 64 KiB at most.
    shared: Mutex<Shared>,
    events: PhantomData<fn(E) -> E>,
}

#[derive(Debug)]
struct Shared {
    log: Log,
    waiters: Waiters,
}

impl<E: Event> Topic<E> {
    /// Returns a topic without messages.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            keep: KEEP_DEFAULT,
            generation: OnceLock::new(),
            shared: Mutex::new(Shared { log: Log::new(), waiters: Waiters::new() }),
            events: PhantomData,
        }
    }

    /// Sets how many messages are kept, at least 1; [`KEEP_DEFAULT`] unless set.
    ///
    /// # Panics
    ///
    /// Panics if `messages` is 0: live listeners read from what is kept.
    #[must_use]
    pub const fn keep(mut self, messages: usize) -> Self {
        assert!(messages > 0, "a topic keeps at least one message");
        self.keep = messages;
        self
    }

    /// Appends an event and wakes the listeners. Returns the place the message really got; its
    /// text is the id of the event at every listener.
    ///
    /// # Errors
    ///
    /// When the event's payload has no form in JSON; nothing is published then.
    ///
    /// # Cancel safety
    ///
    /// The message is published as a whole or not at all. A future that was polled and dropped
    /// may have published it.
    pub async fn publish(&self, event: &E) -> Result<Cursor> {
        let (name, mut data) = (event.name(), Vec::new());
        event.write_data(&mut data)?;
        let cursor = self.append(name, &data);
        // A publisher in a loop lets others run, listeners among them.
        tokio::task::coop::consume_budget().await;
        Ok(cursor)
    }

    fn append(&self, event: &'static str, data: &[u8]) -> Cursor {
        // All that needs no lock comes first.
        let begun = frame::begin(event, data);
        let end = begun.len() - 1;
        let digest = fingerprint::digest(event, data);
        let generation = self.generation();

        let mut shared = self.lock();
        let range = end - data.len()..end;
        let cursor = shared.log.append(generation, self.keep, begun, event, range, digest);
        let sleepers = shared.waiters.take();
        drop(shared);
        // Woken listeners want the lock at once, so it is let go first.
        sleepers.into_iter().for_each(std::task::Waker::wake);
        cursor
    }

    /// Returns the messages that are kept, oldest first.
    #[must_use]
    pub fn history(&self) -> Vec<Message> {
        let generation = self.generation();
        let shared = self.lock();
        shared.log.kept().filter_map(|seq| message(&shared.log, generation, seq)).collect()
    }

    /// Returns a listener that goes on after `from`, the text of a [`Cursor`]; without one it
    /// starts with the oldest message kept.
    ///
    /// An id that cannot be granted gives a [`Next::Gap`] first, and never an error.
    #[must_use]
    pub fn subscribe(&self, from: Option<&str>) -> Subscription<'_, E> {
        let generation = self.generation();
        let mut shared = self.lock();
        let resume = shared.log.resume(generation, from);
        let place = shared.waiters.enter();
        let gap = match resume.verdict {
            Verdict::Gap(gap) => Some(gap),
            Verdict::Fresh | Verdict::Resumed => None,
        };
        Subscription { topic: self, place, seq: resume.from.seq, gap, resume }
    }

    /// Returns the topic's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Returns how many listeners follow the topic now.
    #[must_use]
    pub fn listeners(&self) -> usize {
        self.lock().waiters.len()
    }

    fn generation(&self) -> u64 {
        // The keys of `RandomState` come from the system's randomness.
        *self.generation.get_or_init(|| RandomState::new().hash_one(self.name))
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        // What runs under the lock panics only for want of memory.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<E> fmt::Debug for Topic<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Topic").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A listener's place in a topic.
pub struct Subscription<'t, E: Event> {
    topic: &'t Topic<E>,
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
    Gap(Gap),
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
        let generation = self.topic.generation();
        poll_fn(|task| {
            self.poll(task, |seq, log| match log.read(*seq) {
                Read::Frames { .. } => {
                    *seq += 1;
                    message(log, generation, *seq).map(Next::Message)
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
            return Batch::Gap(gap);
        }
        poll_fn(|task| {
            self.poll(task, |seq, log| {
                let (batch, to) = match log.read(*seq) {
                    Read::Frames { bytes, to } => (Batch::Frames(bytes), to),
                    Read::Trimmed { gap, to } => (Batch::Gap(gap), to),
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
        let mut shared = self.topic.lock();
        if let Some(given) = read(&mut self.seq, &shared.log) {
            return Poll::Ready(given);
        }
        shared.waiters.park(self.place, task.waker());
        Poll::Pending
    }
}

impl<E: Event> Drop for Subscription<'_, E> {
    fn drop(&mut self) {
        self.topic.lock().waiters.leave(self.place);
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
    event: &'static str,
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
    pub fn event(&self) -> &'static str {
        self.event
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
    /// When the data is not that of a `T`.
    pub fn json<T: DeserializeOwned>(&self) -> serde_json::Result<T> {
        serde_json::from_slice(&self.data)
    }
}

fn message(log: &Log, generation: u64, seq: u64) -> Option<Message> {
    let Record { frame, event, data, .. } = log.get(seq)?;
    let data = frame.slice(data.clone());
    Some(Message { cursor: log.cursor(generation, seq), event, data })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use schemars::SchemaGenerator;

    use super::*;
    use crate::event::EventType;

    /// An event whose data is a number.
    struct N(u64);

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
