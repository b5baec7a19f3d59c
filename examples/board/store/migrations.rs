//! Brings the tables of an older file up to date.

use kipo::{Error, Result};
use rusqlite::{Connection, Transaction, TransactionBehavior};

/// Each step, in its order. A step that has been released never changes: a new one comes after it.
const STEPS: &[&str] = &[
    include_str!("migrations/1_boards.sql"),
    include_str!("migrations/2_deliveries.sql"),
    include_str!("migrations/3_attachments.sql"),
];

/// Runs the steps that the file lacks, all of them or none. `user_version` counts those it has.
pub(super) fn apply(connection: &mut Connection) -> Result<()> {
    // Immediate: of two processes that start at the same time, one waits for the other.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let done = version(&transaction)?;
    let Some(missing) = STEPS.get(done..) else {
        let message = format!(
            "the database has {done} migrations and this version knows {}: a newer version has \
             written it",
            STEPS.len()
        );
        return Err(Error::conflict(message));
    };
    for step in missing {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", STEPS.len())?;
    transaction.commit()?;
    Ok(())
}

fn version(transaction: &Transaction<'_>) -> Result<usize> {
    Ok(transaction.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables(connection: &Connection) -> Vec<String> {
        let sql =
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
        let mut query = connection.prepare(&format!("{sql} ORDER BY name")).unwrap();
        query.query_map([], |row| row.get(0)).unwrap().collect::<rusqlite::Result<_>>().unwrap()
    }

    #[test]
    fn a_new_file_gets_all_tables_and_an_old_one_what_it_lacks() {
        let mut new = Connection::open_in_memory().unwrap();
        apply(&mut new).unwrap();
        let expected = ["attachments", "boards", "cards", "deliveries", "members", "users"];
        assert_eq!(tables(&new), expected);
        apply(&mut new).unwrap();

        let mut old = Connection::open_in_memory().unwrap();
        old.execute_batch(STEPS[0]).unwrap();
        old.execute("INSERT INTO boards VALUES (7, 'Kitchen', 0, 0)", []).unwrap();
        old.pragma_update(None, "user_version", 1).unwrap();
        apply(&mut old).unwrap();
        assert_eq!(tables(&old), expected);
        let title: String =
            old.query_row("SELECT title FROM boards", [], |row| row.get(0)).unwrap();
        assert_eq!(title, "Kitchen");
    }

    #[test]
    fn a_file_of_a_newer_version_is_not_touched() {
        let mut newer = Connection::open_in_memory().unwrap();
        newer.pragma_update(None, "user_version", STEPS.len() + 1).unwrap();
        let error = apply(&mut newer).unwrap_err();
        assert!(error.message().ends_with("a newer version has written it"), "{}", error.message());
        assert!(tables(&newer).is_empty());
    }
}
