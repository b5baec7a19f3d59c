//! @TITLE@: a guestbook for people who sign in.

mod password;
mod store;
mod user;

use std::{
    env,
    path::{Path, PathBuf},
    process::ExitCode,
};

use kipo::{App, Sessions};

use crate::{store::Store, user::User};

kipo::actions!();

fn main() -> ExitCode {
    let data = env::var_os("DATA_DIR").map_or_else(|| "data".into(), PathBuf::from);
    app(&data.join("users.db")).run()
}

/// The app as it is served, and as its tests start it. The users are in a SQLite file.
fn app(users: &Path) -> App {
    let users = users.to_owned();
    App::new()
        .files(kipo::files!())
        .require::<User>()
        .sessions(Sessions::new())
        .state_async(async move || Store::open(users).await)
}

#[cfg(test)]
mod tests {
    use kipo::testing::{self, json};

    use crate::actions::{
        account::{sign_out::SignOut, sign_out_everywhere::SignOutEverywhere},
        guestbook::{follow::Follow, sign::Sign},
    };

    /// Starts the app with a database in memory.
    pub(crate) async fn start() -> testing::App {
        testing::App::start(crate::app(":memory:".as_ref())).await
    }

    #[tokio::test]
    async fn a_stranger_is_sent_to_the_sign_in_and_may_call_nothing_else() {
        let app = start().await;
        let page = app.get("/").await;
        assert_eq!(page.status(), 303, "{page}");
        assert_eq!(page.location(), Some("/login"));
        for public in ["/login", "/sign-up"] {
            assert_eq!(app.get(public).await.status(), 200);
        }
        assert_eq!(app.get("/nowhere").await.status(), 404);

        let message = json!({ "message": "I was here." });
        assert_eq!(app.call::<Sign>(message).await.error().status, 401);
        let everywhere = app.call::<SignOutEverywhere>(json!({})).await;
        assert_eq!(everywhere.error().status, 401);
        let book = app.stream::<Follow>(json!({})).await;
        assert_eq!(book.refusal().status, 401);
        // There is nothing to end.
        app.call::<SignOut>(json!({})).await.output();
    }
}
