//! The users and the hashes of their passwords.

use kipo::{Error, Result, data};
use rusqlite::{Connection, OptionalExtension as _, named_params};

use super::{ids::UserId, now_ms};

/// Somebody who has signed up.
#[data]
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    /// The id.
    pub id: UserId,
    /// The name, as it was written at sign-up.
    pub name: String,
    /// Whether the user is an admin.
    pub is_admin: bool,
}

/// A user in the list of the admins.
#[data]
#[derive(Debug)]
pub struct Listed {
    /// The user.
    pub user: User,
    /// Of how many boards the user is a member.
    pub boards: u32,
}

/// Adds a user. The first one becomes the admin.
pub(crate) fn add(db: &Connection, name: &str, password_hash: &str) -> Result<Option<UserId>> {
    let sql = "INSERT INTO users (name, password_hash, is_admin, created_at)
               VALUES (:name, :hash, NOT EXISTS (SELECT 1 FROM users), :now)
               ON CONFLICT DO NOTHING RETURNING id";
    let values = named_params! { ":name": name, ":hash": password_hash, ":now": now_ms() };
    Ok(db.query_row(sql, values, |row| row.get(0)).optional()?)
}

/// Returns a user, unless there is none with this id.
pub(crate) fn by_id(db: &Connection, id: UserId) -> Result<Option<User>> {
    let sql = "SELECT id, name, is_admin FROM users WHERE id = ?1";
    Ok(db.query_row(sql, [id], user).optional()?)
}

/// Returns a user by name.
pub(crate) fn by_name(db: &Connection, name: &str) -> Result<Option<User>> {
    let sql = "SELECT id, name, is_admin FROM users WHERE name = ?1";
    Ok(db.query_row(sql, [name], user).optional()?)
}

/// Returns the id and the hash of the password.
pub(crate) fn password_hash(db: &Connection, name: &str) -> Result<Option<(UserId, String)>> {
    let sql = "SELECT id, password_hash FROM users WHERE name = ?1";
    Ok(db.query_row(sql, [name], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
}

/// Returns the newest users, at most `limit`.
pub(crate) fn list(db: &Connection, limit: u32) -> Result<Vec<Listed>> {
    let sql = "SELECT id, name, is_admin, (SELECT count(*) FROM members WHERE user = users.id)
               FROM users ORDER BY id DESC LIMIT ?1";
    let mut query = db.prepare_cached(sql)?;
    let listed =
        query.query_map([limit], |row| Ok(Listed { user: user(row)?, boards: row.get(3)? }))?;
    listed.collect::<rusqlite::Result<_>>().map_err(Error::from)
}

fn user(row: &rusqlite::Row<'_>) -> rusqlite::Result<User> {
    Ok(User { id: row.get(0)?, name: row.get(1)?, is_admin: row.get(2)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing;

    #[tokio::test]
    async fn the_first_user_is_the_admin_and_names_are_taken_once() {
        let (_folder, store) = testing::open().await;
        store
            .write(|db| {
                let ann = add(db, "Ann", "hash")?.unwrap();
                let bob = add(db, "bob", "hash")?.unwrap();
                assert_eq!(add(db, "ANN", "hash")?, None);
                assert!(by_id(db, ann)?.unwrap().is_admin);
                assert!(!by_id(db, bob)?.unwrap().is_admin);
                assert_eq!(by_name(db, "aNN")?.unwrap().name, "Ann");
                assert_eq!(password_hash(db, "Bob")?, Some((bob, "hash".to_owned())));
                assert_eq!(list(db, 1)?[0].user.name, "bob");
                Ok(())
            })
            .await
            .unwrap();
    }
}
