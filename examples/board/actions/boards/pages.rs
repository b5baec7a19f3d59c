//! The pages `/` and `/boards/{board}`.

use kipo::{PageContext, Query, Result, State, data, page};

use crate::{
    live::BOARDS,
    store::{
        Store,
        attachments::{self, Attachment},
        boards::{self, Member, Summary},
        cards::{self, Card, Column, RemovedCard},
        ids::{BoardId, CardId},
    },
    user::User,
};

/// What the list of boards shows.
#[data]
pub struct Boards {
    user: User,
    boards: Vec<Summary>,
}

/// `pages/index.html`
#[page("index")]
pub async fn list(store: State<Store>, #[context] user: User) -> Result<Boards> {
    let boards = store.read(move |db| boards::of_user(db, user.id)).await?;
    Ok(Boards { user, boards })
}

/// The query of the page of a board.
#[data]
pub struct Shown {
    /// The card that is open.
    card: Option<CardId>,
}

/// What the page of a board shows.
#[data]
pub struct Board {
    user: User,
    board: BoardId,
    title: String,
    /// The page shows all changes up to this one.
    revision: i64,
    is_owner: bool,
    columns: Vec<Lane>,
    members: Vec<Member>,
    /// The deleted cards that can be restored.
    removed: Vec<RemovedCard>,
    /// The card that is open, with its files.
    open: Option<Open>,
    /// Whether the address names a card that is not on the board.
    is_gone: bool,
}

/// A card that is open.
#[data]
pub struct Open {
    card: Card,
    files: Vec<Attachment>,
}

/// A column with its cards.
#[data]
pub struct Lane {
    column: Column,
    title: String,
    cards: Vec<Card>,
}

/// `pages/boards/[board].html`
#[page("boards/[board]")]
pub async fn board(
    cx: PageContext,
    store: State<Store>,
    #[context] user: User,
    query: Query<Shown>,
    board: i64,
) -> Result<Board> {
    let board = BoardId(board);
    let (id, card) = (user.id, query.0.card);
    // First of all: nobody but a member may learn that there is such a board, or make its topic.
    store.read(move |db| boards::membership(db, id, board)).await?;
    // Before the data is read: a change in between is then in the data and in the stream, and the page
    // ignores the second one by its revision.
    cx.position(&BOARDS.of(&board)).await?;
    let shown = store.read(move |db| {
        let membership = boards::membership(db, id, board)?;
        let open = match card.map(|card| cards::find(db, board, card)).transpose()?.flatten() {
            Some(card) => Some(Open { files: attachments::of_card(db, card.card)?, card }),
            None => None,
        };
        let (cards, removed) = (cards::of_board(db, board)?, cards::removed(db, board)?);
        Ok((membership, cards, removed, open, boards::members(db, board)?))
    });
    let (membership, cards, removed, open, members) = shown.await?;
    let lane = |column| Lane {
        column,
        title: heading(column).to_owned(),
        cards: cards.iter().filter(|card| card.column == column).cloned().collect(),
    };
    Ok(Board {
        user,
        board,
        title: membership.title,
        revision: membership.revision,
        is_owner: membership.is_owner,
        columns: Column::ALL.map(lane).into(),
        members,
        removed,
        is_gone: card.is_some() && open.is_none(),
        open,
    })
}

fn heading(column: Column) -> &'static str {
    match column {
        Column::Todo => "To do",
        Column::Doing => "Doing",
        Column::Done => "Done",
    }
}
