//! Changed files → the events that open tabs follow.

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
    error::Result,
    metrics::StreamMeter,
    request::encode,
    server::Shared,
    stream::{Ending, EventStream, Pipe, StreamBody},
};

/// The path of the stream, below the base path.
pub(crate) const RELOAD_PATH: &str = "/dev/reload";

/// An event for the tabs.
#[derive(Clone, Debug)]
pub(super) enum ReloadEvent {
    /// The first event. `id` is the generation of the server: a tab that reconnects to another
    /// generation loads its page again. `root` and `editor` are how the tab opens a source file.
    /// A tab with an earlier `edition` of its page has missed an edit.
    Start { id: String, root: String, editor: String, edition: u64 },
    /// An edit: the pages are of this edition now.
    Edit { edit: Edit, edition: u64 },
    /// All current errors; empty if there are none.
    Errors { errors: Vec<Report> },
    /// One request failed.
    Failure(Box<Report>),
}

/// What the tabs do after an edit.
#[derive(Clone, Debug)]
pub(super) enum Edit {
    /// These templates changed: fetch the page again, and morph it. `None` stands for all.
    Page(Option<BTreeSet<String>>),
    /// Swap these style sheets.
    Css(BTreeSet<String>),
    /// The scripts of these pages changed: load them again. `None` stands for all.
    Script(Option<BTreeSet<String>>),
    /// Fetch these files again.
    File(BTreeSet<String>),
}

impl ReloadEvent {
    /// Returns what the tabs do at this event, for the terminal and the panel.
    pub(super) fn effect(&self) -> &'static str {
        match self {
            Self::Start { .. } => "started",
            Self::Edit { edit: Edit::Page(_), .. } => "morphed",
            Self::Edit { edit: Edit::Css(_), .. } => "styles swapped",
            Self::Edit { edit: Edit::Script(_), .. } => "pages reloaded",
            Self::Edit { edit: Edit::File(_), .. } => "files fetched again",
            Self::Errors { .. } => "errors shown",
            Self::Failure(_) => "failure shown",
        }
    }
}

/// Not derived, because the names and the schema of these events are not part of an app's types.
impl Event for ReloadEvent {
    fn name(&self) -> &'static str {
        match self {
            Self::Start { .. } => "start",
            Self::Edit { edit: Edit::Page(_), .. } => "page",
            Self::Edit { edit: Edit::Css(_), .. } => "css",
            Self::Edit { edit: Edit::Script(_), .. } => "script",
            Self::Edit { edit: Edit::File(_), .. } => "file",
            Self::Errors { .. } => "errors",
            Self::Failure(_) => "failure",
        }
    }

    fn write_data(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
        let data = match self {
            Self::Start { id, root, editor, edition } => {
                json!({ "id": id, "root": root, "editor": editor, "edition": edition })
            }
            Self::Edit { edit: Edit::Page(pages) | Edit::Script(pages), edition } => {
                json!({ "pages": pages, "edition": edition })
            }
            Self::Edit { edit: Edit::Css(paths) | Edit::File(paths), edition } => {
                json!({ "paths": paths, "edition": edition })
            }
            Self::Errors { errors } => json!({ "errors": errors }),
            Self::Failure(report) => serde_json::to_value(report)?,
        };
        serde_json::to_writer(out, &data)
    }

    fn describe(_: &mut SchemaGenerator) -> Vec<EventType> {
        Vec::new()
    }
}

/// How many events a slow tab may be behind. A tab that misses some loads its page again.
const PENDING_MAX: usize = 16;

/// How long a tab waits before it reconnects, in milliseconds: short, as a new version of the app
/// follows at once.
const RETRY_MS: u64 = 200;

/// The open tabs, and what a tab that connects later needs to know.
pub(super) struct Tabs {
    id: String,
    root: String,
    editor: String,
    /// Returns the edition of the pages.
    edition: Box<dyn Fn() -> u64 + Send + Sync>,
    events: broadcast::Sender<ReloadEvent>,
    /// A std lock: held to replace or to copy the lists, never over an `.await`.
    errors: Mutex<CurrentErrors>,
}

