//! Numbers about the whole server.

use kipo::{Action, Context, Result, action, data};

use crate::{
    store::{
        Store,
        cards::{self, Column},
    },
    user::User,
};

/// Counts the cards of all boards.
#[action]
pub struct Show {
    #[context]
    _user: User,
}

/// How many cards are in each column, on all boards.
#[data]
#[derive(Debug, PartialEq)]
pub struct Stats {
    pub todo: u32,
    pub doing: u32,
    pub done: u32,
}

impl Action for Show {
    type Output = Stats;

    async fn call(self, cx: Context) -> Result<Stats> {
        let store = cx.state::<Store>()?;
        let counted = store.read(|db| {
            let count = |column| cards::count(db, column);
            let (todo, doing) = (count(Column::Todo)?, count(Column::Doing)?);
            Ok(Stats { todo, doing, done: count(Column::Done)? })
        });
        counted.await
    }
}
