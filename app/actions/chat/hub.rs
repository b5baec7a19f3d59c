//! The room: its last messages, and everybody who listens.

use kipo::{Event, Topic, data};

/// The one room of the chat.
pub static ROOM: Topic<RoomEvent> = Topic::new("chat").keep(100);

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
