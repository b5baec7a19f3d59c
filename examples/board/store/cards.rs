//! The cards: each is in one column of its board, at a position.

use std::time::Duration;

use kipo::{Code, Error, Result, data};
use rusqlite::{
    Connection, OptionalExtension as _, Row, ToSql, named_params,
    types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef},
};

use super::{
    boards::{membership, raise_revision},
    ids::{BoardId, CardId, UserId},
    now_ms,
};

/// The most cards of one board.
pub(crate) const CARDS_MAX: u32 = 500;

/// A column of a board.
#[data]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Column {
    /// To do.
    Todo,
    /// Somebody is at work on it.
    Doing,
    /// Done. The card leaves the board after 30 days.
    Done,
}

impl Column {
    pub(crate) const ALL: [Self; 3] = [Self::Todo, Self::Doing, Self::Done];

    /// Returns the column as it is stored.
    fn as_str(self) -> &'static str {
        match self {
            Self::Todo => "todo",
            Self::Doing => "doing",
            Self::Done => "done",
        }
    }
}

impl ToSql for Column {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.as_str().into())
    }
}

impl FromSql for Column {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let text = value.as_str()?;
        let column = Self::ALL.into_iter().find(|column| column.as_str() == text);
        column.ok_or(FromSqlError::InvalidType)
    }
}

/// A card.
#[data]
#[derive(Clone, Debug, PartialEq)]
pub struct Card {
    /// Its id.
    pub card: CardId,
    /// The column in which it is.
    pub column: Column,
    /// One line.
    pub title: String,
    /// Any number of lines.
    pub text: String,
    /// How many files it has.
    pub files: u32,
}

/// A card after a change.
#[derive(Debug)]
pub(crate) struct Changed {
    pub(crate) board: BoardId,
    /// The revision of the board with this change.
    pub(crate) revision: i64,
    pub(crate) card: Card,
    /// The card below it in its column, unless it is the last one.
    pub(crate) before: Option<CardId>,
}

/// A step of a card.
#[data]
#[derive(Clone, Copy, Debug)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// To the end of the column before.
    Left,
    /// To the end of the next column.
    Right,
    /// Before the card above it.
    Up,
    /// Behind the card below it.
    Down,
}

/// A deleted card that can be restored.
#[data]
#[derive(Clone, Debug, PartialEq)]
pub struct RemovedCard {
    /// Its id.
    pub card: CardId,
    /// Its title.
    pub title: String,
}

/// A card that was deleted.
#[derive(Debug)]
pub(crate) struct Removed {
    pub(crate) board: BoardId,
    pub(crate) revision: i64,
    pub(crate) card: CardId,
}

const CARD: &str = "SELECT id, lane, title, text,
    (SELECT count(*) FROM attachments WHERE card = shown_cards.id), board FROM shown_cards";

fn card(row: &Row<'_>) -> rusqlite::Result<Card> {
    let (card, column) = (row.get(0)?, row.get(1)?);
    Ok(Card { card, column, title: row.get(2)?, text: row.get(3)?, files: row.get(4)? })
}

/// Returns the cards of a board, each column from its first card on.
pub(crate) fn of_board(db: &Connection, board: BoardId) -> Result<Vec<Card>> {
    let mut query =
        db.prepare_cached(&format!("{CARD} WHERE board = ?1 ORDER BY lane, position"))?;
    Ok(query.query_map([board], card)?.collect::<rusqlite::Result<_>>()?)
}

/// Why a card was not added: the board has [`CARDS_MAX`] cards.
#[derive(Debug)]
pub(crate) struct BoardIsFull;

/// Adds a card at the end of a column. The caller has made sure that this is allowed.
pub(crate) fn add(
    db: &Connection,
    board: BoardId,
    column: Column,
    title: &str,
) -> Result<std::result::Result<Changed, BoardIsFull>> {
    if is_full(db, board)? {
        return Ok(Err(BoardIsFull));
    }
    let revision = raise_revision(db, board)?;
    let sql = "INSERT INTO cards (board, lane, position, title, text, done_at)
               VALUES (:board, :column, :last, :title, '', :done_at) RETURNING id";
    let card = db.query_row(
        sql,
        named_params! {
            ":board": board,
            ":column": column,
            ":last": in_column(db, board, column)?.len(),
            ":title": title,
            ":done_at": done_at(column),
        },
        |row| row.get(0),
    )?;
    let card = Card { card, column, title: title.to_owned(), text: String::new(), files: 0 };
    Ok(Ok(Changed { board, revision, card, before: None }))
}

