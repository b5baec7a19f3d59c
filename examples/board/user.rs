//! Who asks: a [`User`] by the session, and the proof that it is an [`Admin`].
//!
//! Everything about sign-in is in this file.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use kipo::{Context, Error, FromContext, Result};

pub(crate) use crate::store::users::User;
use crate::store::{
    Store,
    ids::UserId,
    users::{self},
};

/// Who is signed in.
#[derive(Default)]
pub(crate) struct Visits(Mutex<HashMap<String, UserId>>);

impl FromContext for User {
    async fn from_context(cx: &Context) -> Result<Self> {
        let visits = cx.state::<Visits>()?;
        let id = cx.cookie("visit").and_then(|token| {
            visits.0.lock().unwrap_or_else(PoisonError::into_inner).get(token).copied()
        });
        let Some(id) = id else { return Err(refused(cx)) };
        let found = cx.state::<Store>()?.read(move |db| users::by_id(db, id)).await?;
        found.ok_or_else(|| refused(cx))
    }
}

/// The proof that the user is an admin.
pub(crate) struct Admin;

impl FromContext for Admin {
    async fn from_context(cx: &Context) -> Result<Self> {
        if User::from_context(cx).await?.is_admin {
            return Ok(Self);
        }
        Err(Error::forbidden("only admins may do this"))
    }
}

/// Signs a user in.
pub(crate) async fn sign_in(cx: &Context, user: UserId) -> Result<()> {
    let token = cx.request_id().to_string();
    let cookie = format!("visit={token}; Path=/; HttpOnly");
    let visits = cx.state::<Visits>()?;
    visits.0.lock().unwrap_or_else(PoisonError::into_inner).insert(token, user);
    let value = cookie.parse().map_err(Error::internal)?;
    cx.append_header(kipo::http::header::SET_COOKIE, value);
    Ok(())
}

/// Signs the user out.
pub(crate) async fn sign_out(cx: &Context) -> Result<()> {
    let visits = cx.state::<Visits>()?;
    if let Some(token) = cx.cookie("visit") {
        visits.0.lock().unwrap_or_else(PoisonError::into_inner).remove(token);
    }
    Ok(())
}

/// Refuses a stranger: a program with a 401, and a visitor of a page with the page for signing in.
fn refused(cx: &Context) -> Error {
    let refused = Error::unauthorized("sign in first");
    let path = cx.uri().path();
    // Only paths that need no encoding, which all pages of this app have.
    let is_plain = path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-".contains(&byte));
    if is_plain && path != "/" {
        return refused.or_redirect(format!("/login?next={path}"));
    }
    refused.or_redirect("/login")
}
