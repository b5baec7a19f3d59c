//! The page `/`, for users.

use kipo::{Result, data, page};

use crate::user::User;

/// What the page shows.
#[data]
pub struct Guestbook {
    /// The name of the user.
    user: String,
}

/// `pages/index.html`
#[page("index")]
pub async fn guestbook(#[context] user: User) -> Result<Guestbook> {
    Ok(Guestbook { user: user.name })
}
