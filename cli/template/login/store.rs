//! The users, in one SQLite file. Replace this file to use another database.

use std::{fs, path::PathBuf, sync::Arc};

use kipo::Result;
use rusqlite::{Connection, OptionalExtension as _, Row};
use tokio::{sync::Mutex, task::spawn_blocking};

/// Names are compared without case, so `Ann` and `ann` are one name.
const TABLES: &str = "CREATE TABLE IF NOT EXISTS users (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE COLLATE NOCASE,
    password_hash TEXT NOT NULL
) STRICT";

/// Somebody who has signed up.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    pub id: i64,
    pub name: String,
}

/// The open file. Queries wait for its one connection in a queue, and block no thread meanwhile.
pub struct Store(Arc<Mutex<Connection>>);

impl Store {
    /// Opens the file, and makes it if there is none.
    pub async fn open(path: PathBuf) -> Result<Self> {
        let opened = spawn_blocking(move || {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            let connection = Connection::open(path)?;
            connection.execute_batch(TABLES)?;
            Result::<_>::Ok(connection)
        });
        Ok(Self(Arc::new(Mutex::new(opened.await??))))
    }

    /// Adds a user, unless the name is taken. If two visitors choose one name at the same time, one
    /// of them gets it.
    pub async fn add(&self, name: &str, password_hash: &str) -> Result<Option<User>> {
        let values = [name.to_owned(), password_hash.to_owned()];
        let sql = "INSERT INTO users (name, password_hash) VALUES (?1, ?2)
                   ON CONFLICT (name) DO NOTHING RETURNING id, name";
        self.run(move |db| db.query_row(sql, values, user).optional())
            .await
    }

    /// Returns a user, unless there is none with this id.
    pub async fn user(&self, id: i64) -> Result<Option<User>> {
        let sql = "SELECT id, name FROM users WHERE id = ?1";
        self.run(move |db| db.query_row(sql, [id], user).optional())
            .await
    }

    /// Returns the user of a name, and the hash of the password.
    pub async fn user_and_hash(&self, name: &str) -> Result<Option<(User, String)>> {
        let name = name.to_owned();
        let sql = "SELECT id, name, password_hash FROM users WHERE name = ?1";
        let both = |row: &Row<'_>| Ok((user(row)?, row.get(2)?));
        self.run(move |db| db.query_row(sql, [name], both).optional())
            .await
    }

    /// Runs a query on a thread that may block. It is finished even if the future is dropped.
    async fn run<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let connection = Arc::clone(&self.0).lock_owned().await;
        Ok(spawn_blocking(move || query(&connection)).await??)
    }
}

fn user(row: &Row<'_>) -> rusqlite::Result<User> {
    Ok(User {
        id: row.get(0)?,
        name: row.get(1)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Store {
        pub(crate) async fn remove(&self, id: i64) -> Result<()> {
            let sql = "DELETE FROM users WHERE id = ?1";
            self.run(move |db| db.execute(sql, [id])).await?;
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_name_is_taken_once_and_found_in_any_case() {
        let store = Store::open(":memory:".into()).await.unwrap();
        // Both wait for the connection at the same time.
        let (one, two) = tokio::join!(store.add("Ann", "one"), store.add("ANN", "two"));
        let ann = one.unwrap().unwrap();
        assert_eq!(two.unwrap(), None);

        let found = store.user_and_hash("ann").await.unwrap();
        assert_eq!(found, Some((ann.clone(), "one".to_owned())));
        assert_eq!(store.user(ann.id).await.unwrap(), Some(ann));
        assert_eq!(store.user_and_hash("bob").await.unwrap(), None);
    }
}
