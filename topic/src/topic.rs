//! The topic: what a program publishes to and listens to.

use std::{
    fmt,
    marker::PhantomData,
    sync::{Arc, OnceLock},
    time::Duration,
};

use crate::{
    channel::Owner,
    error::{PublishError, ReadError, StoreError},
    event::Event,
    log::{
        cursor::Cursor,
        durability::Durability,
        keys,
        record::Draft,
        retention::{Retained, Retention},
    },
    member::{At, Member, Place},
    message::Message,
    store::{Shared, Store, Use},
    subscription::Subscription,
};

/// How much room the data of an event gets before it is written: that of most events. A buffer that
/// grows from nothing is moved again and again, and this one is gone with the call.
const DATA_BYTES: usize = 256;

/// A numbered, bounded log of events that any number of listeners follow.
///
/// # Examples
///
/// ```
/// # use kipo_topic::Event;
/// use kipo_topic::{Next, Topic};
/// # struct Said { text: &'static str }
/// # impl Event for Said {
/// #     fn name(&self) -> &'static str { "said" }
/// #     fn write_data(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
/// #         serde_json::to_writer(out, &serde_json::json!({ "text": self.text }))
/// #     }
/// # }
///
/// static ROOM: Topic<Said> = Topic::new("room").keep(2);
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let first = ROOM.publish(&Said { text: "one" }).await?;
/// ROOM.publish(&Said { text: "two" }).await?;
///
/// // A listener that saw the first message goes on with the second.
/// let mut listener = ROOM.subscribe(Some(&first.to_string())).await?;
/// let Next::Message(message) = listener.next().await else { panic!("not a gap") };
/// assert_eq!((message.seq(), message.data()), (2, r#"{"text":"two"}"#));
///
/// // A listener that comes back too late reads what it misses.
/// for text in ["three", "four"] {
///     ROOM.publish(&Said { text }).await?;
/// }
/// let mut late = ROOM.subscribe(Some(&first.to_string())).await?;
/// let Next::Gap(gap) = late.next().await else { panic!("a gap") };
/// assert_eq!((gap.missed, gap.first), (Some(1), 3));
/// # Ok::<_, kipo_topic::PublishError>(()) }).unwrap();
/// ```
pub struct Topic<E> {
    kind: Kind,
    events: PhantomData<fn(E) -> E>,
}

#[derive(Clone)]
enum Kind {
    Own(Own),
    /// One of a family.
    Member(Member),
    /// One of a family whose key can be none.
    NoKey(Durability),
}

/// A topic that is in no family.
#[derive(Clone)]
struct Own {
    name: &'static str,
    durability: Durability,
    retention: Retention,
    /// Nothing before a durable topic is opened.
    store: OnceLock<Arc<Shared>>,
    /// Made at first use: a static is built before there is randomness, or a store.
    place: OnceLock<Place>,
}

