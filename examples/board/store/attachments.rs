//! The files of cards: a row for each, and its bytes in a file of the store's folder.
//!
//! The file is written before its row, and removed after it. A process that is killed in between, and a
//! card that is deleted with its rows, leave files without a row: [`remove_orphans`] removes them.

use std::{
    collections::HashSet,
    fs, io,
    path::Path,
    time::{Duration, SystemTime},
};

use kipo::{Error, Result, data};
use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

use super::{
    boards::raise_revision,
    cards::{self, Changed},
    ids::{AttachmentId, BoardId, CardId, UserId},
    now_ms,
};

/// The most bytes of all files of one board.
pub(crate) const BOARD_BYTES_MAX: u64 = 200 << 20;

/// The types that a browser shows as a picture and never runs. SVG is not among them.
const PICTURES: [&str; 5] = ["image/avif", "image/gif", "image/jpeg", "image/png", "image/webp"];

/// A file of a card.
#[data]
#[derive(Clone, Debug, PartialEq)]
pub struct Attachment {
    /// Its id.
    pub attachment: AttachmentId,
    /// The name that it had where it came from.
    pub name: String,
    /// Its size in words.
    pub size: String,
    /// Whether a browser can show it as a picture.
    pub is_picture: bool,
}

/// A file that has arrived, and is not attached yet.
#[derive(Clone, Debug)]
pub(crate) struct Arrived {
    /// The name of the file in the store's folder.
    pub(crate) key: String,
    pub(crate) name: String,
    pub(crate) content_type: String,
    pub(crate) bytes: u64,
}

/// A file as it is stored.
#[derive(Debug, PartialEq)]
pub(crate) struct Stored {
    pub(crate) key: String,
    pub(crate) name: String,
    pub(crate) content_type: String,
}

impl Stored {
    /// Returns whether a browser may show the file as a picture.
    pub(crate) fn is_picture(&self) -> bool {
        PICTURES.contains(&&*self.content_type)
    }
}

/// Why files were not attached: the board would have more than [`BOARD_BYTES_MAX`] with them.
#[derive(Debug)]
pub(crate) struct BoardIsFull {
    /// How many bytes its files have now.
    pub(crate) bytes: u64,
}

/// Returns `count` keys that no other file has. Nobody can guess one.
pub(crate) fn new_keys(db: &Connection, count: usize) -> Result<Vec<String>> {
    let mut query = db.prepare_cached("SELECT lower(hex(randomblob(16)))")?;
    let mut key = || Ok(query.query_row([], |row| row.get(0))?);
    (0..count).map(|_| key()).collect()
}

/// Returns an error or a refusal if a user may not attach files of this size to a card.
pub(crate) fn admit(
    db: &Connection,
    user: UserId,
    card: CardId,
    bytes: u64,
) -> Result<std::result::Result<BoardId, BoardIsFull>> {
    let (board, _) = cards::for_member(db, user, card)?;
    let sql = "SELECT coalesce(sum(bytes), 0) FROM attachments JOIN cards ON cards.id = card
               WHERE board = ?1";
    let has: u64 = db.query_row(sql, [board], |row| row.get(0))?;
    let is_full = has.saturating_add(bytes) > BOARD_BYTES_MAX;
    Ok(if is_full { Err(BoardIsFull { bytes: has }) } else { Ok(board) })
}

/// Attaches files to a card, for a member of its board.
pub(crate) fn add(
    db: &Connection,
    user: UserId,
    card: CardId,
    files: &[Arrived],
) -> Result<std::result::Result<Changed, BoardIsFull>> {
    let board = match admit(db, user, card, files.iter().map(|file| file.bytes).sum())? {
        Ok(board) => board,
        Err(full) => return Ok(Err(full)),
    };
    let sql = "INSERT INTO attachments (card, key, name, content_type, bytes, created_at)
               VALUES (:card, :key, :name, :content_type, :bytes, :now)";
    let mut insert = db.prepare_cached(sql)?;
    for Arrived { key, name, content_type, bytes } in files {
        insert.execute(named_params! {
            ":card": card,
            ":key": key,
            ":name": name,
            ":content_type": content_type,
            ":bytes": bytes,
            ":now": now_ms(),
        })?;
    }
    raise_revision(db, board)?;
    cards::as_changed(db, board, card).map(Ok)
}

