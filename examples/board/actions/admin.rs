//! The page and the actions of admins.

use kipo::{Context, Error, Query, Result, State, action, data, page};

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

/// The query of the page of the admins.
#[data]
pub struct Done {
    /// Whose sessions were ended.
    ended: Option<String>,
}

/// What the page of the admins shows.
#[data]
pub struct Overview {
    user: User,
    ended: Option<String>,
    users: Vec<Listed>,
    boards: Vec<Summary>,
}

/// `pages/admin.html`
#[page("admin", guard = Admin)]
pub async fn overview(
    store: State<Store>,
    #[context] user: User,
    query: Query<Done>,
) -> Result<Overview> {
    let read = |db: &rusqlite::Transaction<'_>| {
        Ok((users::list(db, SHOWN_MAX)?, boards::list(db, SHOWN_MAX)?))
    };
    let (users, boards) = store.read(read).await?;
    Ok(Overview { user, ended: query.0.ended, users, boards })
}

/// Signs a user out everywhere: the open pages of the user end within a second.
#[action(guard = Admin)]
pub async fn end_sessions(cx: Context, user: UserId) -> Result<()> {
    let store = cx.state::<Store>()?;
    let found = store.read(move |db| users::by_id(db, user)).await?;
    let User { name, .. } = found.ok_or_else(|| Error::not_found("there is no such user"))?;
    user::end_sessions(&cx, user).await?;
    // A name needs no encoding. The page says it, with JavaScript and without.
    cx.redirect(&format!("/admin?ended={name}"))
}
