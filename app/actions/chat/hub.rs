//! The topic of the room: its newest messages, which every listener follows.

use std::time::{SystemTime, UNIX_EPOCH};

use kipo::{Durability, Event, Result, Topic, data, topic};

/// The one room of the chat. Listeners see a message only after it is stored on disk, so a restart
/// loses none.
#[topic]
pub static ROOM: Topic<RoomEvent> = Topic::durable("chat", Durability::Fsync).keep(100);

/// An event of the room.
#[derive(Event)]
pub enum RoomEvent {
    /// Someone has sent a message.
    Chat(Message),
}

/// One message, as all listeners see it.
#[data]
pub struct Message {
    /// The name of the sender.
    pub username: String,
    /// The text. It is never markup.
    pub message: String,
    /// When the server received it, in milliseconds since 1970 (UTC).
    pub sent_at: u64,
}

/// Returns the time, in milliseconds since 1970 (UTC).
pub(crate) fn now_ms() -> Result<u64> {
    Ok(u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?)
}
