//! The pages `/login` and `/sign-up`, for everybody.

use kipo::{Error, Result, page};

use crate::user::User;

/// `pages/login.html`
#[page("login", public)]
pub async fn login(#[context] user: Option<User>) -> Result<()> {
    for_strangers(user.as_ref())
}

/// `pages/sign-up.html`
#[page("sign-up", public)]
pub async fn sign_up(#[context] user: Option<User>) -> Result<()> {
    for_strangers(user.as_ref())
}

/// Sends a visitor who has signed in already to the guestbook.
fn for_strangers(user: Option<&User>) -> Result<()> {
    match user {
        Some(_) => Err(Error::redirect("/")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use kipo::testing::json;

    use crate::{actions::account::sign_up::SignUp, tests::start};

    #[tokio::test]
    async fn a_user_is_sent_to_the_guestbook() {
        let app = start().await;
        let account = json!({ "name": "ann", "password": "correct horse" });
        app.call::<SignUp>(account).await.output();
        for path in ["/login", "/sign-up"] {
            let page = app.get(path).await;
            assert_eq!(page.location(), Some("/"), "{page}");
        }
    }
}