#[derive(Debug, Default)]
struct CurrentErrors {
    /// Of the pages that this process serves.
    pages: Vec<Report>,
    /// Of the next version: its build, or its start.
    build: Vec<Report>,
}

impl CurrentErrors {
    fn event(&self) -> ReloadEvent {
        // The errors of the pages come first: they are about what the tab shows.
        ReloadEvent::Errors { errors: self.pages.iter().chain(&self.build).cloned().collect() }
    }

    /// Returns the event for a tab that has just connected, if there is any error.
    fn non_empty_event(&self) -> Option<ReloadEvent> {
        (!self.pages.is_empty() || !self.build.is_empty()).then(|| self.event())
    }
}

impl Tabs {
    /// `root` is the folder of the app, `generation` names the process, and `edition` returns the edition
    /// of its pages.
    pub(super) fn new(
        root: Option<&Path>,
        generation: &str,
        edition: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Self {
        let (events, _) = broadcast::channel(PENDING_MAX);
        let root = source_root().or_else(|| root.map(Path::to_owned)).unwrap_or_default();
        let root = root.display().to_string();
        let id = generation.to_owned();
        let (editor, edition) = (editor::url(), Box::new(edition));
        Self { id, root, editor, edition, events, errors: Mutex::default() }
    }

    /// Sends an event to every open tab.
    pub(super) fn send(&self, event: &ReloadEvent) {
        // Sending fails only if no tab is open.
        let _ = self.events.send(event.clone());
    }

    /// Replaces the errors of the pages.
    pub(super) fn set_page_errors(&self, reports: &[Report]) {
        self.update(|errors| std::mem::replace(&mut errors.pages, reports.to_owned()) != reports);
    }

    /// Replaces the errors of the next version.
    pub(super) fn set_build_errors(&self, reports: &[Report]) {
        self.update(|errors| std::mem::replace(&mut errors.build, reports.to_owned()) != reports);
    }

    /// Sends the errors to the tabs if `replace` says that they differ.
    fn update(&self, replace: impl FnOnce(&mut CurrentErrors) -> bool) {
        let event = {
            let mut errors = self.errors();
            replace(&mut errors).then(|| errors.event())
        };
        event.iter().for_each(|event| self.send(event));
    }

    fn errors(&self) -> MutexGuard<'_, CurrentErrors> {
        self.errors.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the response to a tab: a stream of events that ends with the tab or the server.
    pub(super) fn stream(self: &Arc<Self>, cx: &Context, shared: &Shared) -> Response {
        let bounds = Limits::new().within(Limits::new());
        let pipe = Arc::new(Pipe::new(&bounds, None, StreamMeter::default()));
        pipe.push(frame::retry(RETRY_MS));
        let out = EventStream::new(Arc::clone(&pipe));
        let (this, events) = (Arc::clone(self), self.events.subscribe());
        let following: Pin<Box<dyn Future<Output = Ending> + Send>> = Box::pin(async move {
            // The only error is that the tab is gone.
            let _ = this.follow(&out, events).await;
            Ok(b"null".to_vec())
        });
        let drain = shared.drain.watch();
        let body = StreamBody::new(following, pipe, bounds, drain, cx.detached());
        encode::stream(Body::new(body), cx.request_id())
    }

    async fn follow(
        &self,
        out: &EventStream<ReloadEvent>,
        mut events: broadcast::Receiver<ReloadEvent>,
    ) -> Result<()> {
        let Self { id, root, editor, .. } = self;
        let (id, root, editor) = (id.clone(), root.clone(), editor.clone());
        // After the subscription: whoever has this edition gets each later one.
        out.send(ReloadEvent::Start { id, root, editor, edition: (self.edition)() }).await?;
        let errors = self.errors().non_empty_event();
        if let Some(event) = errors {
            out.send(event).await?;
        }
        loop {
            match events.recv().await {
                Ok(event) => out.send(event).await?,
                Err(RecvError::Lagged(_)) => {
                    let edit = Edit::Script(None);
                    out.send(ReloadEvent::Edit { edit, edition: (self.edition)() }).await?;
                }
                Err(RecvError::Closed) => return Ok(()),
            }
        }
    }
}
