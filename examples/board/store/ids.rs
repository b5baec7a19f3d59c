//! The ids of what is stored. Each is a type of its own, so a card's id is never taken for a board's.

use std::borrow::Cow;

use kipo::{TopicKey, data};
use rusqlite::{
    ToSql,
    types::{FromSql, FromSqlResult, ToSqlOutput, ValueRef},
};

/// Defines an id: a number on the wire and in the database.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[data]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub struct $name(pub(crate) i64);

        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(self.0.into())
            }
        }

        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                value.as_i64().map(Self)
            }
        }
    };
}

id! {
    /// A user.
    UserId
}

id! {
    /// A board.
    BoardId
}

id! {
    /// A card.
    CardId
}

id! {
    /// A file of a card.
    AttachmentId
}

/// The topic of a board has its number as the key.
impl TopicKey for BoardId {
    fn to_key(&self) -> Cow<'_, str> {
        self.0.to_string().into()
    }

    fn from_key(key: &str) -> Option<Self> {
        i64::from_key(key).map(Self)
    }
}
