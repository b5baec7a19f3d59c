//! The boards and who is a member of which.

use kipo::{Error, Result, data};
use rusqlite::{Connection, OptionalExtension as _, named_params};

use super::{
    ids::{BoardId, UserId},
    now_ms,
};

/// The most boards that one user may be a member of.
pub(crate) const BOARDS_MAX: u32 = 100;

/// The most members of one board.
pub(crate) const MEMBERS_MAX: u32 = 50;

/// A board in a list.
#[data]
#[derive(Debug)]
pub struct Summary {
    /// The board.
    pub board: BoardId,
    /// Its title.
    pub title: String,
    /// How many cards it has.
    pub cards: u32,
    /// How many members it has.
    pub members: u32,
}

/// A member of a board.
#[data]
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// The name of the user.
    pub name: String,
    /// Whether the user owns the board.
    pub is_owner: bool,
}

/// The proof that a user is a member of a board.
#[derive(Debug)]
pub(crate) struct Membership {
    pub(crate) title: String,
    /// The newest revision of the board.
    pub(crate) revision: i64,
    /// The revision with which the user became a member.
    pub(crate) since_revision: i64,
    pub(crate) is_owner: bool,
}

/// Why a user does not become a member.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum NotAdded {
    IsMember,
    /// The board has [`MEMBERS_MAX`] members.
    BoardIsFull,
    /// The user has [`BOARDS_MAX`] boards.
    UserIsFull,
}

/// Adds a board with its owner. Returns nothing if the owner has too many boards.
pub(crate) fn create(db: &Connection, owner: UserId, title: &str) -> Result<Option<BoardId>> {
    if boards_of(db, owner)? >= BOARDS_MAX {
        return Ok(None);
    }
    let sql = "INSERT INTO boards (title, created_at) VALUES (?1, ?2) RETURNING id";
    let board = db.query_row(sql, (title, now_ms()), |row| row.get(0))?;
    db.execute("INSERT INTO members VALUES (?1, ?2, 1, 0)", (board, owner))?;
    Ok(Some(board))
}

/// Returns the proof that a user is a member of a board.
///
/// # Errors
///
/// Returns the same 404 if there is no such board and if the user is no member: a stranger does not
/// learn which boards there are.
pub(crate) fn membership(db: &Connection, user: UserId, board: BoardId) -> Result<Membership> {
    let sql = "SELECT title, revision, since_revision, is_owner FROM members
               JOIN boards ON boards.id = board WHERE board = ?1 AND user = ?2";
    let found = db.query_row(sql, (board, user), |row| {
        let (title, revision) = (row.get(0)?, row.get(1)?);
        Ok(Membership { title, revision, since_revision: row.get(2)?, is_owner: row.get(3)? })
    });
    found.optional()?.ok_or_else(|| Error::not_found("there is no such board"))
}

/// Returns the proof that a user owns a board.
pub(crate) fn ownership(db: &Connection, user: UserId, board: BoardId) -> Result<Membership> {
    let membership = membership(db, user, board)?;
    if membership.is_owner {
        return Ok(membership);
    }
    Err(Error::forbidden("only the owner of the board may do this"))
}

/// Returns the boards of a user, in alphabetical order.
pub(crate) fn of_user(db: &Connection, user: UserId) -> Result<Vec<Summary>> {
    let sql = format!(
        "{SUMMARY} JOIN members ON board = id AND user = ?1 ORDER BY title COLLATE NOCASE, id"
    );
    let mut query = db.prepare_cached(&sql)?;
    Ok(query.query_map([user], summary)?.collect::<rusqlite::Result<_>>()?)
}

/// Returns the newest boards, at most `limit`.
pub(crate) fn list(db: &Connection, limit: u32) -> Result<Vec<Summary>> {
    let mut query = db.prepare_cached(&format!("{SUMMARY} ORDER BY id DESC LIMIT ?1"))?;
    Ok(query.query_map([limit], summary)?.collect::<rusqlite::Result<_>>()?)
}

const SUMMARY: &str =
    "SELECT id, title, (SELECT count(*) FROM shown_cards WHERE shown_cards.board = boards.id),
    (SELECT count(*) FROM members AS all_members WHERE all_members.board = boards.id) FROM boards";

fn summary(row: &rusqlite::Row<'_>) -> rusqlite::Result<Summary> {
    let (board, title) = (row.get(0)?, row.get(1)?);
    Ok(Summary { board, title, cards: row.get(2)?, members: row.get(3)? })
}

/// Returns the members of a board, in alphabetical order.
pub(crate) fn members(db: &Connection, board: BoardId) -> Result<Vec<Member>> {
    let sql = "SELECT name, is_owner FROM members JOIN users ON id = user
               WHERE board = ?1 ORDER BY name COLLATE NOCASE";
    let mut query = db.prepare_cached(sql)?;
    let member = |row: &rusqlite::Row<'_>| Ok(Member { name: row.get(0)?, is_owner: row.get(1)? });
    Ok(query.query_map([board], member)?.collect::<rusqlite::Result<_>>()?)
}