fn is_full(db: &Connection, board: BoardId) -> Result<bool> {
    let sql = "SELECT count(*) FROM shown_cards WHERE board = ?1";
    Ok(db.query_row(sql, [board], |row| row.get::<_, u32>(0))? >= CARDS_MAX)
}

/// Changes the texts of a card, for a member of its board.
pub(crate) fn edit(
    db: &Connection,
    user: UserId,
    id: CardId,
    title: &str,
    text: &str,
) -> Result<Changed> {
    let (board, _) = for_member(db, user, id)?;
    raise_revision(db, board)?;
    db.execute("UPDATE cards SET title = ?2, text = ?3 WHERE id = ?1", (id, title, text))?;
    as_changed(db, board, id)
}

/// Returns a card of a board after a change that left it where it was.
pub(super) fn as_changed(db: &Connection, board: BoardId, id: CardId) -> Result<Changed> {
    let card = db.query_row(&format!("{CARD} WHERE id = ?1"), [id], card)?;
    let column = in_column(db, board, card.column)?;
    let before = column.into_iter().skip_while(|card| *card != id).nth(1);
    let sql = "SELECT revision FROM boards WHERE id = ?1";
    let revision = db.query_row(sql, [board], |row| row.get(0))?;
    Ok(Changed { board, revision, card, before })
}

/// Moves a card to a column, before another card or to the end, for a member of its board.
pub(crate) fn move_to(
    db: &Connection,
    user: UserId,
    id: CardId,
    column: Column,
    before: Option<CardId>,
) -> Result<Changed> {
    let (board, card) = for_member(db, user, id)?;
    let mut cards = in_column(db, board, column)?;
    cards.retain(|other| *other != id);
    // The other card may be gone by now, or in another column: then the end is the place.
    let position = cards.iter().position(|other| Some(*other) == before);
    cards.insert(position.unwrap_or(cards.len()), id);
    let revision = raise_revision(db, board)?;
    if column != card.column {
        let sql = "UPDATE cards SET lane = ?2, done_at = ?3 WHERE id = ?1";
        db.execute(sql, (id, column, done_at(column)))?;
    }
    arrange(db, &cards)?;
    let before = before.filter(|_| position.is_some());
    Ok(Changed { board, revision, card: Card { column, ..card }, before })
}

/// Moves a card by one step, for a member of its board. Returns nothing if there is no space in that
/// direction.
pub(crate) fn step(
    db: &Connection,
    user: UserId,
    id: CardId,
    direction: Direction,
) -> Result<Option<Changed>> {
    let (board, Card { column, .. }) = for_member(db, user, id)?;
    let neighbour = |offset: isize| {
        let all = Column::ALL;
        let at = all.iter().position(|other| *other == column)?.checked_add_signed(offset)?;
        all.get(at).copied()
    };
    let cards = in_column(db, board, column)?;
    let at = cards.iter().position(|card| *card == id).unwrap_or_default();
    let to = match direction {
        Direction::Left => neighbour(-1).map(|column| (column, None)),
        Direction::Right => neighbour(1).map(|column| (column, None)),
        Direction::Up => at.checked_sub(1).map(|above| (column, Some(cards[above]))),
        Direction::Down => (at + 1 < cards.len()).then(|| (column, cards.get(at + 2).copied())),
    };
    to.map(|(column, before)| move_to(db, user, id, column, before)).transpose()
}

/// Writes the positions of the cards of a column.
fn arrange(db: &Connection, cards: &[CardId]) -> Result<()> {
    let mut update = db.prepare_cached("UPDATE cards SET position = ?2 WHERE id = ?1")?;
    for (position, card) in cards.iter().enumerate() {
        update.execute((card, position))?;
    }
    Ok(())
}

/// Deletes a card, for a member of its board. It can be restored until [`purge`] deletes it for good.
pub(crate) fn remove(db: &Connection, user: UserId, id: CardId) -> Result<(Removed, String)> {
    let (board, card) = for_member(db, user, id)?;
    db.execute("UPDATE cards SET removed_at = ?2 WHERE id = ?1", (id, now_ms()))?;
    Ok((Removed { board, revision: raise_revision(db, board)?, card: id }, card.title))
}

