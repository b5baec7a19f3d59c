//! The topic of the room: its newest messages, which every listener follows.

use kipo::{Durability, Event, Topic, data, topic};

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