impl<E: Event> Topic<E> {
    /// Returns a topic without messages, which lives in memory.
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
    /// use kipo_topic::{Durability, Topic};
    ///
    /// let topic: Topic<N> = Topic::new("numbers");
    /// assert_eq!(topic.durability(), Durability::Memory);
    /// ```
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self::durable(name, Durability::Memory)
    }

    /// Returns a topic whose messages survive what `durability` says.
    ///
    /// It takes messages once it is [open](Self::open). In an app of the crate `kipo`, `#[topic]`
    /// above the `static` opens it at start. The name stands for the topic in its store: it stays
    /// the same for as long as its messages do.
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
    /// let topic = Topic::durable("numbers", Durability::Os);
    /// topic.open(&Store::in_memory()).unwrap();
    /// assert_eq!(topic.publish(&N(7)).await?.seq(), 1);
    /// # Ok::<_, kipo_topic::PublishError>(()) }).unwrap();
    /// ```
    #[must_use]
    pub const fn durable(name: &'static str, durability: Durability) -> Self {
        let own = Own {
            name,
            durability,
            retention: Retention::DEFAULT,
            store: OnceLock::new(),
            place: OnceLock::new(),
        };
        Self { kind: Kind::Own(own), events: PhantomData }
    }

    /// Sets how many messages the topic retains, at least 1; [`KEEP_DEFAULT`](crate::KEEP_DEFAULT)
    /// unless set.
    ///
    /// # Panics
    ///
    /// Panics if `messages` is 0: live listeners read from what is retained.
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
    /// use kipo_topic::Topic;
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let topic = Topic::new("numbers").keep(2);
    /// for n in 1..=3 {
    ///     topic.publish(&N(n)).await?;
    /// }
    /// let numbers: Vec<u64> = topic.history().await?.iter().map(|message| message.seq()).collect();
    /// assert_eq!(numbers, [2, 3]);
    /// # Ok::<_, kipo_topic::PublishError>(()) }).unwrap();
    /// ```
    #[must_use]
    pub const fn keep(mut self, messages: usize) -> Self {
        if let Kind::Own(own) = &mut self.kind {
            own.retention = own.retention.keep(messages);
        }
        self
    }

    /// Sets how many bytes of messages the topic retains, as they travel;
    /// [`KEEP_BYTES_DEFAULT`](crate::KEEP_BYTES_DEFAULT) unless set. It retains the newest message
    /// whatever its size.
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
    /// use kipo_topic::Topic;
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// // Each of these messages is about 50 bytes as it travels.
    /// let topic = Topic::new("numbers").keep_bytes(120);
    /// for n in 1..=9 {
    ///     topic.publish(&N(n)).await?;
    /// }
    /// assert_eq!(topic.history().await?.len(), 2);
    /// # Ok::<_, kipo_topic::PublishError>(()) }).unwrap();
    /// ```
    #[must_use]
    pub const fn keep_bytes(mut self, bytes: usize) -> Self {
        if let Kind::Own(own) = &mut self.kind {
            own.retention.bytes = bytes;
        }
        self
    }

    /// Sets how many of the retained messages of a durable topic are in memory, at least 1: the newest
    /// ones, [`WINDOW_DEFAULT`](crate::WINDOW_DEFAULT) unless set.
    ///
    /// A listener reads older messages from the engine, a page at a time, until it meets those in
    /// memory. Of each older message 16 bytes stay in memory. A topic that lives in memory has
    /// everything there that it retains; so has one that is loaded outside of a Tokio runtime.
    ///
    /// # Panics
    ///
    /// Panics if `messages` is 0.
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
    /// use kipo_topic::{Durability, Next, Store, Topic};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let topic = Topic::durable("numbers", Durability::Os).keep(100_000).window(10);
    /// topic.open(&Store::in_memory()).unwrap();
    /// for n in 1..=100 {
    ///     topic.publish(&N(n)).await?;
    /// }
    /// // The first 90 come from the engine.
    /// let mut listener = topic.subscribe(None).await?;
    /// for seq in 1..=100 {
    ///     let Next::Message(message) = listener.next().await else { panic!("no gap") };
    ///     assert_eq!(message.seq(), seq);
    /// }
    /// # Ok::<_, kipo_topic::PublishError>(()) }).unwrap();
    /// ```
    #[must_use]
    pub const fn window(mut self, messages: usize) -> Self {
        if let Kind::Own(own) = &mut self.kind {
            own.retention = own.retention.window(messages);
        }
        self
    }

    /// Sets how many bytes of messages of a durable topic are in memory, as they travel;
    /// [`WINDOW_BYTES_DEFAULT`](crate::WINDOW_BYTES_DEFAULT) unless set. The newest message is in
    /// memory whatever its size.
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
    /// let topic = Topic::durable("numbers", Durability::Os).window_bytes(1_000);
    /// topic.open(&Store::in_memory()).unwrap();
    /// for n in 1..=100 {
    ///     topic.publish(&N(n)).await?;
    /// }
    /// assert_eq!(topic.history().await?.len(), 100);
    /// # Ok::<_, kipo_topic::PublishError>(()) }).unwrap();
    /// ```
    #[must_use]
    pub const fn window_bytes(mut self, bytes: usize) -> Self {
        if let Kind::Own(own) = &mut self.kind {
            own.retention.window.bytes = bytes;
        }
        self
    }

    /// Sets for how long the topic retains messages, in whole milliseconds; for ever unless set.
    /// No listener reads an older one; it leaves the disk when the next message is published.
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
    /// use std::time::Duration;
    ///
    /// use kipo_topic::Topic;
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let topic = Topic::new("numbers").keep_for(Duration::ZERO);
    /// topic.publish(&N(1)).await?;
    /// std::thread::sleep(Duration::from_millis(2));
    /// assert!(topic.history().await?.is_empty());
    ///
    /// // The numbers go on.
    /// assert_eq!(topic.publish(&N(2)).await?.seq(), 2);
    /// # Ok::<_, kipo_topic::PublishError>(()) }).unwrap();
    /// ```
    #[must_use]
    pub const fn keep_for(mut self, time: Duration) -> Self {
        if let Kind::Own(own) = &mut self.kind {
            own.retention = own.retention.keep_for(time);
        }
        self
    }

    /// Sets how many of the newest messages the topic replays to a listener that comes or comes
    /// back; all that are retained unless set. A listener that missed more reads a gap
    /// ([`GapReason::TooMany`](crate::GapReason::TooMany)).
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
    /// use kipo_topic::{GapReason, Next, Topic};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let topic = Topic::new("numbers").replay_max(1);
    /// let first = topic.publish(&N(1)).await?;
    /// for n in 2..=4 {
    ///     topic.publish(&N(n)).await?;
    /// }
    /// let Next::Gap(gap) = topic.subscribe(Some(&first.to_string())).await?.next().await else { panic!() };
    /// assert_eq!((gap.reason, gap.missed, gap.first), (GapReason::TooMany, Some(2), 4));
    /// # Ok::<_, kipo_topic::PublishError>(()) }).unwrap();
    /// ```
    #[must_use]
    pub const fn replay_max(mut self, messages: u64) -> Self {
        if let Kind::Own(own) = &mut self.kind {
            own.retention.replay_max = messages;
        }
        self
    }

    /// Sets how many messages [`publish`](Self::publish) may be ahead of the listeners, instead of
    /// [`AHEAD_MAX_DEFAULT`](crate::AHEAD_MAX_DEFAULT). A message is published as before; the publisher
    /// waits after that, until the others are written. So a publisher that is faster than its listeners
    /// can be written to is slowed a little, and no message is late by more than two and a half rounds of
    /// writes to all of them.
    ///
    /// This counts the listeners that the topic writes to by itself
    /// ([`Subscription::next_batch_through`]): those of streams that follow it unchanged, from some
    /// eight of them on. A listener that reads slowly delays nobody. `u64::MAX` lets publishers be as far
    /// ahead as they like; then more messages are written at once, which costs less for each.
    ///
    /// # Examples
    ///
    /// ```
    /// # use kipo_topic::Event;
    /// # struct Tick;
    /// # impl Event for Tick {
    /// #     fn name(&self) -> &'static str { "tick" }
    /// #     fn write_data(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
    /// #         serde_json::to_writer(out, &())
    /// #     }
    /// # }
    /// use kipo_topic::Topic;
    ///
    /// /// Thousands of small messages a second, of which none has to be there at once.
    /// static TICKS: Topic<Tick> = Topic::new("ticks").ahead_max(1_000);
    /// # assert_eq!(TICKS.listeners(), 0);
    /// ```
    #[must_use]
    pub const fn ahead_max(mut self, messages: u64) -> Self {
        if let Kind::Own(own) = &mut self.kind {
            own.retention.ahead_max = messages;
        }
        self
    }

    /// Opens a durable topic in a store: from now on it can be published to and read. What the store
    /// has of it is read at its first use, or by [`load`](Self::load). Does nothing for a topic in
    /// memory.
    ///
    /// # Errors
    ///
    /// When the store has a topic of this name open already, this topic was used or opened before,
    /// or the engine of the store reaches a lower durability
    /// ([`Store::allow_weaker`](crate::Store::allow_weaker)).
    ///
    /// # Examples
    ///
    /// See [`Store`].
    pub fn open(&self, store: &Store) -> Result<(), StoreError> {
        if self.durability() == Durability::Memory {
            return Ok(());
        }
        let late = || StoreError::Late(self.name().to_owned());
        let Kind::Own(own) = &self.kind else { return Err(late()) };
        if own.store.get().is_some() {
            return Err(late());
        }
        store.claim(&self.shared_name(), Use::Topic, own.durability)?;
        own.store.set(Arc::clone(store.shared())).map_err(|_| late())
    }

    /// Reads what the store has of the topic, unless that has happened.
    ///
    /// # Errors
    ///
    /// When the topic is not open, or its engine does not answer.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: another call reads it again.
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
    /// use kipo_topic::{Durability, ReadError, Store, Topic};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let topic: Topic<N> = Topic::durable("numbers", Durability::Os);
    /// assert!(matches!(topic.load().await, Err(ReadError::NotOpen(_))));
    /// topic.open(&Store::in_memory()).unwrap();
    /// topic.load().await?;
    /// # Ok::<_, ReadError>(()) }).unwrap();
    /// ```
    pub async fn load(&self) -> Result<(), ReadError> {
        self.place().await.map(drop)
    }

    /// Appends an event and wakes the listeners. Returns the position after the message; its text
    /// is the id of the event at every listener. By then the message has reached the topic's
    /// [`Durability`].
    ///
    /// # Errors
    ///
    /// [`PublishError::Encode`] when the event's payload has no form in JSON; nothing is published.
    /// For a durable topic [`PublishError::NotOpen`] when it is not open,
    /// [`PublishError::EngineUnavailable`] when the engine that many nodes share cannot be reached, and
    /// [`PublishError::Unavailable`] when the store did not take the message: the disk is full or
    /// broken. Such a message may be published later, if it turns out to have reached the disk;
    /// [`publish_once`](Self::publish_once) makes trying again safe.
    ///
    /// # Cancel safety
    ///
    /// The message is published as a whole or not at all. A future that was polled and dropped
    /// may have published it, or may yet.
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
    /// use kipo_topic::Topic;
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let topic = Topic::new("numbers");
    /// let cursor = topic.publish(&N(7)).await?;
    /// assert_eq!(topic.history().await?[0].cursor(), cursor);
    /// # Ok::<_, kipo_topic::PublishError>(()) }).unwrap();
    /// ```
    pub async fn publish(&self, event: &E) -> Result<Cursor, PublishError> {
        self.publish_once(None, event).await
    }

    /// Publishes as [`publish`](Self::publish) does, unless a message was published with this key
    /// in the last 10 minutes (and the last 65,536 keys); then it returns the position of that
    /// message, whatever its event was. Without a key it is the same as `publish`.
    ///
    /// The key is for a sender that lost the answer and sends again. Keys are as durable as their
    /// messages.
    ///
    /// # Errors
    ///
    /// As for `publish`; and [`PublishError::Key`] for a key that is empty, longer than 128 bytes, or
    /// begins with U+0000.
    ///
    /// # Cancel safety
    ///
    /// As for `publish`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use kipo_topic::Event;
    /// use kipo_topic::Topic;
    /// # struct Said(&'static str);
    /// # impl Event for Said {
    /// #     fn name(&self) -> &'static str { "said" }
    /// #     fn write_data(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
    /// #         serde_json::to_writer(out, self.0)
    /// #     }
    /// # }
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let room = Topic::new("room");
    /// let first = room.publish_once(Some("7f3a"), &Said("hello")).await?;
    /// let again = room.publish_once(Some("7f3a"), &Said("hello")).await?;
    /// assert_eq!(first, again);
    /// assert_eq!(room.history().await?.len(), 1);
    /// # Ok::<_, kipo_topic::PublishError>(()) }).unwrap();
    /// ```
    pub async fn publish_once(&self, key: Option<&str>, event: &E) -> Result<Cursor, PublishError> {
        if key.is_some_and(|key| !keys::is_sound(key)) {
            return Err(PublishError::Key);
        }
        let (name, mut data) = (event.name(), Vec::with_capacity(DATA_BYTES));
        event.write_data(&mut data).map_err(PublishError::Encode)?;
        // All that needs no lock comes first.
        let draft = if self.is_fresh() {
            // Most topics of a large family have one message.
            Draft::of_seq(name, &data, 1)
        } else {
            Draft::new(name, &data)
        };
        let key = key.map(Arc::from);
        let partition = match self.place().await? {
            At::Stored(partition) => partition,
            At::Memory(channel) => {
                let cursor = channel.publish(draft, key);
                // A publisher in a loop lets others run, listeners among them.
                tokio::task::coop::consume_budget().await;
                channel.wait_for_listeners(cursor).await;
                return Ok(cursor);
            }
        };
        let cursor = partition.publish(draft, key).await.map_err(|error| {
            let cause = error.to_string().into();
            if partition.is_shared() {
                PublishError::EngineUnavailable(cause)
            } else {
                PublishError::Unavailable(cause)
            }
        })?;
        partition.channel().wait_for_listeners(cursor).await;
        Ok(cursor)
    }

    /// Returns the messages that the topic retains, oldest first.
    ///
    /// # Errors
    ///
    /// As for [`subscribe`](Self::subscribe); and when some of them are not in memory
    /// ([`window`](Self::window)) and the engine does not answer.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it only reads.
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
    /// use kipo_topic::Topic;
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let topic = Topic::new("numbers");
    /// topic.publish(&N(7)).await?;
    /// assert_eq!(topic.history().await?[0].json::<u32>().unwrap(), 7);
    /// # Ok::<_, kipo_topic::PublishError>(()) }).unwrap();
    /// ```
    pub async fn history(&self) -> Result<Vec<Message>, ReadError> {
        match self.place().await? {
            At::Memory(channel) => Ok(channel
                .look(|log| log.retained().filter_map(|seq| Message::of(log, seq)).collect())),
            At::Stored(partition) => Ok(partition.history().await?),
        }
    }

    /// Returns the position after the newest message. A page that is rendered with it, and with
    /// what was published until then, goes on from exactly there.
    ///
    /// # Errors
    ///
    /// As for [`subscribe`](Self::subscribe).
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
    /// use kipo_topic::Topic;
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let topic = Topic::new("numbers");
    /// let cursor = topic.publish(&N(7)).await?;
    /// assert_eq!(topic.position().await.unwrap(), cursor);
    /// # Ok::<_, kipo_topic::PublishError>(()) }).unwrap();
    /// ```
    pub async fn position(&self) -> Result<Cursor, ReadError> {
        Ok(self.place().await?.channel().head().cursor)
    }

    /// Returns a listener that goes on after `from`, the text of a [`Cursor`]; without one it
    /// starts with the oldest retained message.
    ///
    /// A cursor that the topic cannot grant gives a gap first, and never an error.
    ///
    /// # Errors
    ///
    /// When a durable topic is not open, or is not loaded and its engine does not answer.
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
    /// use kipo_topic::{Next, Topic};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let topic = Topic::new("numbers");
    /// let first = topic.publish(&N(1)).await?;
    /// topic.publish(&N(2)).await?;
    ///
    /// let mut listener = topic.subscribe(Some(&first.to_string())).await?;
    /// let Next::Message(message) = listener.next().await else { panic!("no gap") };
    /// assert_eq!(message.seq(), 2);
    /// # Ok::<_, kipo_topic::PublishError>(()) }).unwrap();
    /// ```
    pub async fn subscribe(&self, from: Option<&str>) -> Result<Subscription<E>, ReadError> {
        Ok(Subscription::new(self.place().await?.owner(), from))
    }

    /// Returns the topic's name.
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
    /// use kipo_topic::Topic;
    ///
    /// let topic: Topic<N> = Topic::new("numbers");
    /// assert_eq!(topic.name(), "numbers");
    /// ```
    #[must_use]
    pub fn name(&self) -> &str {
        self.kind.name()
    }

    /// Returns what the topic's messages survive.
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
    /// use kipo_topic::{Durability, Topic};
    ///
    /// let topic: Topic<N> = Topic::durable("numbers", Durability::Fsync);
    /// assert_eq!(topic.durability(), Durability::Fsync);
    /// ```
    #[must_use]
    pub fn durability(&self) -> Durability {
        match &self.kind {
            Kind::Own(own) => own.durability,
            Kind::Member(member) => member.durability(),
            Kind::NoKey(durability) => *durability,
        }
    }

    /// Returns how many listeners follow the topic now.
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
    /// use kipo_topic::Topic;
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let topic: Topic<N> = Topic::new("numbers");
    /// let listener = topic.subscribe(None).await?;
    /// assert_eq!(topic.listeners(), 1);
    /// drop(listener);
    /// assert_eq!(topic.listeners(), 0);
    /// # Ok::<_, kipo_topic::ReadError>(()) }).unwrap();
    /// ```
    #[must_use]
    pub fn listeners(&self) -> usize {
        self.at().map_or(0, At::listeners)
    }

    /// Returns how many messages this generation of the topic has had, as far as this process knows:
    /// 0 if the topic is not in memory.
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
    /// use kipo_topic::Topic;
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let topic = Topic::new("numbers").keep(1);
    /// assert_eq!(topic.published(), 0);
    /// topic.publish(&N(7)).await?;
    /// topic.publish(&N(8)).await?;
    /// assert_eq!(topic.published(), 2);
    /// # Ok::<_, kipo_topic::PublishError>(()) }).unwrap();
    /// ```
    #[must_use]
    pub fn published(&self) -> u64 {
        self.at().map_or(0, At::published)
    }

    /// Returns how many messages the topic retains and how long their frames are, as far as this
    /// process knows: 0 if the topic is not in memory.
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
    /// use kipo_topic::Topic;
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let topic = Topic::new("numbers").keep(1);
    /// topic.publish(&N(7)).await?;
    /// topic.publish(&N(8)).await?;
    /// let retained = topic.retained();
    /// assert_eq!(retained.messages, 1);
    /// assert!(retained.bytes > 0);
    /// # Ok::<_, kipo_topic::PublishError>(()) }).unwrap();
    /// ```
    #[must_use]
    pub fn retained(&self) -> Retained {
        self.at().map_or_else(Retained::default, At::retained)
    }

    /// Returns whether the topic was opened, or used.
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
    /// let topic: Topic<N> = Topic::durable("numbers", Durability::Os);
    /// assert!(!topic.is_open());
    /// topic.open(&Store::in_memory()).unwrap();
    /// assert!(topic.is_open());
    /// ```
    #[must_use]
    pub fn is_open(&self) -> bool {
        match &self.kind {
            Kind::Own(own) => own.store.get().is_some() || own.place.get().is_some(),
            Kind::Member(Member::New(new)) => {
                new.settings.store.is_some() || new.place.get().is_some()
            }
            Kind::Member(Member::Stored(..)) => true,
            Kind::NoKey(_) => true,
        }
    }

    /// Returns whether nothing was published to the topic or read from it since it is in memory.
    fn is_fresh(&self) -> bool {
        self.at().is_none()
    }

    /// Returns where the messages are, if the topic is in memory.
    fn at(&self) -> Option<At<'_>> {
        match &self.kind {
            Kind::Own(own) => own.place.get().map(Place::at),
            Kind::Member(member) => member.at(),
            Kind::NoKey(_) => None,
        }
    }

    fn shared_name(&self) -> Arc<str> {
        match &self.kind {
            Kind::Member(member) => Arc::clone(member.name()),
            Kind::Own(_) | Kind::NoKey(_) => Arc::from(self.name()),
        }
    }

    /// Returns where the messages are. Loads the topic, if it is not in memory.
    async fn place(&self) -> Result<At<'_>, ReadError> {
        if let Some(at) = self.at() {
            return Ok(at);
        }
        match &self.kind {
            Kind::Own(own) => {
                let Own { durability, store, place, .. } = own;
                let retention = Arc::new(own.retention);
                Place::load(place, store.get(), self.shared_name(), *durability, retention).await
            }
            Kind::Member(Member::New(new)) => new.load().await,
            Kind::Member(Member::Stored(partition, _)) => Ok(At::Stored(partition)),
            Kind::NoKey(_) => Err(ReadError::TopicKey),
        }
    }
}

