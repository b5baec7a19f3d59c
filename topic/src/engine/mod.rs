//! Engines: where topics are kept. An engine of one process is a directory or memory; an engine of
//! many nodes is a server such as NATS JetStream or Redis.
//!
//! An engine offers one thing above all: *append these entries if the head of this topic is still
//! this one*. From that, numbers are dense, histories are checked and resumed by cursor, and a key
//! publishes once, on any number of nodes. What a topic is to its listeners ([`Topic`](crate::Topic),
//! gaps, replay) is not the engine's concern.
//!
//! # Writing an engine
//!
//! Implement [`Engine`], then run the suite `conformance` (feature `conformance`) against it.
//! An engine stores each [`Entry`] as the bytes of [`Entry::encode`], under its topic and number,
//! and reads it with [`Entry::decode`], which checks it. It does not look inside. It may store the
//! entries of one append together ([`pack`] and [`unpack`]).
//!
//! What an acknowledged append means at each level:
//!
//! | [`Durability`] | the entries survive |
//! |---|---|
//! | `Memory` | nothing: topics at this level never reach an engine |
//! | `Os` | the end (`kill -9`) of the process that stores them |
//! | `Fsync` | a power loss: they are on the disk of as many machines as the engine needs to keep them |
//!
//! An engine says which level it reaches ([`Profile::durability`]). A topic that asks for more is
//! refused when it is opened ([`Store::allow_weaker`](crate::Store::allow_weaker) accepts less).

mod append;
#[cfg(feature = "conformance")]
pub mod conformance;
mod entry;
pub(crate) mod local;
mod packing;

