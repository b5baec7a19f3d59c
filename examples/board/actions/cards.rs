//! The cards of a board. Each of these actions is for members of the board.

use kipo::{Action, ActionError, Context, Error, Result, Toast, action};
use serde_json::json;

use crate::{
    live::{self, Change},
    store::{
        Store, boards,
        cards::{self, BoardIsFull, CARDS_MAX, Card, Column, Direction},
        ids::{BoardId, CardId},
    },
    user::User,
};

/// What stops a new card.
#[derive(Debug, ActionError)]
pub enum AddError {
    /// The board has the most cards that it may have.
    #[error(status = 409, message = "the board is full: it has {cards} cards")]
    BoardIsFull {
        /// How many that are.
        cards: u32,
    },

    /// Anything else.
    #[error(transparent)]
    Other(#[from] Error),
}

impl From<BoardIsFull> for AddError {
    fn from(BoardIsFull: BoardIsFull) -> Self {
        Self::BoardIsFull { cards: CARDS_MAX }
    }
}

/// Adds a card at the end of a column.
#[action]
pub struct Add {
    #[context]
    user: User,
    board: BoardId,
    column: Column,
    #[validate(length(min = 1, max = 120), custom(function = is_shown))]
    title: String,
}

impl Action<AddError> for Add {
    type Output = Card;

    async fn call(self, cx: Context) -> Result<Card, AddError> {
        let Self { user, board, column, title } = self;
        let store = cx.state::<Store>()?;
        let added = store.write(move |db| {
            boards::membership(db, user.id, board)?;
            cards::add(db, board, column, title.trim())
        });
        Ok(live::show(&user.name, Change::Added, added.await??).await)
    }
}

/// Changes the title and the text of a card.
#[action]
pub struct Edit {
    #[context]
    user: User,
    card: CardId,
    #[validate(length(min = 1, max = 120), custom(function = is_shown))]
    title: String,
    #[validate(length(max = 2000))]
    text: String,
}

impl Action for Edit {
    type Output = Card;

    async fn call(self, cx: Context) -> Result<Card> {
        let Self { user, card, title, text } = self;
        let store = cx.state::<Store>()?;
        let edited = store.write(move |db| cards::edit(db, user.id, card, title.trim(), &text));
        Ok(live::show(&user.name, Change::Edited, edited.await?).await)
    }
}

/// Moves a card.
#[action]
pub struct Move {
    #[context]
    user: User,
    card: CardId,
    column: Column,
    /// The card before which it goes; without one it goes to the end of the column.
    before: Option<CardId>,
}

impl Action for Move {
    type Output = Card;

    async fn call(self, cx: Context) -> Result<Card> {
        let Self { user, card, column, before } = self;
        let store = cx.state::<Store>()?;
        let moved = store.write(move |db| cards::move_to(db, user.id, card, column, before));
        Ok(live::show(&user.name, Change::Moved, moved.await?).await)
    }
}

/// Moves a card by one step: this is what its buttons do, with JavaScript and without. A step over the
/// edge changes nothing.
#[action]
pub struct Step {
    #[context]
    user: User,
    card: CardId,
    direction: Direction,
}

impl Action for Step {
    type Output = ();

    async fn call(self, cx: Context) -> Result<()> {
        let Self { user, card, direction } = self;
        let store = cx.state::<Store>()?;
        let moved = store.write(move |db| cards::step(db, user.id, card, direction));
        if let Some(moved) = moved.await? {
            live::show(&user.name, Change::Moved, moved).await;
        }
        Ok(())
    }
}

/// Deletes a card. It can be restored for a while.
#[action]
pub struct Remove {
    #[context]
    user: User,
    card: CardId,
}

impl Action for Remove {
    type Output = ();

    async fn call(self, cx: Context) -> Result<()> {
        let Self { user, card } = self;
        let store = cx.state::<Store>()?;
        let (removed, title) = store.write(move |db| cards::remove(db, user.id, card)).await?;
        live::show_removed(&user.name, removed).await;
        // The page lists what can be restored as well: a toast needs JavaScript, and goes.
        let toast = Toast::new(format!("“{title}” is deleted"));
        cx.toast(toast.undo("cards.Restore", json!({ "card": card })))
    }
}

/// Restores a deleted card, with its files.
#[action]
pub struct Restore {
    #[context]
    user: User,
    card: CardId,
}

impl Action<AddError> for Restore {
    type Output = Card;