impl<E> Topic<E> {
    /// Returns a topic of a family.
    pub(crate) fn of_family(member: Member) -> Self {
        Self { kind: Kind::Member(member), events: PhantomData }
    }

    /// Returns a topic of a family whose key can be none.
    pub(crate) fn without_key(durability: Durability) -> Self {
        Self { kind: Kind::NoKey(durability), events: PhantomData }
    }

    /// Returns the same topic once more.
    pub(crate) fn again(&self) -> Self {
        Self { kind: self.kind.clone(), events: PhantomData }
    }
}

impl<E> AsRef<Self> for Topic<E> {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl<E> fmt::Debug for Topic<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Topic").field("name", &self.kind.name()).finish_non_exhaustive()
    }
}

impl Kind {
    fn name(&self) -> &str {
        match self {
            Self::Own(own) => own.name,
            Self::Member(member) => member.name(),
            Self::NoKey(_) => "",
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{
        log::verdict::{Gap, GapReason},
        subscription::{Batch, Next},
    };

    /// An event whose data is a number.
    pub(crate) struct N(pub(crate) u64);

    impl Event for N {
        fn name(&self) -> &'static str {
            "n"
        }

        fn write_data(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
            serde_json::to_writer(out, &self.0)
        }
    }

    async fn number(listener: &mut Subscription<N>) -> u64 {
        match listener.next().await {
            Next::Message(message) => message.json().unwrap(),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn history_and_live_are_one_sequence() {
        let topic = Topic::new("t").keep(10);
        topic.publish(&N(1)).await.unwrap();
        let mut listener = topic.subscribe(None).await.unwrap();
        topic.publish(&N(2)).await.unwrap();
        assert_eq!((number(&mut listener).await, number(&mut listener).await), (1, 2));
        assert_eq!(topic.history().await.unwrap().len(), 2);
    }

    #[tokio::test]
    async fn publish_returns_the_id_that_listeners_read() {
        let topic = Topic::new("t");
        let cursor = topic.publish(&N(1)).await.unwrap();
        let Next::Message(message) = topic.subscribe(None).await.unwrap().next().await else {
            panic!()
        };
        assert_eq!(message.cursor(), cursor);
        assert!(topic.history().await.unwrap()[0].cursor() == cursor);
    }

    #[tokio::test]
    async fn a_waiting_listener_is_woken() {
        let topic: Arc<Topic<N>> = Arc::new(Topic::new("t"));
        let listening = Arc::clone(&topic);
        let listener =
            tokio::spawn(
                async move { number(&mut listening.subscribe(None).await.unwrap()).await },
            );
        tokio::task::yield_now().await;
        topic.publish(&N(9)).await.unwrap();
        assert_eq!(listener.await.unwrap(), 9);
        assert_eq!(topic.listeners(), 0);
    }

    #[tokio::test]
    async fn a_slow_listener_reads_a_gap_and_goes_on() {
        let topic = Topic::new("t").keep(2);
        let mut listener = topic.subscribe(None).await.unwrap();
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
        let mut listener = topic.subscribe(None).await.unwrap();
        for n in 1..=3 {
            topic.publish(&N(n)).await.unwrap();
        }
        let Batch::Frames(bytes) = listener.next_batch().await else { panic!() };
        assert_eq!(bytes.windows(2).filter(|two| two == b"\n\n").count(), 3);
    }
}
