//! The page and the actions of admins.

use kipo::{Context, Query, Result, State, action, data, page};

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
    ended: Option<UserId>,
}

/// What the page of the admins shows.
#[data]
pub struct Overview {
    user: User,
    /// The name of the user whose sessions were ended.
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
    let ended = query.0.ended;
    let read = move |db: &rusqlite::Transaction<'_>| {
        let ended = ended.map(|user| users::by_id(db, user)).transpose()?.flatten();
        Ok((ended, users::list(db, SHOWN_MAX)?, boards::list(db, SHOWN_MAX)?))
    };
    let (ended, users, boards) = store.read(read).await?;
    Ok(Overview { user, ended: ended.map(|user| user.name), users, boards })
}

/// Signs a user out everywhere: the open pages of the user end within a second.
#[action(guard = Admin)]
pub async fn end_sessions(cx: Context, user: UserId) -> Result<()> {
    user::end_sessions(&cx, user).await?;
    // The page reports it, with JavaScript and without.
    cx.redirect(&format!("/admin?ended={}", user.0))
}
