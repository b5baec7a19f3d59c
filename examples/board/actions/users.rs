//! Sign-up, sign-in and sign-out.

use kipo::{Action, ActionError, Context, Error, Limits, Rate, Result, action};

use crate::{
    password,
    store::{Store, users},
    user,
};

/// The rule of [`is_name`] as a pattern, for `openapi.json`.
const NAME: &str = "^[A-Za-z0-9_-]+$";

/// How often somebody may try to sign in to one account.
const ACCOUNT_RATE: Rate = Rate::per_hour(60).burst(10);

/// What stops a sign-up.
#[derive(Debug, ActionError)]
pub enum SignUpError {
    /// Another user has it.
    #[error(status = 409, message = "this name is taken")]
    NameTaken,

    /// Anything else.
    #[error(transparent)]
    Other(#[from] Error),
}

/// Makes an account and signs in.
#[action(public)]
pub struct SignUp {
    /// 2 to 24 letters, digits, `-` and `_`.
    #[validate(length(min = 2, max = 24), custom(function = is_name))]
    #[schemars(regex(pattern = NAME))]
    name: String,
    #[validate(length(min = 10, max = 200), secret)]
    password: String,
    /// The path of the page to go to.
    next: Option<String>,
}

impl Action<SignUpError> for SignUp {
    type Output = ();
    // By address. The few who share one sign up together now and then.
    const LIMITS: Limits = Limits::new().rate(Rate::per_hour(20).burst(10));

    async fn call(self, cx: Context) -> Result<(), SignUpError> {
        let hash = password::hash(self.password).await?;
        let store = cx.state::<Store>()?;
        let added = store.write(move |db| users::add(db, &self.name, &hash)).await?;
        user::sign_in(&cx, added.ok_or(SignUpError::NameTaken)?).await?;
        Ok(cx.redirect(self.next.as_deref().unwrap_or("/"))?)
    }
}

/// What stops a sign-in.
#[derive(Debug, ActionError)]
pub enum SignInError {
    /// One answer for both, so that nobody learns which names there are.
    #[error(status = 401, message = "the name or the password is wrong")]
    WrongNameOrPassword,

    /// Anything else.
    #[error(transparent)]
    Other(#[from] Error),
}

/// Signs in.
#[action(public)]
pub struct SignIn {
    #[validate(length(max = 24))]
    name: String,
    #[validate(length(max = 200), secret)]
    password: String,
    /// The path of the page to go to.
    next: Option<String>,
}

impl Action<SignInError> for SignIn {
    type Output = ();
    // By address: one machine cannot try many accounts.
    const LIMITS: Limits = Limits::new().rate(Rate::per_minute(20));

    async fn call(self, cx: Context) -> Result<(), SignInError> {
        let Self { name, password, next } = self;
        // By account: many machines cannot try one. `ann` and `Ann` are one account.
        cx.limit_rate("sign-in", &name.to_ascii_lowercase(), ACCOUNT_RATE).await?;
        let store = cx.state::<Store>()?;
        let found = store.read(move |db| users::password_hash(db, &name)).await?;
        let (id, hash) = found.unzip();
        let is_right = password::is_right(password, hash).await?;
        let id = id.filter(|_| is_right).ok_or(SignInError::WrongNameOrPassword)?;
        user::sign_in(&cx, id).await?;
        Ok(cx.redirect(next.as_deref().unwrap_or("/"))?)
    }
}

/// Signs out in this browser. Its open streams end.
#[action(public)]
pub async fn sign_out(cx: Context) -> Result<()> {
    user::sign_out(&cx).await?;
    cx.redirect("/login")
}

/// Refuses a name with other characters than [`NAME`].
fn is_name(name: &str) -> std::result::Result<(), &'static str> {
    if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)) {
        return Ok(());
    }
    Err("may have letters, digits, - and _")
}

#[cfg(test)]
mod tests {
    use kipo::{
        http::{Request, header},
        testing::{self, Client, Response, json},
    };

    use super::*;

    async fn start() -> testing::App {
        testing::App::start(crate::app(None, None)).await
    }

    async fn call(client: &Client, action: &str, input: testing::Value) -> Response {
        let request = Request::post(format!("/_kipo/actions/{action}"));
        let request = request.header(header::CONTENT_TYPE, "application/json");
        client.send(request.body(input.to_string()).unwrap()).await
    }

    async fn sign_in(client: &Client, name: &str, password: &str) -> String {
        let input = json!({ "name": name, "password": password });
        let answer = call(client, "users.SignIn", input).await;
        if answer.status() == 204 { "signed in".to_owned() } else { answer.error().code }
    }

    #[tokio::test]
    async fn a_user_signs_up_once_and_then_signs_in_and_out() {
        let app = start().await;
        let input = json!({ "name": "ann", "password": "correct horse", "next": "/boards/7" });
        let ann = app.client();
        let signed_up = call(&ann, "users.SignUp", input.clone()).await;
        assert_eq!(signed_up.effects(), [json!({ "effect": "redirect", "path": "/boards/7" })]);
        assert_eq!(ann.get("/").await.status(), 200);

        let other = app.client();
        let taken = call(&other, "users.SignUp", input).await.error();
        assert_eq!((taken.status, taken.code.as_str()), (409, "name_taken"));
        assert_eq!(sign_in(&other, "ann", "wrong horse").await, "wrong_name_or_password");
        assert_eq!(sign_in(&other, "nobody", "correct horse").await, "wrong_name_or_password");
        assert_eq!(sign_in(&other, "Ann", "correct horse").await, "signed in");
        assert_eq!(other.get("/").await.status(), 200);
        other.call::<SignOut>(json!({})).await.output();
        assert_eq!(other.get("/").await.location(), Some("/login"));
        // The other browser stays signed in.
        assert_eq!(ann.get("/").await.status(), 200);
    }

    #[tokio::test]
    async fn a_refused_sign_in_makes_no_session() {
        let app = start().await;
        let input = json!({ "name": "ann", "password": "correct horse" });
        let refused = call(&app, "users.SignIn", input).await;
        assert_eq!(refused.status(), 401);
        assert_eq!(refused.header("set-cookie"), None);
    }

    #[tokio::test]
    async fn an_account_is_tried_ten_times_and_not_more() {
        let app = start().await;
        let mut codes = Vec::new();
        for n in 0..12 {
            codes.push(sign_in(&app, ["bob", "BOB"][n % 2], "a guess").await);
        }
        assert!(codes[..10].iter().all(|code| code == "wrong_name_or_password"), "{codes:?}");
        assert!(codes[10..].iter().all(|code| code == "too_many_requests"), "{codes:?}");
        assert_eq!(sign_in(&app, "another", "a guess").await, "wrong_name_or_password");
    }
}
