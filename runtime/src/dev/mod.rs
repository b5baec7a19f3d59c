//! The development loop: an edit shows in every open tab. Only in debug builds.
//!
//! File → [`watch`] (filter, settle, compare) → `page` (read all anew, or keep the old set and
//! its flaws) → [`reload`] (tell the browsers).

mod reload;
mod watch;

use std::{sync::Arc, time::Instant};

use axum::{Router, extract::Request, routing::get};

use self::{
    reload::{Reload, ReloadEvent},
    watch::Changes,
};
use crate::{context::States, dispatch, page::Pages, shared::Shared};

/// Watches the app's files, and serves the stream that tells of edits.
pub(crate) fn router(base: &str, pages: Arc<Pages>, shared: Arc<Shared>) -> Router {
    let reload = Arc::new(Reload::new());
    if let Some(root) = pages.root() {
        let told = Arc::clone(&reload);
        let root = root.to_owned();
        watch::spawn(root, move |changes| told.tell(&react(&pages, &changes)));
    }
    let stream = get(move |request: Request| {
        let cx = dispatch::context(request, States::default());
        std::future::ready(reload.stream(&cx, &shared))
    });
    Router::new().route(&format!("{base}/dev/reload"), stream)
}

/// Reads what changed, and decides what browsers have to do.
fn react(pages: &Pages, changes: &Changes) -> ReloadEvent {
    let began = Instant::now();
    let event = match pages.reload() {
        Ok(()) if changes.only("css") => ReloadEvent::Css,
        Ok(()) if changes.only("js") => ReloadEvent::Script,
        Ok(()) => ReloadEvent::Page,
        Err(flaws) => ReloadEvent::Error(flaws.into_iter().next().map(Box::new)),
    };
    let ms = began.elapsed().as_millis();
    match &event {
        ReloadEvent::Error(Some(flaw)) => tracing::error!("{changes}: {flaw}\n{}", flaw.excerpt),
        event => tracing::info!("{changes}: {}, {ms} ms", event.done()),
    }
    event
}
