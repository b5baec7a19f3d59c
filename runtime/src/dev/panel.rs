//! What the development panel in a page asks for: `{base}/dev/panel`, one JSON document.
//!
//! It describes the actions, the pages, the client and what was built or changed last. The panel
//! itself is the browser's (`client/dev/panel.js`).

use std::{
    collections::{BTreeMap, VecDeque},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use axum::{Router, body::Body, response::Response, routing::get};
use http::{HeaderValue, header};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    dev::{
        editor,
        environment::source_root,
        outcome::{LastBuild, LastChange, ms},
    },
    files::client::{self, Module},
    page::{Listed, Pages},
    request::route,
    schema::{Types, listing},
};

/// Where the document is, below the base path.
const PANEL_PATH: &str = "/dev/panel";

/// The key that opens the panel, as `client/dev/panel.js` has it.
pub(crate) const PANEL_KEY: &str = "Alt+Shift+K";

/// As many changes as one looks back at.
const CHANGES_MAX: usize = 20;

/// What the panel of each tab shows.
#[derive(Debug)]
pub(super) struct Panel {
    pages: Arc<Pages>,
    /// The types of the actions, which stay as they are for as long as the process runs.
    actions: Value,
    /// A std lock: held to add one entry, or to copy them.
    seen: Mutex<Seen>,
}

/// What happened, each with the time at which it was told.
#[derive(Debug, Default)]
struct Seen {
    build: Option<(SystemTime, LastBuild)>,
    /// The last one first.
    changes: VecDeque<(SystemTime, LastChange)>,
}

impl Panel {
    pub(super) fn new(pages: Arc<Pages>, types: &Types) -> Self {
        Self { pages, actions: listing::of(types), seen: Mutex::default() }
    }

    /// Serves the document.
    pub(super) fn router(self: &Arc<Self>, base: &str) -> Router {
        let this = Arc::clone(self);
        let document = get(move || std::future::ready(answer(&this.document())));
        Router::new().route(&format!("{base}{PANEL_PATH}"), document)
    }

    /// Says what was built last.
    pub(super) fn built(&self, build: LastBuild) {
        self.seen().build = Some((SystemTime::now(), build));
    }

    /// Says what was changed last.
    pub(super) fn changed(&self, change: LastChange) {
        let mut seen = self.seen();
        seen.changes.push_front((SystemTime::now(), change));
        seen.changes.truncate(CHANGES_MAX);
    }

    fn document(&self) -> Value {
        let (sources, root) = (source_root(), self.pages.root());
        let source = |file: &str, line: u32| place(sources.as_deref(), file, line);
        let places: BTreeMap<String, Value> =
            route::locations().map(|(name, file, line)| (name, source(file, line))).collect();
        let page = |page: Listed| {
            json!({
                "path": page.path,
                "status": page.status,
                "template": page.template,
                "place": place(root, &format!("pages/{}", page.template), 1),
                "uses": page.uses,
                "data": page.data.map(|(file, line)| source(file, line)),
            })
        };
        let pages: Vec<Value> = self.pages.list().into_iter().map(page).collect();
        let seen = self.seen();
        let build = seen.build.as_ref().map(|(at, build)| at_time(*at, build));
        let changes: Vec<Value> =
            seen.changes.iter().map(|(at, change)| at_time(*at, change)).collect();
        json!({
            "actions": self.actions["actions"],
            "definitions": self.actions["definitions"],
            "places": places,
            "pages": pages,
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

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns a document that is read anew each time.
fn answer(document: &Value) -> Response {
    let mut response = Response::new(Body::from(document.to_string()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Describes a place in a file: what is shown, from `root` if the file lies below it, and what an
/// editor opens if it is known where relative paths begin.
fn place(root: Option<&Path>, file: &str, line: u32) -> Value {
    let whole = root.map_or_else(|| PathBuf::from(file), |root| root.join(file));
    let shown = root.and_then(|root| whole.strip_prefix(root).ok()).unwrap_or(&whole);
    let opens = whole.is_absolute().then_some(&whole);
    json!({ "file": shown, "line": line, "opens": opens })
}

/// Adds the time to what happened, in milliseconds since 1970.
fn at_time(at: SystemTime, what: &impl Serialize) -> Value {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let mut value = json!(what);
    value["at"] = json!(ms(since));
    value
}

/// Returns how many bytes each module has as browsers get it.
fn sizes(modules: &[Module]) -> Vec<Value> {
    let size = |module: &Module| json!({ "name": module.name, "bytes": module.served().len() });
    modules.iter().map(size).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_place_is_short_to_read_and_whole_to_open() {
        let root = Some(Path::new("/app"));
        for (root, file, shown, opens) in [
            (root, "src/a.rs", "src/a.rs", Some("/app/src/a.rs")),
            (root, "/app/src/a.rs", "src/a.rs", Some("/app/src/a.rs")),
            (root, "/other/a.rs", "/other/a.rs", Some("/other/a.rs")),
            (None, "src/a.rs", "src/a.rs", None),
        ] {
            let expected = json!({ "file": shown, "line": 7, "opens": opens });
            assert_eq!(place(root, file, 7), expected, "{file}");
        }
    }

    #[test]
    fn what_happened_has_its_time() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(5);
        let build = LastBuild::new("main.rs", Duration::from_millis(80), false);
        let expected = json!({ "what": "main.rs", "ms": 80, "ok": false, "at": 5 });
        assert_eq!(at_time(at, &build), expected);
    }

    #[test]
    fn sizes_are_those_of_what_is_sent() {
        let module = Module { name: "a.js", text: "// a\n  b();\n" };
        assert_eq!(sizes(&[module]), [json!({ "name": "a.js", "bytes": 6 })]);
    }
}
