//! The cards of a board. Each of these actions is for members of the board.

use kipo::{Action, Context, Result, action};

use crate::{
    live::{self, Change},
    store::{
        Store, boards,
        cards::{self, Card, Column},
        ids::{BoardId, CardId},
    },
    user::User,
};

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

impl Action for Add {
    type Output = Card;

    async fn call(self, cx: Context) -> Result<Card> {
        let Self { user, board, column, title } = self;
        let store = cx.state::<Store>()?;
        let added = store.write(move |db| {
            boards::membership(db, user.id, board)?;
            cards::add(db, board, column, title.trim())
        });
        Ok(live::show(&user.name, Change::Added, added.await?).await)
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

/// Deletes a card.
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
        let (removed, _) = store.write(move |db| cards::remove(db, user.id, card)).await?;
        live::show_removed(&user.name, removed).await;
        Ok(())
    }
}

/// Refuses a title of nothing but white space.
fn is_shown(title: &str) -> std::result::Result<(), &'static str> {
    if title.trim().is_empty() { Err("must not be blank") } else { Ok(()) }
}
