//! The pages `/login` and `/sign-up`, for everybody.

use kipo::{Error, Result, data, page};

use crate::user::User;

/// The query of the two pages.
#[data]
pub struct Query {
    /// Where a visitor goes after signing in: a path of this app.
    next: Option<String>,
}

/// What the two pages show.
#[data]
pub struct Form {
    next: String,
}

/// `pages/login.html`
#[page("login", public)]
pub async fn login(#[context] user: Option<User>, query: kipo::Query<Query>) -> Result<Form> {
    for_strangers(user.as_ref(), query.0)
}

/// `pages/sign-up.html`
#[page("sign-up", public)]
pub async fn sign_up(#[context] user: Option<User>, query: kipo::Query<Query>) -> Result<Form> {
    for_strangers(user.as_ref(), query.0)
}

/// Sends a visitor on who has signed in already.
fn for_strangers(user: Option<&User>, query: Query) -> Result<Form> {
    // `//evil.example` would be another site. The actions refuse it too.
    let is_own = |next: &String| next.starts_with('/') && !next.starts_with("//");
    let next = query.next.filter(is_own).unwrap_or_else(|| "/".to_owned());
    if user.is_some() { Err(Error::redirect(next)) } else { Ok(Form { next }) }
}
