//! `account.SignUp`

use kipo::{Action, Code, Context, Error, Limits, Rate, Result, action};

use crate::{password, store::Store, user};

/// Makes an account and signs in.
#[action(public)]
pub struct SignUp {
    /// 2 to 24 letters, digits, `-` and `_`.
    #[validate(length(min = 2, max = 24), custom(function = is_name))]
    name: String,
    #[validate(length(min = 10, max = 200))]
    password: String,
}

impl Action for SignUp {
    type Output = ();
    // By address. A few people who share one sign up together now and then.
    const LIMITS: Limits = Limits::new().rate(Rate::per_hour(20).burst(10));

    async fn call(self, cx: Context) -> Result<()> {
        let hash = password::hash(self.password).await?;
        let added = cx.state::<Store>()?.add(&self.name, &hash).await?;
        let taken = || Error::new(Code::Conflict, "this name is taken").with_word("name_taken");
        user::sign_in(&cx, &added.ok_or_else(taken)?).await?;
        cx.redirect("/")
    }
}

fn is_name(name: &str) -> std::result::Result<(), &'static str> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if name.bytes().all(is_allowed) {
        return Ok(());
    }
    Err("may have letters, digits, - and _")
}

#[cfg(test)]
mod tests {
    use kipo::testing::json;

    use super::*;
    use crate::tests::start;

    #[tokio::test]
    async fn a_visitor_who_signs_up_is_signed_in() {
        let app = start().await;
        let ann = app.client();
        let account = json!({ "name": "ann", "password": "correct horse" });
        let answer = ann.call::<SignUp>(&account).await;
        let to_the_book = json!({ "effect": "redirect", "path": "/" });
        assert_eq!(answer.effects(), [to_the_book]);
        let page = ann.get("/").await;
        assert!(page.text().contains("<strong>ann</strong>"), "{page}");
        // Another visitor is not.
        assert_eq!(app.get("/").await.status(), 303);

        let taken = json!({ "name": "ANN", "password": "battery staple" });
        let error = app.call::<SignUp>(taken).await.error();
        assert_eq!((error.status, error.code.as_str()), (409, "name_taken"));
    }

    #[tokio::test]
    async fn a_name_and_a_password_that_break_the_rules_are_refused() {
        let app = start().await;
        let account = json!({ "name": "a b", "password": "short" });
        let error = app.call::<SignUp>(account).await.error();
        assert_eq!(
            error.fields.get("name"),
            ["may have letters, digits, - and _"]
        );
        assert_eq!(
            error.fields.get("password"),
            ["must have 10 to 200 characters"]
        );
    }

    #[tokio::test]
    async fn one_address_makes_few_accounts() {
        let app = start().await;
        for _ in 0..10 {
            let error = app.call::<SignUp>(json!({})).await.error();
            assert_eq!(error.status, 422);
        }
        assert_eq!(app.call::<SignUp>(json!({})).await.error().status, 429);
    }
}
