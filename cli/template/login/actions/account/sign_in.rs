//! `account.SignIn`

use kipo::{Action, Context, Error, Limits, Rate, Result, action};

use crate::{password, store::Store, user};

/// How often somebody may try to sign in to one account.
const ACCOUNT_RATE: Rate = Rate::per_hour(60).burst(10);

/// Signs in.
#[action(public)]
pub struct SignIn {
    #[validate(length(max = 24))]
    name: String,
    #[validate(length(max = 200))]
    password: String,
}

impl Action for SignIn {
    type Output = ();
    // By address: one machine cannot try many accounts.
    const LIMITS: Limits = Limits::new().rate(Rate::per_minute(20));

    async fn call(self, cx: Context) -> Result<()> {
        // By name: many machines cannot try one account. `ann` and `Ann` are one.
        let name = self.name.to_ascii_lowercase();
        cx.limit_rate("sign-in", &name, ACCOUNT_RATE).await?;
        let found = cx.state::<Store>()?.user_and_hash(&name).await?;
        let (user, hash) = found.unzip();
        let is_right = password::is_right(self.password, hash).await?;
        let Some(user) = user.filter(|_| is_right) else {
            // One answer for both, so that nobody learns which names there are.
            let message = "the name or the password is wrong";
            return Err(Error::unauthorized(message).with_word("wrong_name_or_password"));
        };
        user::sign_in(&cx, &user).await?;
        cx.redirect("/")
    }
}

#[cfg(test)]
mod tests {
    use kipo::testing::json;

    use super::*;
    use crate::{actions::account::sign_up::SignUp, tests::start};

    #[tokio::test]
    async fn only_the_right_password_signs_in_and_the_session_gets_a_new_token() {
        let app = start().await;
        let account = json!({ "name": "ann", "password": "correct horse" });
        app.call::<SignUp>(&account).await.output();

        let ann = app.client();
        for (name, password) in [("ann", "wrong horse"), ("bob", "correct horse")] {
            let input = json!({ "name": name, "password": password });
            let answer = ann.call::<SignIn>(input).await;
            assert_eq!(answer.error().code, "wrong_name_or_password");
            assert_eq!(ann.cookie("kipo-session"), None, "{answer}");
        }
        let answer = ann.call::<SignIn>(&account).await;
        answer.output();
        assert!(
            answer
                .set_cookie("kipo-session")
                .unwrap()
                .contains("HttpOnly")
        );
        let first = ann.cookie("kipo-session");
        assert_eq!(ann.get("/").await.status(), 200);

        ann.call::<SignIn>(&account).await.output();
        assert_ne!(ann.cookie("kipo-session"), first);
    }

    #[tokio::test]
    async fn one_account_is_tried_a_few_times() {
        let app = start().await;
        for attempt in 0..11 {
            let name = if attempt % 2 == 0 { "ann" } else { "ANN" };
            let input = json!({ "name": name, "password": "a guess" });
            let error = app.call::<SignIn>(input).await.error();
            assert_eq!(error.status, if attempt < 10 { 401 } else { 429 });
        }
        // The limit is that of the account: the same address may try another one.
        let input = json!({ "name": "bob", "password": "a guess" });
        assert_eq!(app.call::<SignIn>(input).await.error().status, 401);
    }

    #[tokio::test]
    async fn one_address_tries_few_accounts() {
        let app = start().await;
        for _ in 0..20 {
            assert_eq!(app.call::<SignIn>(json!({})).await.error().status, 422);
        }
        assert_eq!(app.call::<SignIn>(json!({})).await.error().status, 429);
    }
}