/// Adds a member. Returns the new revision of the board.
pub(crate) fn add_member(
    db: &Connection,
    board: BoardId,
    user: UserId,
) -> Result<std::result::Result<i64, NotAdded>> {
    let sql = "SELECT count(*), coalesce(sum(user = ?2), 0) FROM members WHERE board = ?1";
    let count = |row: &rusqlite::Row<'_>| Ok((row.get::<_, u32>(0)?, row.get::<_, bool>(1)?));
    let refused = match db.query_row(sql, (board, user), count)? {
        (_, true) => NotAdded::IsMember,
        (MEMBERS_MAX.., _) => NotAdded::BoardIsFull,
        _ if boards_of(db, user)? >= BOARDS_MAX => NotAdded::UserIsFull,
        _ => {
            let revision = raise_revision(db, board)?;
            db.execute("INSERT INTO members VALUES (?1, ?2, 0, ?3)", (board, user, revision))?;
            return Ok(Ok(revision));
        }
    };
    Ok(Err(refused))
}

/// Removes a member who is not the owner. Returns the new revision of the board, or nothing if there
/// is no such member.
pub(crate) fn remove_member(db: &Connection, board: BoardId, name: &str) -> Result<Option<i64>> {
    let sql = "DELETE FROM members WHERE board = :board AND NOT is_owner
               AND user = (SELECT id FROM users WHERE name = :name)";
    if db.execute(sql, named_params! { ":board": board, ":name": name })? == 0 {
        return Ok(None);
    }
    raise_revision(db, board).map(Some)
}

/// Deletes a board with its cards.
pub(crate) fn remove(db: &Connection, board: BoardId) -> Result<()> {
    db.execute("DELETE FROM boards WHERE id = ?1", [board])?;
    Ok(())
}

/// Counts one more change of a board.
pub(super) fn raise_revision(db: &Connection, board: BoardId) -> Result<i64> {
    let sql = "UPDATE boards SET revision = revision + 1 WHERE id = ?1 RETURNING revision";
    Ok(db.query_row(sql, [board], |row| row.get(0))?)
}

fn boards_of(db: &Connection, user: UserId) -> Result<u32> {
    let sql = "SELECT count(*) FROM members WHERE user = ?1";
    Ok(db.query_row(sql, [user], |row| row.get(0))?)
}

#[cfg(test)]
mod tests {
    use kipo::Code;

    use super::*;
    use crate::store::{cards, testing, users};

    #[tokio::test]
    async fn a_board_is_for_its_members_alone() {
        let (_folder, store) = testing::open().await;
        store
            .write(|db| {
                let ann = users::add(db, "ann", "")?.unwrap();
                let bob = users::add(db, "bob", "")?.unwrap();
                let board = create(db, ann, "Kitchen")?.unwrap();
                let refused = membership(db, bob, board).unwrap_err();
                assert_eq!(refused.code(), Code::NotFound);
                let absent = membership(db, ann, BoardId(99)).unwrap_err();
                assert_eq!(refused.message(), absent.message());

                assert_eq!(add_member(db, board, bob)?, Ok(1));
                assert_eq!(add_member(db, board, bob)?, Err(NotAdded::IsMember));
                assert_eq!(membership(db, bob, board)?.since_revision, 1);
                assert_eq!(ownership(db, bob, board).unwrap_err().code(), Code::Forbidden);
                assert_eq!(ownership(db, ann, board)?.title, "Kitchen");
                for _ in 0..3 {
                    cards::add(db, board, cards::Column::Doing, "card")?.unwrap();
                }
                let [Summary { cards, members: 2, .. }] = &of_user(db, bob)?[..] else { panic!() };
                assert_eq!((*cards, list(db, 1)?[0].cards), (3, 3));

                assert_eq!(remove_member(db, board, "ann")?, None);
                assert_eq!(remove_member(db, board, "BOB")?, Some(5));
                assert_eq!(members(db, board)?, [Member { name: "ann".into(), is_owner: true }]);
                remove(db, board)?;
                assert!(list(db, 10)?.is_empty() && of_user(db, ann)?.is_empty());
                Ok(())
            })
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn boards_and_members_are_bounded() {
        let (_folder, store) = testing::open().await;
        store
            .write(|db| {
                let ann = users::add(db, "ann", "")?.unwrap();
                let board = create(db, ann, "first")?.unwrap();
                for _ in 1..BOARDS_MAX {
                    assert!(create(db, ann, "more")?.is_some());
                }
                assert!(create(db, ann, "too many")?.is_none());
                let bob = users::add(db, "bob", "")?.unwrap();
                let of_bob = create(db, bob, "of Bob")?.unwrap();
                assert_eq!(add_member(db, of_bob, ann)?, Err(NotAdded::UserIsFull));
                for n in 1..MEMBERS_MAX {
                    let user = users::add(db, &format!("user{n}"), "")?.unwrap();
                    assert!(add_member(db, board, user)?.is_ok());
                }
                assert_eq!(add_member(db, board, bob)?, Err(NotAdded::BoardIsFull));
                Ok(())
            })
            .await
            .unwrap();
    }
}
