//! Numbered, bounded logs of events. Each listener is a position in the log.
//!
//! A [`Topic`] is a numbered list of messages that retains the newest ones. It has no queue for
//! each listener: a listener is a position. History, replay and live messages are the same read,
//! so no message falls between "read the history" and "subscribe", and a slow listener costs one
//! number.
//!
//! This crate knows no HTTP. A program without a web server can use it as it is:
//!
//! ```
//! # #[cfg(feature = "disk")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use kipo_topic::{Durability, Event, Next, Store, Topic};
//!
//! /// A reading of a thermometer, in degrees Celsius.
//! struct Reading(i16);
//!
//! impl Event for Reading {
//!     fn name(&self) -> &'static str {
//!         "reading"
//!     }
//!
//!     fn write_data(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
//!         serde_json::to_writer(out, &self.0)
//!     }
//! }
//!
//! fn topic(store: &Store) -> Result<Topic<Reading>, kipo_topic::StoreError> {
//!     let readings = Topic::durable("readings", Durability::Fsync).keep(10_000);
//!     readings.open(store)?;
//!     Ok(readings)
//! }
//!
//! # let folder = std::env::temp_dir().join(format!("kipo-topic-doc-{}", std::process::id()));
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! // Publish: the answer means that the message is on the disk.
//! let store = Store::open(&folder)?;
//! let readings = topic(&store)?;
//! readings.publish(&Reading(20)).await?;
//! readings.publish(&Reading(21)).await?;
//!
//! // Follow: a new listener starts with the oldest message.
//! let mut listener = readings.subscribe(None).await?;
//! let Next::Message(first) = listener.next().await else { panic!("no gap") };
//! assert_eq!((first.seq(), first.json::<i16>()?), (1, 20));
//! let position = first.cursor().to_string();
//! drop(listener);
//!
//! // Restart: another process opens the same directory and finds the same messages.
//! store.close();
//! drop(readings);
//! let store = Store::open(&folder)?;
//! let readings = topic(&store)?;
//! readings.publish(&Reading(22)).await?;
//!
//! // Resume: the listener goes on after the last message that it has seen.
//! let mut listener = readings.subscribe(Some(&position)).await?;
//! for (seq, degrees) in [(2, 21), (3, 22)] {
//!     let Next::Message(message) = listener.next().await else { panic!("no gap") };
//!     assert_eq!((message.seq(), message.json::<i16>()?), (seq, degrees));
//! }
//! # store.close();
//! # std::fs::remove_dir_all(&folder)?;
//! # Ok::<_, Box<dyn std::error::Error>>(()) })?;
//! # Ok(()) }
//! # #[cfg(not(feature = "disk"))]
//! # fn main() {}
//! ```
//!
//! # Ordering
//!
//! Messages have dense numbers from 1, in the order in which [`Topic::publish`] appended them.
//! Every listener reads them in that order, each once.
//!
//! # Lagging
//!
//! A topic retains its newest messages ([`Topic::keep`]). A listener whose position is older than
//! the oldest retained message reads one [`Gap`], with the number of messages that it misses, and
//! goes on with the oldest retained message. The topic never skips a message silently.
//!
//! # Memory
//!
//! The newest messages of a durable topic are in memory ([`Topic::window`]). A listener further behind
//! reads from the engine, a page at a time: the next one after the last one was read. Listeners that
//! need the same page share it.
//!
//! # Resuming
//!
//! A position has a text form, the [`Cursor`]. The topic grants it only if the message with that
//! number has that fingerprint. Otherwise the listener reads a [`Gap`] with the reason
//! ([`GapReason`]), and then everything that is retained.
//!
//! # Durability
//!
//! A topic made by [`Topic::new`] lives in memory: a restart is a new generation, and listeners
//! read a gap. A topic made by [`Topic::durable`] is in a [`Store`] as well, and goes on after a
//! restart with the same numbers and cursors. Its [`Durability`] says what its messages survive.
//! Listeners see a message only after it has reached the topic's durability level.
//!
//! # Closing
//!
//! A topic has no end: [`Subscription::next`] waits for as long as the listener wants. After
//! [`Store::close`] its durable topics refuse messages, and their listeners go on reading.
//!
//! # Features
//!
//! `disk` (default): [`Store::open`], a directory on disk by way of the crate `fjall`. Without it
//! there are topics in memory, and [`Store::in_memory`] for tests.

mod channel;
mod clock;
pub mod engine;
mod error;
mod event;
pub mod frame;
mod log;
mod member;
mod message;
#[cfg(all(test, not(kipo_loom)))]
mod model;
mod presence;
mod store;
mod subscription;
mod sync;
mod topic;
mod topics;

pub use self::{
    channel::{Delivery, Outlet, Seat},
    error::{PublishError, ReadError, StoreError},
    event::{Event, EventType},
    log::{
        cursor::{Cursor, ParseCursorError},
        durability::Durability,
        retention::{
            AHEAD_MAX_DEFAULT, KEEP_BYTES_DEFAULT, KEEP_DEFAULT, Retained, WINDOW_BYTES_DEFAULT,
            WINDOW_DEFAULT,
        },
        vector::{MERGED_MAX, ParsePositionsError, Positions},
        verdict::{Gap, GapReason, Resume, Verdict},
    },
    message::Message,
    presence::{Entered, Members, Presence},
    store::Store,
    subscription::{Batch, Next, Subscription},
    topic::Topic,
    topics::{
        InMemory, Keyed, LOADED_MAX_DEFAULT, Topics,
        key::TopicKey,
        merged::{Merged, MergedNext},
    },
};
