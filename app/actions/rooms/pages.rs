//! The pages `/rooms` and `/rooms/{room}`.

use kipo::{Error, PageContext, Query, Result, data, page};

use super::{
    face,
    hub::{self, ROOMS},
    line::{self, Line},
    list::{Listed, list},
    name::{self, CHARACTERS_MAX},
    presence::{self, Person},
};

/// What the list of rooms shows.
#[data]
pub struct Lobby {
    rooms: Vec<Entry>,
    /// The filter: only rooms that begin with this text.
    begins: String,
    /// The query of the next page of the list, if there is one.
    next: Option<String>,
    /// Whether this is a later page of the list.
    is_later: bool,
}

/// A room in the list.
#[data]
pub struct Entry {
    name: String,
    /// The name as a segment of a path.
    segment: String,
    initial: String,
    hue: u32,
    /// How many people are there.
    people: usize,
}

/// Which part of the list is shown.
#[data]
pub struct Part {
    begins: Option<String>,
    after: Option<String>,
}

/// `pages/rooms/index.html`
#[page("rooms/index")]
pub async fn lobby(part: Query<Part>) -> Result<Lobby> {
    let Query(Part { begins, after }) = part;
    let begins = begins.unwrap_or_default().trim_start().to_owned();
    let is_later = after.is_some();
    let Listed { rooms, has_more } = list(&begins, after.as_ref()).await?;
    let next = rooms.last().filter(|_| has_more).map(|last| {
        let (begins, after) = (name::encode(&begins), name::encode(last));
        format!("begins={begins}&after={after}")
    });
    let counts = presence::counts(&rooms).await;
    let entry = |(name, people): (String, usize)| Entry {
        segment: name::encode(&name),
        initial: face::initial(&name),
        hue: face::hue(&name),
        people,
        name,
    };
    let rooms = rooms.into_iter().zip(counts).map(entry).collect();
    Ok(Lobby { rooms, begins, next, is_later })
}

/// What the page of a room shows.
#[data]
pub struct Room {
    room: String,
    /// Whether there is a room of this name.
    is_open: bool,
    lines: Vec<Line>,
    /// Whether one of the lines is a message.
    has_messages: bool,
    /// Who is there.
    people: Vec<Person>,
}

/// `pages/rooms/[room].html`
#[page("rooms/[room]")]
pub async fn room(cx: PageContext, room: String) -> Result<Room> {
    if !name::is_name(&room) {
        return Err(Error::not_found(format!(
            "a room's name has 1 to {CHARACTERS_MAX} visible characters, and no slash"
        )));
    }
    // The stream of the page starts after this position, so no message is in both or in neither.
    let position = cx.position(&ROOMS.of(&room)).await?;
    let is_open = position.seq() > 0;
    if !is_open {
        cx.status(404);
    }
    let mut history = hub::history(&room).await?;
    history.retain(|record| record.seq() <= position.seq());
    let lines = line::lines(&history);
    let has_messages = lines.iter().any(Line::is_message);
    let people = presence::people(&room).await;
    Ok(Room { room, is_open, lines, has_messages, people })
}
