//! The room: its last messages, and everybody who listens.

use kipo::{Durability, Event, Topic, data, topic};

/// The one room of the chat. What was said is on the disk before anybody sees it: a restart
/// shows the same room.
#[topic]
pub static ROOM: Topic<RoomEvent> = Topic::durable("chat", Durability::Fsync).keep(100);

/// What happens in the room.
#[derive(Event)]
pub enum RoomEvent {
    /// Somebody said something.
    Chat(Message),
}

/// One message, as everybody sees it.
#[data]
pub struct Message {
    /// Who said it.
    pub username: String,
    /// What was said: text, never markup.
    pub message: String,
    /// When the server got it, in milliseconds since 1970 (UTC).
    pub sent_at: u64,
}
