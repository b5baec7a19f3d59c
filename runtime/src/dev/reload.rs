//! What happened to the files → what open tabs do.

use std::{
    collections::BTreeSet,
    path::Path,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{body::Body, response::Response};
use kipo_topic::{Event, EventType, frame};
use schemars::SchemaGenerator;
use serde_json::json;
use tokio::sync::broadcast::{self, error::RecvError};

use crate::{
    action::{Context, Limits},
    dev::{editor, environment::source_root, report::Report},
    error::{Error, Result},
    request::encode,
    server::Shared,
    stream::{Ending, EventStream, Pipe, StreamBody},
};

/// Where the stream is, below the base path.
pub(crate) const RELOAD_PATH: &str = "/dev/reload";

/// What a tab is told.
#[derive(Clone, Debug)]
pub(super) enum ReloadEvent {
    /// The life of the server, and how to open a file; another life after a reconnect means that
    /// the server is another one.
    Start { id: String, root: String, editor: String },
    /// These templates show something else: fetch the page again, and morph it. `None` is all.
    Page { pages: Option<BTreeSet<String>> },
    /// Swap these style sheets.
    Css { paths: BTreeSet<String> },
    /// Load these pages anew: their scripts changed. `None` is all.
    Script { pages: Option<BTreeSet<String>> },
    /// Fetch these files again.
    File { paths: BTreeSet<String> },
    /// Everything that is wrong now; nothing any more if it is empty.
    Errors { errors: Vec<Report> },
    /// Something failed once.
    Failure(Box<Report>),
}

impl ReloadEvent {
    /// Says what is done about a change.
    pub(super) fn done(&self) -> &'static str {
        match self {
            Self::Start { .. } => "started",
            Self::Page { .. } => "morphed",
            Self::Css { .. } => "styles swapped",
            Self::Script { .. } => "pages loaded anew",
            Self::File { .. } => "files fetched again",
            Self::Errors { .. } => "not right yet",
            Self::Failure(_) => "failed",
        }
    }
}

/// Written by hand: `error` is a name that streams of an app may not use.
impl Event for ReloadEvent {
    fn name(&self) -> &'static str {
        match self {
            Self::Start { .. } => "start",
            Self::Page { .. } => "page",
            Self::Css { .. } => "css",
            Self::Script { .. } => "script",
            Self::File { .. } => "file",
            Self::Errors { .. } => "errors",
            Self::Failure(_) => "failure",
        }
    }

    fn write_data(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
        let data = match self {
            Self::Start { id, root, editor } => json!({ "id": id, "root": root, "editor": editor }),
            Self::Page { pages } | Self::Script { pages } => json!({ "pages": pages }),
            Self::Css { paths } | Self::File { paths } => json!({ "paths": paths }),
            Self::Errors { errors } => json!({ "errors": errors }),
            Self::Failure(report) => serde_json::to_value(report)?,
        };
        serde_json::to_writer(out, &data)
    }

    fn describe(_: &mut SchemaGenerator) -> Vec<EventType> {
        Vec::new()
    }
}

/// How many changes wait for a tab that is slow; one that misses some loads its page anew.
const PENDING_MAX: usize = 16;

/// A tab that lost its server looks for the next one this often, in milliseconds.
const RETRY_MS: u64 = 200;

/// All tabs.
pub(super) struct Reload {
    start: ReloadEvent,
    changes: broadcast::Sender<ReloadEvent>,
    /// What is wrong now, for tabs that come later. A std lock: held for a copy.
    wrong: Mutex<Wrong>,
}

#[derive(Debug, Default)]
struct Wrong {
    /// With the pages that this process serves.
    pages: Vec<Report>,
    /// With the process that shall take its place.
    build: Vec<Report>,
}

impl Wrong {
    fn event(&self) -> ReloadEvent {
        // What is wrong with a page can be seen at once, so it is told first.
        ReloadEvent::Errors { errors: self.pages.iter().chain(&self.build).cloned().collect() }
    }

    fn is_empty(&self) -> bool {
        self.pages.is_empty() && self.build.is_empty()
    }
}

impl Reload {
    /// `root` is the folder of the app, `life` the name of the process.
    pub(super) fn new(root: Option<&Path>, life: &str) -> Self {
        let (changes, _) = broadcast::channel(PENDING_MAX);
        let root = source_root().or_else(|| root.map(Path::to_owned)).unwrap_or_default();
        let root = root.display().to_string();
        let id = life.to_owned();
        let start = ReloadEvent::Start { id, root, editor: editor::url() };
        Self { start, changes, wrong: Mutex::default() }
    }

    /// Tells every tab.
    pub(super) fn tell(&self, event: &ReloadEvent) {
        // Without a tab nobody has to be told.
        let _ = self.changes.send(event.clone());
    }

    /// Says what is wrong with the pages; nothing any more if it is empty.
    pub(super) fn pages_are_wrong(&self, reports: &[Report]) {
        self.set(|wrong| std::mem::replace(&mut wrong.pages, reports.to_owned()) != reports);
    }

    /// Says what is wrong with the next process; nothing any more if it is empty.
    pub(super) fn build_is_wrong(&self, reports: &[Report]) {
        self.set(|wrong| std::mem::replace(&mut wrong.build, reports.to_owned()) != reports);
    }

    fn set(&self, change: impl FnOnce(&mut Wrong) -> bool) {
        let event = {
            let mut wrong = self.wrong();
            change(&mut wrong).then(|| wrong.event())
        };
        event.iter().for_each(|event| self.tell(event));
    }

    fn wrong(&self) -> MutexGuard<'_, Wrong> {
        self.wrong.lock().unwrap_or_else(PoisonError::into_inner)
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
        out.send(self.start.clone()).await?;
        let wrong = Some(self.wrong()).filter(|wrong| !wrong.is_empty()).map(|wrong| wrong.event());
        if let Some(wrong) = wrong {
            out.send(wrong).await?;
        }
        loop {
            match changes.recv().await {
                Ok(event) => out.send(event).await?,
                Err(RecvError::Lagged(_)) => out.send(ReloadEvent::Script { pages: None }).await?,
                Err(RecvError::Closed) => return Ok(()),
            }
        }
    }
}
