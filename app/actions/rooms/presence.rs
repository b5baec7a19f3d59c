//! Who is in a room.

use std::time::Duration;

use kipo::{Presence, data, presence, topic::Members};

use super::face;

/// The people in each room, by their names. A person with several tabs is there once.
#[presence]
pub static HERE: Presence<String, String> = Presence::new("here").grace(GRACE);

/// How long a person stays after the last tab was closed: a page that is loaded again, or whose
/// connection breaks for a moment, is back within this time.
const GRACE: Duration = Duration::from_secs(5);

/// The people in a room.
#[data]
pub struct Here {
    /// The name of each person, in alphabetical order.
    pub names: Vec<String>,
}

/// A person on a page.
#[data]
pub struct Person {
    name: String,
    /// The first visible character of the name.
    initial: String,
    hue: u32,
}

/// Returns the names of the people in a room, in alphabetical order.
pub(crate) async fn names(members: &Members<String>) -> Vec<String> {
    // Some of them may be on other nodes.
    members.loaded().await;
    let mut names = members.list();
    names.sort_by_cached_key(|name| name.to_lowercase());
    names
}

/// Returns the people in a room, as its page shows them.
pub(crate) async fn people(room: &str) -> Vec<Person> {
    let person =
        |name: String| Person { initial: face::initial(&name), hue: face::hue(&name), name };
    names(&HERE.of(room)).await.into_iter().map(person).collect()
}

/// Returns how many people are in each of these rooms.
pub(crate) async fn counts(rooms: &[String]) -> Vec<usize> {
    // All of them are read at the same time.
    let members: Vec<_> = rooms.iter().map(|room| HERE.of(room)).collect();
    let mut counts = Vec::with_capacity(rooms.len());
    for members in members {
        members.loaded().await;
        counts.push(members.list().len());
    }
    counts
}
