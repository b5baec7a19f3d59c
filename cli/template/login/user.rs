//! Who asks: a [`User`], by the session. Nothing else in this app knows sessions.

use kipo::{Context, Error, FromContext, Result, Session, Sessions, StateNeed};

use crate::store::Store;
pub use crate::store::User;

/// An action with a `#[context] user: User` is called by a user who has signed in.
impl FromContext for User {
    /// What `main.rs` adds to the app: without one of them it does not start.
    const NEEDS: &'static [StateNeed] = &[StateNeed::of::<Sessions>(), StateNeed::of::<Store>()];

    async fn from_context(cx: &Context) -> Result<Self> {
        let session: Session = Session::from_context(cx).await?;
        let refused = || Error::unauthorized("sign in first").or_redirect("/login");
        let id = session.user().ok_or_else(refused)?;
        let id = id.parse().map_err(Error::internal)?;
        match cx.state::<Store>()?.user(id).await? {
            Some(user) => Ok(user),
            None => {
                // The session is valid, and its user is gone.
                session.end().await?;
                Err(refused())
            }
        }
    }
}

/// Signs a user in, in this browser.
pub async fn sign_in(cx: &Context, user: &User) -> Result<()> {
    let session: Session = Session::from_context(cx).await?;
    // The session gets a new token. An older one, which others may know, is no longer valid.
    session.set_user(user.id.to_string()).await
}

/// Signs out in this browser. The streams that it has open end.
pub async fn sign_out(cx: &Context) -> Result<()> {
    let session: Session = Session::from_context(cx).await?;
    session.end().await
}

/// Signs a user out in all browsers. Call it also when the password changes.
pub async fn sign_out_everywhere(cx: &Context, user: &User) -> Result<()> {
    let sessions = cx.state::<Sessions>()?;
    sessions.end_all(&user.id.to_string()).await?;
    // This browser also forgets its cookie.
    sign_out(cx).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_session_of_a_removed_user_ends() {
        let store = Store::open(":memory:".into()).await.unwrap();
        let ann = store.add("ann", "hash").await.unwrap().unwrap();
        let cx = Context::test()
            .with_state(Sessions::in_memory())
            .with_state(store);
        sign_in(&cx, &ann).await.unwrap();
        assert_eq!(User::from_context(&cx).await.unwrap(), ann);

        let store = cx.state::<Store>().unwrap();
        store.remove(ann.id).await.unwrap();
        let error = User::from_context(&cx).await.unwrap_err();
        assert_eq!(error.location(), Some("/login"));
        let session: Session = Session::from_context(&cx).await.unwrap();
        assert_eq!(session.user(), None);
    }
}
