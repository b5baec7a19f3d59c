//! Who is in a room.

use std::time::Duration;

use kipo::{Presence, data, presence};

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
pub(crate) fn names(room: &str) -> Vec<String> {
    let mut names = HERE.of(room).list();
    names.sort_by_cached_key(|name| name.to_lowercase());
    names
}

/// Returns the people in a room, as its page shows them.
pub(crate) fn people(room: &str) -> Vec<Person> {
    let person =
        |name: String| Person { initial: face::initial(&name), hue: face::hue(&name), name };
    names(room).into_iter().map(person).collect()
}
