//! `account.SignOut`

use kipo::{Context, Result, action};

use crate::user;

/// Signs out in this browser.
#[action(public)]
pub async fn sign_out(cx: Context) -> Result<()> {
    user::sign_out(&cx).await?;
    cx.redirect("/login")
}

#[cfg(test)]
mod tests {
    use kipo::testing::json;

    use super::*;
    use crate::{
        actions::account::{sign_in::SignIn, sign_up::SignUp},
        tests::start,
    };

    #[tokio::test]
    async fn the_session_of_this_browser_ends_and_no_other() {
        let app = start().await;
        let (phone, laptop) = (app.client(), app.client());
        let ann = json!({ "name": "ann", "password": "correct horse" });
        phone.call::<SignUp>(&ann).await.output();
        laptop.call::<SignIn>(&ann).await.output();

        phone.call::<SignOut>(json!({})).await.output();
        assert_eq!(phone.cookie("kipo-session"), None);
        assert_eq!(phone.get("/").await.status(), 303);
        assert_eq!(laptop.get("/").await.status(), 200);
    }
}
