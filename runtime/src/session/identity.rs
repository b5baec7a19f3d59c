//! Who sends a request, for the rates of actions.

use http::header;

use crate::{
    action::{Context, Identified, RateIdentity},
    error::Result,
    session::{carried::Carried, sessions::Sessions},
};

/// Returns the session of a request and its user, if the store has the session. It never trusts a
/// cookie alone: a caller could send another one with each call.
///
/// If the store does not answer, it returns nobody: the call then counts by its address.
pub(crate) fn rate_identity(cx: &Context) -> Identified<'_> {
    Box::pin(async move {
        read(cx).await.unwrap_or_else(|error| {
            let error = error.log_text();
            tracing::warn!(error, "a rate by session or user counts by address");
            RateIdentity::new()
        })
    })
}

async fn read(cx: &Context) -> Result<RateIdentity> {
    let nobody = RateIdentity::new();
    if !cx.headers().contains_key(header::COOKIE) {
        return Ok(nobody);
    }
    let (sessions, carried) = (cx.state::<Sessions>()?, Carried::of(cx));
    carried.load(&sessions).await?;
    let active = carried.loaded().and_then(|loaded| loaded.active);
    let Some((key, record)) = active else { return Ok(nobody) };
    let session = nobody.session(key.text());
    Ok(match &record.user {
        Some(user) => session.user(user),
        None => session,
    })
}
