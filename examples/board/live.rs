//! What happens on a board, for those who have it open: one topic for each board, and who looks at
//! it.
//!
//! The database is the truth, and an event is the news of it. Each event of a change has the revision
//! that the change gave the board. A page that gets a revision twice ignores it, and one that misses
//! a revision loads the board again. So an event that is published late, or is lost because the
//! process was killed after the commit, leaves no page wrong.

use std::time::Duration;

use kipo::{Durability, Event, Presence, Topics, data, presence, topic};

use crate::store::{
    boards::Member,
    cards::{Card, Changed, Removed},
    ids::{BoardId, CardId},
};

/// The boards by their ids.
#[topic]
pub static BOARDS: Topics<BoardId, BoardEvent> =
    Topics::durable("boards", Durability::Os).keep(200);

/// Who looks at each board, by name. A user with several tabs is there once.
#[presence]
pub static HERE: Presence<BoardId, String> = Presence::new("here").grace(GRACE);

/// A page that is loaded again is back within this time.
const GRACE: Duration = Duration::from_secs(3);

/// Who has made the changes of the task that tidies.
pub(crate) const TIDY: &str = "The daily tidy-up";

/// An event of a board.
#[derive(Clone, Debug, Event)]
pub enum BoardEvent {
    /// A card was added, edited, moved or restored, or has other files.
    Card {
        /// The revision of the board with this change.
        revision: i64,
        /// Who made the change, by name.
        by: String,
        /// What happened to the card.
        change: Change,
        /// The card after the change.
        card: Card,
        /// The card below it in its column, unless it is the last one.
        before: Option<CardId>,
    },
    /// A card was deleted.
    Removed {
        /// The revision of the board with this change.
        revision: i64,
        /// Who deleted it, by name.
        by: String,
        /// The card.
        card: CardId,
    },
    /// Somebody was invited, or has left.
    Members {
        /// The revision of the board with this change.
        revision: i64,
        /// All members after the change.
        members: Vec<Member>,
    },
    /// Who looks at the board now. Only streams have this event; it is never published.
    Here {
        /// Their names, in alphabetical order.
        names: Vec<String>,
    },
}

/// What happened to a card.
#[data]
#[derive(Clone, Copy, Debug)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It is new.
    Added,
    /// It has other texts.
    Edited,
    /// It is at another position, or in another column.
    Moved,
    /// It was deleted, and is back.
    Restored,
    /// It has other files.
    Files,
}

/// Shows a changed card to those who have its board open.
pub(crate) async fn show(by: &str, change: Change, changed: Changed) -> Card {
    let Changed { board, revision, card, before } = changed;
    let event =
        BoardEvent::Card { revision, by: by.to_owned(), change, card: card.clone(), before };
    publish(board, event).await;
    card
}

/// Takes a deleted card from the boards that are open.
pub(crate) async fn show_removed(by: &str, removed: Removed) {
    let Removed { board, revision, card } = removed;
    publish(board, BoardEvent::Removed { revision, by: by.to_owned(), card }).await;
}

/// Shows the members of a board.
pub(crate) async fn show_members(board: BoardId, revision: i64, members: Vec<Member>) {
    publish(board, BoardEvent::Members { revision, members }).await;
}

/// Publishes the news of a change that is committed. The change stands even if that fails, so its
/// caller gets no error: pages notice the missing revision with the next event.
async fn publish(board: BoardId, event: BoardEvent) {
    if let Err(error) = BOARDS.of(&board).publish(&event).await {
        tracing::warn!(board = board.0, %error, "an event of a board was not published");
    }
}
