//! Sign-up, sign-in and sign-out.

use kipo::{Action, Code, Context, Error, Limits, Rate, Result, action};

use crate::{
    password,
    store::{Store, users},
    user,
};

/// The rule of [`is_name`] as a pattern, for `openapi.json`.
const NAME: &str = "^[A-Za-z0-9_-]+$";

/// How often somebody may try to sign in to one account.
const ACCOUNT_RATE: Rate = Rate::per_hour(60).burst(10);

/// Makes an account and signs in.
#[action(public)]
pub struct SignUp {
    /// 2 to 24 letters, digits, `-` and `_`.
    #[validate(length(min = 2, max = 24), custom(function = is_name))]
    #[schemars(regex(pattern = NAME))]
    name: String,
    #[validate(length(min = 10, max = 200))]
    password: String,
    /// The path of the page to go to.
    next: Option<String>,
}

impl Action for SignUp {
    type Output = ();
    // By address. The few who share one sign up together now and then.
    const LIMITS: Limits = Limits::new().rate(Rate::per_hour(20).burst(10));

    async fn call(self, cx: Context) -> Result<()> {
        let hash = password::hash(self.password).await?;
        let store = cx.state::<Store>()?;
        let added = store.write(move |db| users::add(db, &self.name, &hash)).await?;
        let taken = || Error::new(Code::Conflict, "this name is taken").with_word("name_taken");
        user::sign_in(&cx, added.ok_or_else(taken)?).await?;
        cx.redirect(self.next.as_deref().unwrap_or("/"))
    }
}

/// Signs in.
#[action(public)]
pub struct SignIn {
    #[validate(length(max = 24))]
    name: String,
    #[validate(length(max = 200))]
    password: String,
    /// The path of the page to go to.
    next: Option<String>,
}

impl Action for SignIn {
    type Output = ();
    // By address: one machine cannot try many accounts.
    const LIMITS: Limits = Limits::new().rate(Rate::per_minute(20));

    async fn call(self, cx: Context) -> Result<()> {
        let Self { name, password, next } = self;
        // By account: many machines cannot try one. `ann` and `Ann` are one account.
        cx.limit_rate("sign-in", &name.to_ascii_lowercase(), ACCOUNT_RATE).await?;
        let store = cx.state::<Store>()?;
        let found = store.read(move |db| users::password_hash(db, &name)).await?;
        let (id, hash) = found.unzip();
        let is_right = password::is_right(password, hash).await?;
        let Some(id) = id.filter(|_| is_right) else {
            // One answer for both, so that nobody learns which names there are.
            let message = "the name or the password is wrong";
            return Err(Error::unauthorized(message).with_word("wrong_name_or_password"));
        };
        user::sign_in(&cx, id).await?;
        cx.redirect(next.as_deref().unwrap_or("/"))
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
