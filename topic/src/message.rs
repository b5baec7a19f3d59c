//! One message of a topic, as a listener reads it.

use bytes::Bytes;
use serde::de::DeserializeOwned;

use crate::{
    engine::Entry,
    log::{Log, cursor::Cursor, record::Record},
};

/// One message of a topic: its position, its event's name, and its data as JSON.
///
/// # Examples
///
/// ```
/// # use kipo_topic::Event;
/// use kipo_topic::Topic;
/// # struct Line(&'static str);
/// # impl Event for Line {
/// #     fn name(&self) -> &'static str { "line" }
/// #     fn write_data(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
/// #         serde_json::to_writer(out, self.0)
/// #     }
/// # }
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let log = Topic::new("log");
/// let cursor = log.publish(&Line("one")).await?;
///
/// let message = &log.history().await?[0];
/// assert_eq!((message.cursor(), message.seq()), (cursor, 1));
/// assert_eq!((message.event(), message.data()), ("line", r#""one""#));
/// assert_eq!(message.json::<String>().unwrap(), "one");
///
/// // A type that the data does not fit is an error.
/// assert!(message.json::<u32>().is_err());
/// # Ok::<_, kipo_topic::PublishError>(()) }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Message {
    cursor: Cursor,
    /// UTF-8, as all names are.
    event: Bytes,
    /// UTF-8, as `serde_json` wrote it.
    data: Bytes,
}

impl Message {
    /// Returns message `seq` of a log, if it is in memory.
    pub(crate) fn of(log: &Log, seq: u64) -> Option<Self> {
        Some(Self::new(log.cursor(seq), log.get(seq)?))
    }

    fn new(cursor: Cursor, record: &Record) -> Self {
        Self { cursor, event: record.event(), data: record.data() }
    }

    /// Returns the position after this message.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// Returns the message's number.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.cursor.seq()
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
    /// When the data does not fit `T`: a message of a durable topic may be older than the type.
    pub fn json<T: DeserializeOwned>(&self) -> serde_json::Result<T> {
        serde_json::from_slice(&self.data)
    }
}

impl From<&Entry> for Message {
    fn from(entry: &Entry) -> Self {
        Self::new(entry.cursor, &entry.record)
    }
}
