//! Why a message was not published, and why a store or a topic was not opened.

use std::{error::Error, fmt, io, path::PathBuf, sync::Arc};

use crate::{
    engine::EngineError,
    log::{durability::Durability, keys::KEY_BYTES_MAX},
};

/// Why a message was not published.
///
/// # Examples
///
/// ```
/// # use kipo_topic::Event;
/// use kipo_topic::{Durability, PublishError, Topic};
/// # struct Line(&'static str);
/// # impl Event for Line {
/// #     fn name(&self) -> &'static str { "line" }
/// #     fn write_data(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
/// #         serde_json::to_writer(out, self.0)
/// #     }
/// # }
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// // A durable topic takes messages once it is open.
/// let log = Topic::durable("log", Durability::Fsync);
/// let refused = log.publish(&Line("one")).await.unwrap_err();
/// assert!(matches!(refused, PublishError::NotOpen(name) if &*name == "log"));
/// # });
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum PublishError {
    /// The event's payload has no form in JSON, such as a map whose keys are lists.
    Encode(serde_json::Error),
    /// A key of [`Topic::publish_once`](crate::Topic::publish_once) is empty, longer than 128 bytes,
    /// or begins with U+0000.
    Key,
    /// The durable topic of this name is not open.
    NotOpen(Arc<str>),
    /// The key of a topic of a family is empty or longer than 128 bytes.
    TopicKey,
    /// The store did not take the message: the disk is full or broken, or the store is closed.
    /// Publishing again later may succeed. The message may be published later by itself, if it
    /// turns out to have reached the disk.
    Unavailable(Arc<str>),
    /// The engine that many nodes share did not take the message: it cannot be reached, or failed.
    /// The rest is as for [`Unavailable`](Self::Unavailable).
    EngineUnavailable(Arc<str>),
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encode(_) => f.write_str("the event has no form in JSON"),
            Self::Key => write!(
                f,
                "a key that publishes once has 1 to {KEY_BYTES_MAX} bytes, the first of them not 0"
            ),
            Self::NotOpen(name) => write!(f, "the topic `{name}` is durable and not open"),
            Self::TopicKey => f.write_str(TOPIC_KEY),
            Self::Unavailable(cause) | Self::EngineUnavailable(cause) => {
                write!(f, "the message could not be saved: {cause}")
            }
        }
    }
}

/// What is wrong with a topic's key.
const TOPIC_KEY: &str = "the key of a topic has 1 to 128 bytes";

impl From<ReadError> for PublishError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::NotOpen(name) => Self::NotOpen(name),
            ReadError::TopicKey => Self::TopicKey,
            ReadError::Unavailable(cause) => Self::EngineUnavailable(cause),
        }
    }
}

impl Error for PublishError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Encode(error) => Some(error),
            Self::Key
            | Self::TopicKey
            | Self::NotOpen(_)
            | Self::Unavailable(_)
            | Self::EngineUnavailable(_) => None,
        }
    }
}

/// Why a topic could not be read.
///
/// # Examples
///
/// ```
/// # use kipo_topic::Event;
/// use kipo_topic::{Durability, ReadError, Topic};
/// # struct Line(&'static str);
/// # impl Event for Line {
/// #     fn name(&self) -> &'static str { "line" }
/// #     fn write_data(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
/// #         serde_json::to_writer(out, &self.0)
/// #     }
/// # }
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let log: Topic<Line> = Topic::durable("log", Durability::Fsync);
/// let refused = log.subscribe(None).await.unwrap_err();
/// assert_eq!(refused, ReadError::NotOpen("log".into()));
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReadError {
    /// The durable topic of this name is not open.
    NotOpen(Arc<str>),
    /// The key of a topic of a family is empty or longer than 128 bytes.
    TopicKey,
    /// The engine did not answer. Reading again later may succeed.
    Unavailable(Arc<str>),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOpen(name) => write!(f, "the topic `{name}` is durable and not open"),
            Self::TopicKey => f.write_str(TOPIC_KEY),
            Self::Unavailable(cause) => write!(f, "the topic could not be read: {cause}"),
        }
    }
}

impl Error for ReadError {}

impl From<EngineError> for ReadError {
    fn from(error: EngineError) -> Self {
        Self::Unavailable(error.to_string().into())
    }
}

/// Why a store, or a topic in it, could not be opened.
///
/// # Examples
///
/// ```
/// # use kipo_topic::Event;
/// use kipo_topic::{Durability, Store, StoreError, Topic};
/// # struct Line(&'static str);
/// # impl Event for Line {
/// #     fn name(&self) -> &'static str { "line" }
/// #     fn write_data(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
/// #         serde_json::to_writer(out, self.0)
/// #     }
/// # }
///
/// let store = Store::in_memory();
/// let first: Topic<Line> = Topic::durable("log", Durability::Os);
/// first.open(&store)?;
/// let second: Topic<Line> = Topic::durable("log", Durability::Os);
/// assert!(matches!(second.open(&store), Err(StoreError::Taken(name)) if name == "log"));
/// # store.close();
/// # Ok::<_, StoreError>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process holds the directory, or this process holds it already.
    InUse(PathBuf),
    /// The directory could not be read or written.
    Io(PathBuf, io::Error),
    /// Two topics of one store have this name.
    Taken(String),
    /// The topic of this name was used, or opened, before.
    Late(String),
    /// The engine does not reach the durability that a topic asks for.
    Weaker {
        /// The topic's name.
        topic: String,
        /// What the engine is.
        engine: String,
        /// What the topic asks for.
        asked: Durability,
        /// What the engine reaches.
        offered: Durability,
    },
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
                write!(
                    f,
                    "the topic `{name}` is in use already: open it before its first use, once"
                )
            }
            Self::Weaker { topic, engine, asked, offered } => write!(
                f,
                "the topic `{topic}` asks for durability {asked:?}, and {engine} reaches only \
                 {offered:?}: let the engine sync each write, or allow a weaker durability"
            ),
        }
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Io(_, error) => Some(error),
            Self::InUse(_) | Self::Taken(_) | Self::Late(_) | Self::Weaker { .. } => None,
        }
    }
}