    async fn call(self, cx: Context) -> Result<Card, AddError> {
        let Self { user, card } = self;
        let store = cx.state::<Store>()?;
        let restored = store.write(move |db| cards::restore(db, user.id, card));
        Ok(live::show(&user.name, Change::Restored, restored.await??).await)
    }
}

/// Refuses a title of nothing but white space.
fn is_shown(title: &str) -> std::result::Result<(), &'static str> {
    if title.trim().is_empty() { Err("must not be blank") } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use kipo::{Code, testing::open_topics};

    use super::*;
    use crate::{
        live::BOARDS,
        store::{testing, users},
    };

    /// Returns a request, a board, its owner Ann, and Eve, who is no member.
    async fn kitchen() -> (tempfile::TempDir, Context, BoardId, User, User) {
        open_topics();
        let (folder, store) = testing::open().await;
        let made = store.write(|db| {
            let ann = users::add(db, "ann", "")?.unwrap();
            let eve = users::add(db, "eve", "")?.unwrap();
            let board = boards::create(db, ann, "Kitchen")?.unwrap();
            let user = |id| Ok::<_, Error>(users::by_id(db, id)?.unwrap());
            Ok((board, user(ann)?, user(eve)?))
        });
        let (board, ann, eve) = made.await.unwrap();
        (folder, Context::test().with_state(store), board, ann, eve)
    }

    #[tokio::test]
    async fn a_change_of_a_member_is_news_on_the_board() {
        let (_folder, cx, board, ann, _) = kitchen().await;
        let (column, title) = (Column::Todo, " Tea ".to_owned());
        let card = Add { user: ann.clone(), board, column, title }.call(cx.clone()).await.unwrap();
        assert_eq!(card.title, "Tea");
        let moved = Move { user: ann.clone(), card: card.card, column: Column::Done, before: None };
        assert_eq!(moved.call(cx.clone()).await.unwrap().column, Column::Done);
        let step = |direction| Step { user: ann.clone(), card: card.card, direction };
        step(Direction::Left).call(cx.clone()).await.unwrap();
        // There is no space above it.
        step(Direction::Up).call(cx.clone()).await.unwrap();
        Remove { user: ann.clone(), card: card.card }.call(cx.clone()).await.unwrap();
        assert!(cx.effects()[0].contains(r#""undo":{"action":"cards.Restore""#));
        Restore { user: ann, card: card.card }.call(cx).await.unwrap();
        let news = BOARDS.of(&board).history().await.unwrap();
        let names: Vec<_> = news.iter().map(|message| message.event()).collect();
        assert_eq!(names, ["card", "card", "card", "removed", "card"]);
        assert!(news[1].data().contains(r#""revision":2,"by":"ann","change":"moved""#));
    }

    #[tokio::test]
    async fn a_stranger_changes_nothing() {
        let (_folder, cx, board, ann, eve) = kitchen().await;
        let add = |user, title: &str| {
            let (column, title) = (Column::Todo, title.to_owned());
            Add { user, board, column, title }.call(cx.clone())
        };
        let refused = add(eve.clone(), "x").await.unwrap_err().into_error();
        assert_eq!(refused.code(), Code::NotFound);
        let Card { card, .. } = add(ann, "Tea").await.unwrap();
        let (title, text) = ("x".to_owned(), String::new());
        let edited = Edit { user: eve.clone(), card, title, text }.call(cx.clone()).await;
        assert_eq!(edited.unwrap_err().code(), Code::NotFound);
        let direction = Direction::Right;
        let moved = Step { user: eve.clone(), card, direction }.call(cx.clone()).await;
        assert_eq!(moved.unwrap_err().code(), Code::NotFound);
        let removed = Remove { user: eve.clone(), card }.call(cx.clone()).await;
        assert_eq!(removed.unwrap_err().code(), Code::NotFound);
        let restored = Restore { user: eve, card }.call(cx.clone()).await;
        assert_eq!(restored.unwrap_err().into_error().code(), Code::NotFound);
    }
}