use std::{fmt, pin::Pin, sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio::sync::watch;

pub(crate) use self::append::Answer;
pub use self::{
    append::{Append, AppendError, Outcome},
    entry::{Entry, Head},
    packing::{pack, span, unpack},
};
use crate::log::{cursor::Cursor, durability::Durability};

/// Where the topics of a [`Store`](crate::Store) are kept.
///
/// A topic, a small record and a counter of the same name are three different things.
///
/// All methods take a topic by name: 1 to 256 bytes of UTF-8 of any kind. An engine escapes what
/// its own names cannot hold. A topic exists from its first append on; before that it is read as
/// empty, with the head that [`Head::start`] gives for [`Profile::id`] and its name.
///
/// # Cancel safety
///
/// The future of every method may be dropped. A dropped write may have happened.
#[async_trait]
pub trait Engine: fmt::Debug + Send + Sync + 'static {
    /// Returns what this engine is. Constant while the engine is open.
    fn profile(&self) -> &Profile;

    /// Returns whether the engine can be reached, and how that changes. While it is
    /// [`Link::Down`] publishing fails at once.
    fn link(&self) -> watch::Receiver<Link>;

    /// Appends entries, all or none, if the head of the topic is still [`Append::after`]. The engine
    /// answers by [`Append::finish`], from any task or thread, and never waits for anything here.
    ///
    /// Appends to one topic come one after another: the next one after the last is answered.
    fn append(&self, append: Append);

    /// Reads a topic: its head, and the newest entries that follow number `after`, oldest first and
    /// without holes up to the head.
    ///
    /// An engine that has lost the older ones starts with the oldest that it has; one that finds a
    /// broken or foreign entry starts after it.
    async fn load(&self, topic: &str, after: u64) -> Result<Loaded, EngineError>;

    /// Reads entries that follow number `after`, oldest first and without holes: about `bytes` of
    /// them, and at least one if there is one. Starts with the oldest that there is.
    ///
    /// Listeners that need messages which are not in memory read them with this, so it takes no
    /// longer for a topic that has many. It may miss entries that were appended in the last seconds.
    async fn read(&self, topic: &str, after: u64, bytes: usize) -> Result<Vec<Entry>, EngineError>;

    /// Returns the heads of several topics, in their order. Engines of many nodes answer with what
    /// the newest acknowledged append left.
    async fn heads(&self, topics: &[Arc<str>]) -> Result<Vec<Head>, EngineError>;

    /// Passes entries that follow number `after` to `follower`, in order, once they are appended by
    /// whatever node at the level of [`Profile::durability`], until the returned guard is dropped; the follower is released with it. After a lost connection the engine goes
    /// on after the last entry that it has passed.
    ///
    /// An engine of one process has no other writers; it passes nothing.
    fn follow(&self, topic: Arc<str>, after: u64, follower: Arc<dyn Follower>) -> FollowGuard;

    /// Passes what other nodes [`send`](Self::send) to `node`, and to all nodes, to `mailbox`, until
    /// the returned guard is dropped. It may begin a little later, and it begins anew by itself after
    /// a lost connection.
    ///
    /// Nodes that append to one topic agree by such messages on the one that appends for all of them,
    /// which is quicker than refusing each other's appends. Nothing but speed depends on a message: an
    /// engine may lose it, pass it late, twice or out of order, and one that does none of this, as by
    /// default, is correct.
    fn listen(&self, node: u64, mailbox: Arc<dyn Mailbox>) -> FollowGuard {
        let (_, _) = (node, mailbox);
        FollowGuard::none()
    }

    /// Sends a message to the mailbox of a node, or of all nodes, the sender's own perhaps too. Never
    /// waits. Returns whether the message is on its way; one that is larger than the server takes is
    /// not. A message has at most [`MESSAGE_BYTES_MAX`] bytes, and some more for a name.
    fn send(&self, to: Option<u64>, message: Vec<u8>) -> bool {
        let (_, _) = (to, message);
        false
    }

    /// Removes entries with numbers below `before`, and may keep some of them. Never removes the
    /// newest one.
    async fn trim(&self, topic: &str, before: u64) -> Result<(), EngineError>;

    /// Removes a topic. If it is appended to again, it starts from number 1 with a new generation:
    /// its head until then is [`Head::start`] of that generation.
    async fn remove(&self, topic: &str) -> Result<(), EngineError>;

    /// Returns the names of topics that exist, begin with `prefix` and sort after `after` by their
    /// bytes: at most `limit`, in the order of their bytes.
    async fn list(
        &self,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<String>, EngineError>;

    /// Says that this process neither follows nor appends to a topic for now: an engine may forget
    /// what it has in memory of it.
    fn release(&self, topic: &str) {
        let _ = topic;
    }

    /// Stores a small record, at most [`RECORD_BYTES_MAX`], until `ttl` has passed.
    async fn put(&self, key: &str, value: &[u8], ttl: Duration) -> Result<(), EngineError>;

    /// Returns a small record that has not ended, with the time that it has left.
    async fn get(&self, key: &str) -> Result<Option<(Vec<u8>, Duration)>, EngineError>;

    /// Deletes a small record, if it is there.
    async fn delete(&self, key: &str) -> Result<(), EngineError>;

    /// Adds `by` to a counter and returns its value. A counter starts at 0 and ends `window` after
    /// its first addition.
    async fn count(&self, key: &str, by: u64, window: Duration) -> Result<u64, EngineError>;

    /// Finishes what was begun and releases what the engine holds. Later appends are refused.
    async fn close(&self);
}

/// The largest value of a small record, in bytes.
pub const RECORD_BYTES_MAX: usize = 64 * 1024;

/// The most bytes of a message between nodes, apart from the name of its topic.
pub const MESSAGE_BYTES_MAX: usize = 128 * 1024;

/// What an engine is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Profile {
    /// For people, in log lines: `disk data`, `nats://127.0.0.1:4222`.
    pub name: String,
    /// Identifies this engine's contents: made when they begin, and again when they are lost.
    pub id: u64,
    /// The highest level that an acknowledged append reaches.
    pub durability: Durability,
    /// Whether other processes append too. Then topics are followed and their heads checked.
    pub shared: bool,
    /// How many entries one append may have.
    pub append_max: usize,
    /// How many bytes the entries of one append may have together; a single entry may have more.
    pub append_bytes_max: usize,
}

impl Profile {
    /// Returns the profile of an engine of one process, without bounds on an append.
    #[must_use]
    pub fn new(name: impl Into<String>, id: u64, durability: Durability) -> Self {
        Self {
            name: name.into(),
            id,
            durability,
            shared: false,
            append_max: usize::MAX,
            append_bytes_max: usize::MAX,
        }
    }

    /// Makes it the profile of an engine that other processes append to as well, and that takes so
    /// many entries and bytes at once.
    #[must_use]
    pub fn shared(mut self, append_max: usize, append_bytes_max: usize) -> Self {
        (self.shared, self.append_max) = (true, append_max);
        self.append_bytes_max = append_bytes_max;
        self
    }
}

/// How a program connects to engines of one kind, by a URL. The crate of an engine has it as a
/// constant.
///
/// # Examples
///
/// ```
/// use kipo_topic::engine::{Connector, EngineError};
///
/// const NOWHERE: Connector = Connector {
///     schemes: &["nowhere"],
///     connect: |url| Box::pin(async move { Err(EngineError::unavailable(url)) }),
/// };
/// assert_eq!(NOWHERE.schemes, ["nowhere"]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Connector {
    /// The schemes of its URLs, such as `nats` and `tls`.
    pub schemes: &'static [&'static str],
    /// Connects to a URL. Fails within 10 seconds, with a sentence that says what would help, and
    /// that holds no password.
    pub connect: fn(url: String) -> Connecting,
}

