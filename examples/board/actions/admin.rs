//! The page and the actions of admins.

use kipo::{Context, Result, State, action, data, page};

use crate::{
    store::{
        Store,
        boards::{self, Summary},
        ids::UserId,
        users::{self, Listed},
    },
    user::{self, Admin, User},
};

/// How many users and boards the page shows.
const SHOWN_MAX: u32 = 200;

/// What the page of the admins shows.
#[data]
pub struct Overview {
    user: User,
    users: Vec<Listed>,
    boards: Vec<Summary>,
}

/// `pages/admin.html`
#[page("admin", guard = Admin)]
pub async fn overview(store: State<Store>, #[context] user: User) -> Result<Overview> {
    let read = |db: &rusqlite::Transaction<'_>| {
        Ok((users::list(db, SHOWN_MAX)?, boards::list(db, SHOWN_MAX)?))
    };
    let (users, boards) = store.read(read).await?;
    Ok(Overview { user, users, boards })
}

/// Signs a user out everywhere: the open pages of the user end within a second.
#[action(guard = Admin)]
pub async fn end_sessions(cx: Context, user: UserId) -> Result<()> {
    user::end_sessions(&cx, user).await
}