/// Returns a deleted card to its column, with its files, for a member of its board.
pub(crate) fn restore(
    db: &Connection,
    user: UserId,
    id: CardId,
) -> Result<std::result::Result<Changed, BoardIsFull>> {
    let sql = "SELECT board, lane, position FROM cards WHERE id = ?1 AND removed_at IS NOT NULL";
    let found = db.query_row(sql, [id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    let found: Option<(BoardId, Column, usize)> = found.optional()?;
    let absent = || Error::not_found("there is no such deleted card any more");
    let (board, column, position) = found.ok_or_else(absent)?;
    membership(db, user, board).map_err(|error| or_absent(error, absent))?;
    if is_full(db, board)? {
        return Ok(Err(BoardIsFull));
    }
    let mut cards = in_column(db, board, column)?;
    db.execute("UPDATE cards SET removed_at = NULL WHERE id = ?1", [id])?;
    cards.insert(position.min(cards.len()), id);
    arrange(db, &cards)?;
    raise_revision(db, board)?;
    as_changed(db, board, id).map(Ok)
}

/// Returns the deleted cards of a board that can be restored, the last one first.
pub(crate) fn removed(db: &Connection, board: BoardId) -> Result<Vec<RemovedCard>> {
    let sql = "SELECT id, title FROM cards WHERE board = ?1 AND removed_at IS NOT NULL
               ORDER BY removed_at DESC, id DESC";
    let mut query = db.prepare_cached(sql)?;
    let removed = |row: &Row<'_>| Ok(RemovedCard { card: row.get(0)?, title: row.get(1)? });
    Ok(query.query_map([board], removed)?.collect::<rusqlite::Result<_>>()?)
}

/// Deletes the cards for good that were deleted longer than `age` ago.
pub(crate) fn purge(db: &Connection, age: Duration) -> Result<usize> {
    let age_ms = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
    let before = now_ms().saturating_sub(age_ms);
    Ok(db.execute("DELETE FROM cards WHERE removed_at < ?1", [before])?)
}

/// Deletes the cards that have been done for longer than `age`, at most `limit` of them.
pub(crate) fn remove_done(db: &Connection, age: Duration, limit: u32) -> Result<Vec<Removed>> {
    let age_ms = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
    let sql = "DELETE FROM cards WHERE id IN
               (SELECT id FROM shown_cards WHERE done_at < ?1 ORDER BY done_at LIMIT ?2)
               RETURNING board, id";
    let mut query = db.prepare_cached(sql)?;
    let removed = query.query_map((now_ms().saturating_sub(age_ms), limit), |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?;
    let removed = removed.collect::<rusqlite::Result<Vec<(BoardId, CardId)>>>()?;
    let with_revision =
        |(board, card)| Ok(Removed { board, revision: raise_revision(db, board)?, card });
    removed.into_iter().map(with_revision).collect()
}

/// Adds a card for a delivery of the webhook. Returns nothing if it was delivered before.
pub(crate) fn deliver(
    db: &Connection,
    delivery: &str,
    board: BoardId,
    title: &str,
) -> Result<Option<Changed>> {
    let known = db.query_row(
        "SELECT EXISTS (SELECT 1 FROM deliveries WHERE id = ?1)",
        [delivery],
        |row| row.get(0),
    )?;
    if known {
        return Ok(None);
    }
    let exists = "SELECT EXISTS (SELECT 1 FROM boards WHERE id = ?1)";
    if !db.query_row(exists, [board], |row| row.get(0))? {
        return Err(Error::not_found("there is no such board"));
    }
    let full = |BoardIsFull| Error::conflict("the board is full").with_word("board_is_full");
    let changed = add(db, board, Column::Todo, title)?.map_err(full)?;
    let sql = "INSERT INTO deliveries VALUES (?1, ?2, ?3)";
    db.execute(sql, (delivery, changed.card.card, now_ms()))?;
    Ok(Some(changed))
}

/// Forgets deliveries that are older than `age`: the sender does not repeat them any more.
pub(crate) fn forget_deliveries(db: &Connection, age: Duration) -> Result<usize> {
    let age_ms = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
    let before = now_ms().saturating_sub(age_ms);
    Ok(db.execute("DELETE FROM deliveries WHERE received_at < ?1", [before])?)
}

/// Returns how many cards are in each column, on all boards.
pub(crate) fn count(db: &Connection, column: Column) -> Result<u32> {
    Ok(db.query_row("SELECT count(*) FROM shown_cards WHERE lane = ?1", [column], |row| {
        row.get(0)
    })?)
}

/// Returns a card and its board if the user is a member there.
pub(super) fn for_member(db: &Connection, user: UserId, id: CardId) -> Result<(BoardId, Card)> {
    let sql = format!("{CARD} WHERE id = ?1");
    let found = db.query_row(&sql, [id], |row| Ok((row.get(5)?, card(row)?))).optional()?;
    let absent = || Error::not_found("there is no such card");
    let (board, card) = found.ok_or_else(absent)?;
    membership(db, user, board).map_err(|error| or_absent(error, absent))?;
    Ok((board, card))
}

/// Returns a card of a board, if it is there. The caller has made sure that this is allowed.
pub(crate) fn find(db: &Connection, board: BoardId, id: CardId) -> Result<Option<Card>> {
    let sql = format!("{CARD} WHERE id = ?1 AND board = ?2");
    Ok(db.query_row(&sql, (id, board), card).optional()?)
}

/// Somebody who is no member does not learn that there is such a card.
fn or_absent(error: Error, absent: impl Fn() -> Error) -> Error {
    if error.code() == Code::NotFound { absent() } else { error }
}

fn in_column(db: &Connection, board: BoardId, column: Column) -> Result<Vec<CardId>> {
    let sql = "SELECT id FROM shown_cards WHERE board = ?1 AND lane = ?2 ORDER BY position, id";
    let mut query = db.prepare_cached(sql)?;
    let ids = query.query_map((board, column), |row| row.get(0))?;
    Ok(ids.collect::<rusqlite::Result<_>>()?)
}

fn done_at(column: Column) -> Option<i64> {
    (column == Column::Done).then(now_ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{boards, testing, users};

    /// Makes a board with the cards `a`, `b` and `c` to do.
    fn board(db: &Connection) -> Result<(UserId, BoardId, [CardId; 3])> {
        let ann = users::add(db, "ann", "")?.unwrap();
        let board = boards::create(db, ann, "Kitchen")?.unwrap();
        let add = |title| {
            let added = add(db, board, Column::Todo, title)?;
            Ok::<_, Error>(added.unwrap().card.card)
        };
        Ok((ann, board, [add("a")?, add("b")?, add("c")?]))
    }

    fn titles(db: &Connection, board: BoardId, column: Column) -> String {
        let cards = of_board(db, board).unwrap().into_iter();
        cards.filter(|card| card.column == column).map(|card| card.title).collect()
    }

    #[tokio::test]
    async fn a_card_moves_within_its_column_and_to_others() {
        let (_folder, store) = testing::open().await;
        store
            .write(|db| {
                let (ann, board, [a, b, c]) = board(db)?;
                assert_eq!(titles(db, board, Column::Todo), "abc");
                let moved = move_to(db, ann, c, Column::Todo, Some(a))?;
                assert_eq!((moved.revision, moved.before), (4, Some(a)));
                assert_eq!(titles(db, board, Column::Todo), "cab");
                move_to(db, ann, c, Column::Todo, None)?;
                assert_eq!(titles(db, board, Column::Todo), "abc");
                move_to(db, ann, b, Column::Done, None)?;
                move_to(db, ann, a, Column::Done, Some(b))?;
                assert_eq!(titles(db, board, Column::Done), "ab");
                // The card before which it was to stand is in another column.
                assert_eq!(move_to(db, ann, c, Column::Doing, Some(a))?.before, None);
                // Before itself: it stays.
                assert_eq!(move_to(db, ann, b, Column::Done, Some(b))?.before, None);
                assert_eq!(titles(db, board, Column::Done), "ab");
                assert_eq!(edit(db, ann, a, "A", "text")?.before, Some(b));
                assert_eq!(titles(db, board, Column::Done), "Ab");
                Ok(())
            })
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn only_members_change_cards() {
        let (_folder, store) = testing::open().await;
        store
            .write(|db| {
                let (ann, board, [a, ..]) = board(db)?;
                let eve = users::add(db, "eve", "")?.unwrap();
                let refused = [
                    edit(db, eve, a, "x", "").map(drop),
                    move_to(db, eve, a, Column::Done, None).map(drop),
                    remove(db, eve, a).map(drop),
                    remove(db, ann, CardId(99)).map(drop),
                ];
                for refused in refused {
                    assert_eq!(refused.unwrap_err().message(), "there is no such card");
                }
                assert_eq!(remove(db, ann, a)?.0.revision, 4);
                assert_eq!(titles(db, board, Column::Todo), "bc");
                Ok(())
            })
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn cards_that_are_done_for_long_are_removed() {
        let (_folder, store) = testing::open().await;
        store
            .write(|db| {
                let (ann, board, [a, b, _]) = board(db)?;
                for card in [a, b] {
                    move_to(db, ann, card, Column::Done, None)?;
                }
                db.execute("UPDATE cards SET done_at = 0 WHERE id = ?1", [a])?;
                let removed = remove_done(db, Duration::from_secs(60), 10)?;
                assert_eq!((removed.len(), removed[0].card, removed[0].revision), (1, a, 6));
                assert_eq!(titles(db, board, Column::Done), "b");
                // A card that goes back is not done any more.
                move_to(db, ann, b, Column::Todo, None)?;
                db.execute("UPDATE cards SET done_at = 0 WHERE done_at IS NOT NULL", [])?;
                assert!(remove_done(db, Duration::ZERO, 10)?.is_empty());
                Ok(())
            })
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn a_card_moves_step_by_step_and_not_over_an_edge() {
        let (_folder, store) = testing::open().await;
        store
            .write(|db| {
                let (ann, board, [a, b, c]) = board(db)?;
                for (id, direction, expected) in [
                    (a, Direction::Up, None),
                    (a, Direction::Down, Some("bac")),
                    (a, Direction::Down, Some("bca")),
                    (a, Direction::Down, None),
                    (c, Direction::Up, Some("cba")),
                    (c, Direction::Left, None),
                    (c, Direction::Right, Some("ba")),
                ] {
                    let moved = step(db, ann, id, direction)?;
                    assert_eq!(moved.is_some(), expected.is_some(), "{direction:?}");
                    let shown = titles(db, board, Column::Todo);
                    assert_eq!(expected.unwrap_or(&shown), shown, "{direction:?}");
                }
                step(db, ann, c, Direction::Right)?;
                assert!(step(db, ann, c, Direction::Right)?.is_none());
                assert_eq!((titles(db, board, Column::Done), b), ("c".to_owned(), b));
                Ok(())
            })
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn a_deleted_card_comes_back_to_its_position_until_it_is_purged() {
        let (_folder, store) = testing::open().await;
        store
            .write(|db| {
                let (ann, board, [a, b, _]) = board(db)?;
                let eve = users::add(db, "eve", "")?.unwrap();
                remove(db, ann, b)?;
                assert_eq!(titles(db, board, Column::Todo), "ac");
                assert_eq!(removed(db, board)?, [RemovedCard { card: b, title: "b".into() }]);
                assert!(edit(db, ann, b, "x", "").is_err() && find(db, board, b)?.is_none());
                let unknown = restore(db, ann, a).unwrap_err();
                let refused = restore(db, eve, b).unwrap_err();
                assert_eq!(refused.message(), unknown.message());

                let restored = restore(db, ann, b)?.unwrap();
                assert_eq!((restored.revision, restored.card.title.as_str()), (5, "b"));
                assert_eq!(titles(db, board, Column::Todo), "abc");
                assert!(removed(db, board)?.is_empty() && restore(db, ann, b).is_err());

                remove(db, ann, b)?;
                assert_eq!(purge(db, Duration::from_secs(60))?, 0);
                db.execute("UPDATE cards SET removed_at = 0 WHERE id = ?1", [b])?;
                assert_eq!(purge(db, Duration::from_secs(60))?, 1);
                assert!(restore(db, ann, b).is_err());

                remove(db, ann, a)?;
                for _ in 1..CARDS_MAX {
                    add(db, board, Column::Doing, "x")?.unwrap();
                }
                assert!(restore(db, ann, a)?.is_err(), "the board is full");
                Ok(())
            })
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn a_delivery_makes_one_card() {
        let (_folder, store) = testing::open().await;
        store
            .write(|db| {
                let (_, board, _) = board(db)?;
                assert!(deliver(db, "1", board, "d")?.is_some());
                assert!(deliver(db, "1", board, "d")?.is_none());
                assert_eq!(titles(db, board, Column::Todo), "abcd");
                assert_eq!(deliver(db, "2", BoardId(9), "d").unwrap_err().code(), Code::NotFound);
                assert_eq!(forget_deliveries(db, Duration::from_secs(60))?, 0);
                assert_eq!(count(db, Column::Todo)?, 4);
                Ok(())
            })
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn a_board_has_a_bounded_number_of_cards() {
        let (_folder, store) = testing::open().await;
        store
            .write(|db| {
                let (_, board, _) = board(db)?;
                for _ in 3..CARDS_MAX {
                    add(db, board, Column::Doing, "x")?.unwrap();
                }
                assert!(add(db, board, Column::Doing, "x")?.is_err());
                assert_eq!(deliver(db, "1", board, "x").unwrap_err().word(), "board_is_full");
                Ok(())
            })
            .await
            .unwrap();
    }
}