/// Returns the files of a card, the oldest first. The caller has made sure that this is allowed.
pub(crate) fn of_card(db: &Connection, card: CardId) -> Result<Vec<Attachment>> {
    let sql = "SELECT id, name, bytes, content_type FROM attachments WHERE card = ?1 ORDER BY id";
    let mut query = db.prepare_cached(sql)?;
    let attachment = |row: &Row<'_>| {
        let content_type: String = row.get(3)?;
        Ok(Attachment {
            attachment: row.get(0)?,
            name: row.get(1)?,
            size: in_words(row.get(2)?),
            is_picture: PICTURES.contains(&&*content_type),
        })
    };
    Ok(query.query_map([card], attachment)?.collect::<rusqlite::Result<_>>()?)
}

/// Returns a file, for a member of its board.
pub(crate) fn get(db: &Connection, user: UserId, id: AttachmentId) -> Result<Stored> {
    for_member(db, user, id).map(|(_, stored)| stored)
}

/// Takes a file from its card, for a member of its board. Returns the key of the file, which is then
/// to be removed.
pub(crate) fn remove(db: &Connection, user: UserId, id: AttachmentId) -> Result<(Changed, String)> {
    let (card, stored) = for_member(db, user, id)?;
    let (board, _) = cards::for_member(db, user, card)?;
    db.execute("DELETE FROM attachments WHERE id = ?1", [id])?;
    raise_revision(db, board)?;
    Ok((cards::as_changed(db, board, card)?, stored.key))
}

fn for_member(db: &Connection, user: UserId, id: AttachmentId) -> Result<(CardId, Stored)> {
    let sql = "SELECT card, key, name, content_type FROM attachments WHERE id = ?1";
    let found = db.query_row(sql, [id], |row| {
        let stored = Stored { key: row.get(1)?, name: row.get(2)?, content_type: row.get(3)? };
        Ok((row.get(0)?, stored))
    });
    let absent = || Error::not_found("there is no such file");
    let (card, stored) = found.optional()?.ok_or_else(absent)?;
    // Somebody who is no member does not learn that there is such a file.
    cards::for_member(db, user, card).map_err(|error| match error.code() {
        kipo::Code::NotFound => absent(),
        _ => error,
    })?;
    Ok((card, stored))
}

/// Removes the files of a folder that no row names and that are older than `age`: a younger one may
/// be about to get its row. Returns how many there were.
pub(crate) fn remove_orphans(db: &Connection, folder: &Path, age: Duration) -> Result<usize> {
    let mut query = db.prepare_cached("SELECT key FROM attachments")?;
    let keys = query.query_map([], |row| row.get(0))?;
    let keys = keys.collect::<rusqlite::Result<HashSet<String>>>()?;
    let mut removed = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let is_known = entry.file_name().to_str().is_some_and(|name| keys.contains(name));
        if is_known || !is_older(&entry.metadata()?, age) {
            continue;
        }
        // Another node tidies too.
        match fs::remove_file(entry.path()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => removed += 1,
        }
    }
    Ok(removed)
}

fn is_older(file: &fs::Metadata, age: Duration) -> bool {
    let modified = file.modified().ok();
    let since = modified.and_then(|modified| SystemTime::now().duration_since(modified).ok());
    since.is_some_and(|since| since >= age)
}

