//! The data of the development panel, two JSON documents. The browser draws the panel
//! (`client/dev/panel.js`).
//!
//! `{base}/dev/panel` describes the actions, the pages, the client, and the last build and changes.
//! `{base}/dev/panel/topics` counts the topics.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use axum::{Router, body::Body, extract::Request, response::Response, routing::get};
use http::{HeaderValue, header};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    dev::{
        editor::{self, location},
        environment::source_root,
        outcome::{LastBuild, LastChange, ms},
        topic_counts::TopicCounts,
    },
    files::client::{self, Module},
    header::Prefix,
    page::{Listed, Pages},
    request::route,
    schema::{Types, listing},
};

/// The path of the document, below the base path.
const PANEL_PATH: &str = "/dev/panel";

/// The path of the document about topics, below the base path.
const TOPICS_PATH: &str = "/dev/panel/topics";

/// The key that opens the panel, as `client/dev/panel.js` has it.
pub(crate) const PANEL_KEY: &str = "Alt+Shift+K";

/// How many changes the panel shows.
const CHANGES_MAX: usize = 20;

/// The data that the panel of each tab shows.
#[derive(Debug)]
pub(super) struct Panel {
    pages: Arc<Pages>,
    /// The types of the actions, which do not change while the process runs.
    actions: Value,
    topics: TopicCounts,
    /// A std lock: held to add one entry or to copy them, never over an `.await`.
    history: Mutex<History>,
}

/// The last build and changes, each with its time.
#[derive(Debug, Default)]
struct History {
    build: Option<(SystemTime, LastBuild)>,
    /// Newest first.
    changes: VecDeque<(SystemTime, LastChange)>,
}

impl Panel {
    pub(super) fn new(pages: Arc<Pages>, types: &Types) -> Self {
        let (topics, history) = (TopicCounts::default(), Mutex::default());
        Self { pages, actions: listing::of(types), topics, history }
    }

    /// Returns the routes of the documents.
    pub(super) fn router(self: &Arc<Self>, base: &str) -> Router {
        let this = Arc::clone(self);
        let document = get(move |request: Request| {
            let prefix = request.extensions().get().map_or("", Prefix::as_str);
            std::future::ready(respond(&this.document(prefix)))
        });
        let this = Arc::clone(self);
        let topics = get(async move || {
            let sources = source_root();
            respond(&this.topics.document(sources.as_deref()).await)
        });
        Router::new()
            .route(&format!("{base}{PANEL_PATH}"), document)
            .route(&format!("{base}{TOPICS_PATH}"), topics)
    }

    pub(super) fn set_last_build(&self, build: LastBuild) {
        self.history().build = Some((SystemTime::now(), build));
    }

    pub(super) fn add_change(&self, change: LastChange) {
        let mut history = self.history();
        history.changes.push_front((SystemTime::now(), change));
        history.changes.truncate(CHANGES_MAX);
    }

    /// `prefix` is the path before those of all pages.
    fn document(&self, prefix: &str) -> Value {
        let (sources, root) = (source_root(), self.pages.root());
        let source = |file: &str, line: u32| location(sources.as_deref(), file, line);
        let locations: BTreeMap<String, Value> =
            route::locations().map(|(name, file, line)| (name, source(file, line))).collect();
        let page = |page: Listed| {
            json!({
                "path": page.path,
                "status": page.status,
                "template": page.template,
                "place": location(root, &format!("pages/{}", page.template), 1),
                "uses": page.uses,
                "data": page.data.map(|(file, line)| source(file, line)),
            })
        };
        let pages: Vec<Value> = self.pages.list().into_iter().map(page).collect();
        let history = self.history();
        let build = history.build.as_ref().map(|(at, build)| at_time(*at, build));
        let changes: Vec<Value> =
            history.changes.iter().map(|(at, change)| at_time(*at, change)).collect();
        json!({
            "actions": self.actions["actions"],
            "definitions": self.actions["definitions"],
            "places": locations,
            "pages": pages,
            "prefix": prefix,
            "build": build,
            "changes": changes,
            "client": {
                "start": sizes(client::MODULES),
                "later": sizes(client::LATER),
                "dev": sizes(client::DEV),
            },
            "editor": editor::url(),
        })
    }

    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the response with a document that browsers do not cache.
fn respond(document: &Value) -> Response {
    let mut response = Response::new(Body::from(document.to_string()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Returns an entry of the history with its time, in milliseconds since 1970.
fn at_time(at: SystemTime, entry: &impl Serialize) -> Value {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let mut value = json!(entry);
    value["at"] = json!(ms(since));
    value
}

/// Returns the size of each module as browsers receive it, in bytes.
fn sizes(modules: &[Module]) -> Vec<Value> {
    let size = |module: &Module| json!({ "name": module.name, "bytes": module.served().len() });
    modules.iter().map(size).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_entry_has_its_time() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(5);
        let build = LastBuild::new("main.rs", Duration::from_millis(80), false);
        let expected = json!({ "what": "main.rs", "ms": 80, "ok": false, "at": 5 });
        assert_eq!(at_time(at, &build), expected);
    }

    #[test]
    fn a_module_has_the_size_that_is_sent() {
        let module = Module { name: "a.js", text: "// a\n  b();\n" };
        assert_eq!(sizes(&[module]), [json!({ "name": "a.js", "bytes": 6 })]);
    }
}
