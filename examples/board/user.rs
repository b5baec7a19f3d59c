//! Who asks: a [`User`] by the session, and the proof that it is an [`Admin`].
//!
//! Everything that this app knows about sessions is in this file.

use kipo::{Context, Error, FromContext, Result, Session, Sessions, StateNeed};

pub use crate::store::users::User;
use crate::store::{Store, ids::UserId, users};

impl FromContext for User {
    const NEEDS: &'static [StateNeed] = &[StateNeed::of::<Sessions>(), StateNeed::of::<Store>()];

    async fn from_context(cx: &Context) -> Result<Self> {
        let session: Session = Session::from_context(cx).await?;
        let Some(id) = session.user() else { return Err(refused(cx)) };
        let id = UserId(id.parse().map_err(Error::internal)?);
        match cx.state::<Store>()?.read(move |db| users::by_id(db, id)).await? {
            Some(user) => Ok(user),
            None => {
                // The session is valid, and its user is gone.
                session.end().await?;
                Err(refused(cx))
            }
        }
    }
}

/// The proof that the user is an admin.
#[derive(Debug)]
pub struct Admin(());

impl FromContext for Admin {
    const NEEDS: &'static [StateNeed] = User::NEEDS;

    async fn from_context(cx: &Context) -> Result<Self> {
        if User::from_context(cx).await?.is_admin {
            return Ok(Self(()));
        }
        Err(Error::forbidden("only admins may do this"))
    }
}

/// Signs a user in, in this browser.
pub(crate) async fn sign_in(cx: &Context, user: UserId) -> Result<()> {
    let session: Session = Session::from_context(cx).await?;
    // The session gets a new token: nobody can hand a visitor one that they know.
    session.set_user(key(user)).await
}

/// Signs the user out, in this browser.
pub(crate) async fn sign_out(cx: &Context) -> Result<()> {
    let session: Session = Session::from_context(cx).await?;
    session.end().await
}

/// Signs a user out everywhere.
pub(crate) async fn end_sessions(cx: &Context, user: UserId) -> Result<()> {
    cx.state::<Sessions>()?.end_all(&key(user)).await
}

/// Returns the text by which a session names its user.
fn key(user: UserId) -> String {
    user.0.to_string()
}

/// Refuses a stranger: a program with a 401, and a visitor of a page with the page for signing in.
fn refused(cx: &Context) -> Error {
    let refused = Error::unauthorized("sign in first");
    let path = cx.uri().path();
    // Only a path that needs no encoding, as those of all pages of this app.
    let is_plain = path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-".contains(&byte));
    if is_plain && path != "/" {
        return refused.or_redirect(format!("/login?next={path}"));
    }
    refused.or_redirect("/login")
}

#[cfg(test)]
mod tests {
    use kipo::Code;

    use super::*;
    use crate::store::testing;

    #[tokio::test]
    async fn a_session_is_a_user_until_it_ends() {
        let (_folder, store) = testing::open().await;
        let ann = store.write(|db| Ok(users::add(db, "ann", "")?.unwrap())).await.unwrap();
        let cx = Context::test().with_state(Sessions::in_memory()).with_state(store);
        let refused = User::from_context(&cx).await.unwrap_err();
        assert_eq!((refused.code(), refused.location()), (Code::Unauthorized, Some("/login")));
        assert_eq!(Admin::from_context(&cx).await.unwrap_err().code(), Code::Unauthorized);

        sign_in(&cx, ann).await.unwrap();
        assert_eq!(User::from_context(&cx).await.unwrap().name, "ann");
        assert!(Admin::from_context(&cx).await.is_ok(), "the first user is the admin");
        sign_out(&cx).await.unwrap();
        assert!(User::from_context(&cx).await.is_err());

        sign_in(&cx, ann).await.unwrap();
        let session: Session = Session::from_context(&cx).await.unwrap();
        assert!(session.is_active().await.unwrap());
        end_sessions(&cx, ann).await.unwrap();
        assert!(!session.is_active().await.unwrap());
    }

    #[tokio::test]
    async fn only_admins_are_admins_and_the_session_of_a_removed_user_ends() {
        let (_folder, store) = testing::open().await;
        let bob = store.write(|db| {
            users::add(db, "ann", "")?;
            Ok(users::add(db, "bob", "")?.unwrap())
        });
        let bob = bob.await.unwrap();
        let cx = Context::test().with_state(Sessions::in_memory()).with_state(store);
        sign_in(&cx, bob).await.unwrap();
        assert_eq!(Admin::from_context(&cx).await.unwrap_err().code(), Code::Forbidden);

        let store = cx.state::<Store>().unwrap();
        let removed = store.write(|db| Ok(db.execute("DELETE FROM users WHERE name = 'bob'", [])?));
        assert_eq!(removed.await.unwrap(), 1);
        assert!(User::from_context(&cx).await.is_err());
        assert_eq!(Session::<()>::from_context(&cx).await.unwrap().user(), None);
    }
}