/// Returns a size as people read it.
pub(crate) fn in_words(bytes: u64) -> String {
    match bytes {
        1 => "1 byte".to_owned(),
        0..1024 => format!("{bytes} bytes"),
        1024..1_048_576 => format!("{} KB", bytes.div_ceil(1024)),
        _ => match (bytes >> 20, (bytes % (1 << 20) * 10) >> 20) {
            (whole, 0) => format!("{whole} MB"),
            (whole, tenth) => format!("{whole}.{tenth} MB"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{boards, cards::Column, testing, users};

    fn file(key: &str, bytes: u64) -> Arrived {
        let (name, content_type) = ("plan.png".to_owned(), "image/png".to_owned());
        Arrived { key: key.to_owned(), name, content_type, bytes }
    }

    /// Makes a board with a card.
    fn kitchen(db: &Connection) -> Result<(UserId, BoardId, CardId)> {
        let ann = users::add(db, "ann", "")?.unwrap();
        let board = boards::create(db, ann, "Kitchen")?.unwrap();
        let added = cards::add(db, board, Column::Todo, "Tea")?.unwrap();
        Ok((ann, board, added.card.card))
    }

    #[tokio::test]
    async fn a_file_is_for_the_members_of_its_board_until_its_card_is_deleted() {
        let (_folder, store) = testing::open().await;
        store
            .write(|db| {
                let (ann, _, card) = kitchen(db)?;
                let eve = users::add(db, "eve", "")?.unwrap();
                let added = add(db, ann, card, &[file("a", 1), file("b", 2)])?.unwrap();
                assert_eq!((added.revision, added.card.files), (2, 2));
                let [Attachment { attachment, size, is_picture: true, .. }, _] =
                    &of_card(db, card)?[..]
                else {
                    panic!()
                };
                assert_eq!(size, "1 byte");
                assert_eq!(get(db, ann, *attachment)?.key, "a");

                let unknown = get(db, ann, AttachmentId(99)).unwrap_err();
                let refused = [
                    get(db, eve, *attachment).map(drop),
                    remove(db, eve, *attachment).map(drop),
                    add(db, eve, card, &[file("c", 1)]).map(drop),
                ];
                for refused in refused {
                    assert_eq!(refused.unwrap_err().code(), unknown.code());
                }
                let (removed, key) = remove(db, ann, *attachment)?;
                assert_eq!((removed.card.files, &*key), (1, "a"));

                let rest = of_card(db, card)?[0].attachment;
                cards::remove(db, ann, card)?;
                assert!(get(db, ann, rest).is_err());
                assert_eq!(cards::restore(db, ann, card)?.unwrap().card.files, 1);
                assert_eq!(get(db, ann, rest)?.key, "b");
                Ok(())
            })
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn the_files_of_a_board_have_a_bounded_size() {
        let (_folder, store) = testing::open().await;
        store
            .write(|db| {
                let (ann, board, card) = kitchen(db)?;
                add(db, ann, card, &[file("a", BOARD_BYTES_MAX - 10)])?.unwrap();
                let other = cards::add(db, board, Column::Done, "Milk")?.unwrap().card.card;
                let full = add(db, ann, other, &[file("b", 10), file("c", 1)])?.unwrap_err();
                assert_eq!(full.bytes, BOARD_BYTES_MAX - 10);
                assert!(of_card(db, other)?.is_empty());
                add(db, ann, other, &[file("b", 10)])?.unwrap();
                Ok(())
            })
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn files_without_a_row_are_removed_once_they_are_old() {
        let (_folder, store) = testing::open().await;
        let folder = store.folder().to_owned();
        let removed = store.write(move |db| {
            let (ann, _, card) = kitchen(db)?;
            add(db, ann, card, &[file("a", 1)])?.unwrap();
            for key in ["a", "b"] {
                fs::write(folder.join(key), key)?;
            }
            assert_eq!(remove_orphans(db, &folder, Duration::from_secs(60))?, 0);
            assert_eq!(remove_orphans(db, &folder, Duration::ZERO)?, 1);
            assert!(folder.join("a").exists());
            // The rows of a card that is gone are gone with it.
            db.execute("DELETE FROM cards", [])?;
            remove_orphans(db, &folder, Duration::ZERO)
        });
        assert_eq!(removed.await.unwrap(), 1);
    }

    #[test]
    fn a_size_is_short() {
        let sizes = [0, 1023, 1024, 1025, (1 << 20) - 1, 1 << 20, 20 << 20, (3 << 20) / 2];
        let expected =
            ["0 bytes", "1023 bytes", "1 KB", "2 KB", "1024 KB", "1 MB", "20 MB", "1.5 MB"];
        assert_eq!(sizes.map(in_words), expected);
    }
}
