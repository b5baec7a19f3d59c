//! The topics of the rooms: one for each room, made while the app runs.

use kipo::{Durability, Error, Event, Result, Topics, data, topic, topic::Message as Record};

use crate::actions::chat::hub::Message;

use super::{name, presence::Here};

/// The rooms by their names. Listeners see a message only after it is stored on disk.
#[topic]
pub static ROOMS: Topics<String, RoomEvent> = Topics::durable("rooms", Durability::Fsync).keep(100);

/// An event of a room.
#[derive(Event)]
pub enum RoomEvent {
    /// The room was made. This is its first event.
    Opened(Opened),
    /// Someone has sent a message.
    Chat(Message),
    /// Someone has come or gone. Only streams have this event; it is never published.
    Here(Here),
}

/// The beginning of a room.
#[data]
pub struct Opened {
    /// When the room was made, in milliseconds since 1970 (UTC).
    pub opened_at: u64,
}

/// Returns whether there is a room of this name.
pub(crate) async fn is_open(room: &str) -> Result<bool> {
    Ok(name::is_name(room) && ROOMS.of(room).position().await?.seq() > 0)
}

/// Returns nothing if there is a room of this name, and a 404 otherwise.
pub(crate) async fn must_be_open(name: &str) -> Result<()> {
    if is_open(name).await? { Ok(()) } else { Err(Error::not_found("there is no such room")) }
}

/// Returns the retained events of a room, oldest first; none if there is no such room.
pub(crate) async fn history(name: &str) -> Result<Vec<Record>> {
    Ok(ROOMS.of(name).history().await?)
}