/// An engine that is being connected to.
pub type Connecting =
    Pin<Box<dyn Future<Output = Result<Arc<dyn Engine>, EngineError>> + Send + 'static>>;

/// Whether an engine can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// It answers.
    Up,
    /// It does not, and the engine goes on trying.
    Down,
}

/// What an engine has of a topic.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The position after the newest entry.
    pub head: Head,
    /// The newest entries, oldest first, without holes up to the head.
    pub entries: Vec<Entry>,
    /// Keys that published once, of entries that are no longer there: each with its position and
    /// when it was published, in milliseconds since 1970, oldest first. Empty where keys ride on
    /// entries.
    pub keys: Vec<(Arc<str>, Cursor, u64)>,
}

impl Loaded {
    /// Returns whether this history goes on from a position: the entries are those that follow it.
    pub(crate) fn holds(&self, position: Cursor) -> bool {
        let starts = self.entries.first().map_or(self.head.cursor, Entry::before);
        starts == position || self.entries.iter().any(|entry| entry.cursor() == position)
    }
}

/// Takes what an engine passes while a topic is followed.
pub trait Follower: Send + Sync {
    /// Takes entries in order. The first may be one that was passed before. After
    /// [`uncertain`](Self::uncertain) they may be those of another history.
    fn entries(&self, entries: Vec<Entry>);

    /// Takes the news that entries may be missing or that the log may be another one: its reader
    /// has to look at the head.
    fn uncertain(&self);
}

/// Takes what other nodes send to this one.
pub trait Mailbox: Send + Sync {
    /// Takes a message. It may be anybody's who may use the engine's server, and is checked here.
    /// Returns soon.
    fn deliver(&self, message: &[u8]);
}

/// Ends following, or listening, when it is dropped.
pub struct FollowGuard(Option<Arc<dyn Ends>>);

/// What ends with a [`FollowGuard`].
///
/// # Examples
///
/// ```
/// use std::sync::{
///     Arc,
///     atomic::{AtomicBool, Ordering},
/// };
///
/// use kipo_topic::engine::{Ends, FollowGuard};
///
/// #[derive(Default)]
/// struct Feed {
///     has_ended: AtomicBool,
/// }
///
/// impl Ends for Feed {
///     fn end(self: Arc<Self>) {
///         self.has_ended.store(true, Ordering::Relaxed);
///     }
/// }
///
/// let feed = Arc::new(Feed::default());
/// let guard = FollowGuard::of(feed.clone());
/// assert!(!feed.has_ended.load(Ordering::Relaxed));
/// drop(guard);
/// assert!(feed.has_ended.load(Ordering::Relaxed));
/// ```
pub trait Ends: Send + Sync {
    /// Ends it. Called once.
    fn end(self: Arc<Self>);
}

/// Ends by a closure. A std lock makes it shareable; nobody waits for it.
struct Closure<F>(std::sync::Mutex<Option<F>>);

impl<F: FnOnce() + Send> Ends for Closure<F> {
    fn end(self: Arc<Self>) {
        let end = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        end.into_iter().for_each(|end| end());
    }
}

impl FollowGuard {
    /// Returns a guard that calls `end` when it is dropped.
    #[must_use]
    pub fn new(end: impl FnOnce() + Send + Sync + 'static) -> Self {
        Self::of(Arc::new(Closure(std::sync::Mutex::new(Some(end)))))
    }

    /// Returns a guard that ends what an engine has of a follower anyway: for each topic, that is an
    /// allocation less than [`new`](Self::new) takes.
    #[must_use]
    pub fn of(follow: Arc<dyn Ends>) -> Self {
        Self(Some(follow))
    }

    /// Returns a guard that does nothing.
    #[must_use]
    pub fn none() -> Self {
        Self(None)
    }
}

impl Drop for FollowGuard {
    fn drop(&mut self) {
        if let Some(follow) = self.0.take() {
            follow.end();
        }
    }
}

impl fmt::Debug for FollowGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FollowGuard")
    }
}

/// Why an engine did not do what it was asked.
///
/// # Examples
///
/// ```
/// use kipo_topic::engine::EngineError;
///
/// let error = EngineError::unavailable("connection refused");
/// assert_eq!(error.to_string(), "connection refused");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineError(Arc<str>);

impl EngineError {
    /// Returns the error of an engine that could not be reached, or failed: trying again may help.
    #[must_use]
    pub fn unavailable(cause: impl fmt::Display) -> Self {
        Self(cause.to_string().into())
    }
}

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for EngineError {}
