//! What happened to the files → what open tabs do.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{body::Body, response::Response};
use schemars::SchemaGenerator;
use tokio::sync::broadcast::{self, error::RecvError};

use crate::{
    context::{Context, RequestId},
    encode,
    error::{Error, Result},
    event::{Event, EventType},
    event_stream::{EventStream, Pipe},
    frame,
    limits::Limits,
    page::Flaw,
    shared::Shared,
    stream::{Ending, StreamBody},
};

/// What a tab is told.
#[derive(Clone, Debug)]
pub(super) enum ReloadEvent {
    /// The life of the server; another one after a reconnect means that it was restarted.
    Start { id: String },
    /// Swap the style sheets.
    Css,
    /// Load the page anew: its script changed.
    Script,
    /// Load the page anew.
    Page,
    /// Show what is wrong.
    Error(Option<Box<Flaw>>),
}

impl ReloadEvent {
    /// Says what is done about a change.
    pub(super) fn done(&self) -> &'static str {
        match self {
            Self::Start { .. } => "started",
            Self::Css => "styles swapped",
            Self::Script | Self::Page => "pages reloaded",
            Self::Error(_) => "not right yet",
        }
    }
}

/// Written by hand: `error` is a name that streams of an app may not use.
impl Event for ReloadEvent {
    fn name(&self) -> &'static str {
        match self {
            Self::Start { .. } => "start",
            Self::Css => "css",
            Self::Script => "script",
            Self::Page => "page",
            Self::Error(_) => "error",
        }
    }

    fn write_data(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
        match self {
            Self::Start { id } => serde_json::to_writer(out, &serde_json::json!({ "id": id })),
            Self::Error(Some(flaw)) => serde_json::to_writer(out, flaw),
            Self::Css | Self::Script | Self::Page | Self::Error(None) => {
                out.extend_from_slice(b"{}");
                Ok(())
            }
        }
    }

    fn describe(_: &mut SchemaGenerator) -> Vec<EventType> {
        Vec::new()
    }
}

/// How many changes wait for a tab that is slow; one that misses some loads its page anew.
const PENDING_MAX: usize = 16;

/// A tab that lost its server looks for the next one this often, in milliseconds.
const RETRY_MS: u64 = 250;

/// All tabs.
pub(super) struct Reload {
    /// Names this life of the server.
    id: String,
    changes: broadcast::Sender<ReloadEvent>,
    /// What is wrong now, for tabs that come later. A std lock: held for a copy.
    wrong: Mutex<Option<ReloadEvent>>,
}

impl Reload {
    pub(super) fn new() -> Self {
        let (changes, _) = broadcast::channel(PENDING_MAX);
        Self { id: RequestId::next().to_string(), changes, wrong: Mutex::default() }
    }

    /// Tells every tab.
    pub(super) fn tell(&self, event: &ReloadEvent) {
        let wrong = matches!(event, ReloadEvent::Error(_)).then(|| event.clone());
        *self.wrong.lock().unwrap_or_else(PoisonError::into_inner) = wrong;
        // Without a tab nobody has to be told.
        let _ = self.changes.send(event.clone());
    }

    /// Answers a tab with the stream that it follows.
    pub(super) fn stream(self: &Arc<Self>, cx: &Context, shared: &Shared) -> Response {
        let bounds = Limits::new().within(Limits::new());
        let pipe = Arc::new(Pipe::new(bounds.ping));
        pipe.push(frame::retry(RETRY_MS));
        let out = EventStream::new(Arc::clone(&pipe), None);
        let (this, changes) = (Arc::clone(self), self.changes.subscribe());
        let following: Pin<Box<dyn Future<Output = Ending> + Send>> = Box::pin(async move {
            // It ends with its tab, or with the server.
            let _ = this.follow(&out, changes).await;
            Ok(b"null".to_vec())
        });
        let drain = shared.drain.watch();
        let problem = Box::new(|_: &Error| b"{}".to_vec());
        let body = StreamBody::new(following, pipe, bounds, drain, problem);
        encode::stream(Body::new(body), cx.request_id())
    }

    async fn follow(
        &self,
        out: &EventStream<ReloadEvent>,
        mut changes: broadcast::Receiver<ReloadEvent>,
    ) -> Result<()> {
        out.send(ReloadEvent::Start { id: self.id.clone() }).await?;
        let wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(wrong) = wrong {
            out.send(wrong).await?;
        }
        loop {
            match changes.recv().await {
                Ok(event) => out.send(event).await?,
                Err(RecvError::Lagged(_)) => out.send(ReloadEvent::Page).await?,
                Err(RecvError::Closed) => return Ok(()),
            }
        }
    }
}
