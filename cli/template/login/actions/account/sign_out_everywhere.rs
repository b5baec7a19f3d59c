//! `account.SignOutEverywhere`

use kipo::{Context, Result, action};

use crate::user::{self, User};

/// Signs out in all browsers.
#[action]
pub async fn sign_out_everywhere(cx: Context, #[context] user: User) -> Result<()> {
    user::sign_out_everywhere(&cx, &user).await?;
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
    async fn all_sessions_of_the_user_end_and_no_other() {
        let app = start().await;
        let (phone, laptop, bob) = (app.client(), app.client(), app.client());
        let ann = json!({ "name": "ann", "password": "correct horse" });
        phone.call::<SignUp>(&ann).await.output();
        laptop.call::<SignIn>(&ann).await.output();
        let account = json!({ "name": "bob", "password": "battery staple" });
        bob.call::<SignUp>(account).await.output();

        phone.call::<SignOutEverywhere>(json!({})).await.output();
        assert_eq!(phone.cookie("kipo-session"), None);
        assert_eq!(phone.get("/").await.status(), 303);
        assert_eq!(laptop.get("/").await.status(), 303);
        assert_eq!(bob.get("/").await.status(), 200);
    }
}
