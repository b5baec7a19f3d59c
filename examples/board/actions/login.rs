//! The pages `/login` and `/sign-up`, for everybody.

use kipo::{Error, Query, Result, data, page};

use crate::user::User;

/// Where a visitor goes who has signed in.
#[data]
pub struct Next {
    /// A path of this app. The actions refuse any other.
    next: Option<String>,
}

/// `pages/login.html`
#[page("login", public)]
pub async fn login(#[context] user: Option<User>, next: Query<Next>) -> Result<Next> {
    for_strangers(user.as_ref(), next.0)
}

/// `pages/sign-up.html`
#[page("sign-up", public)]
pub async fn sign_up(#[context] user: Option<User>, next: Query<Next>) -> Result<Next> {
    for_strangers(user.as_ref(), next.0)
}

/// Sends a visitor on who has signed in already.
fn for_strangers(user: Option<&User>, next: Next) -> Result<Next> {
    match user {
        Some(_) => Err(Error::redirect(next.next.as_deref().unwrap_or("/"))),
        None => Ok(next),
    }
}
