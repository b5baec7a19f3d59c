//! The development loop in a serving process: an edit of a page shows in every open tab.
//!
//! [`watch`](crate::dev::watch) finds a change, [`DevLoop::reload_pages`] reads the pages again (or
//! keeps the old set and reports the errors of the new one), and [`reload`](crate::dev::reload)
//! sends the tabs an event. A supervised process receives the changes from its supervisor, which
//! has the watch; an app that is mounted as a router watches its pages itself.

use std::{collections::BTreeSet, path::Path, sync::Arc, time::Instant};

use axum::{Router, extract::Request, routing::get};

use crate::{
    action::States,
    dev::{
        outcome::{LastBuild, LastChange, ReloadOutcome, counted, ms},
        panel::Panel,
        reload::{Edit, RELOAD_PATH, ReloadEvent, Tabs},
        report::{Kind, Report},
        watch::{self, Changes, WatchedPaths},
    },
    error::PANICKED,
    header::RequestId,
    page::{PageFailure, Pages},
    request::dispatch,
    schema::Types,
    server::Shared,
};

/// The pages, which follow edits, and the tabs that show them.
#[derive(Clone)]
pub(crate) struct DevLoop {
    pages: Arc<Pages>,
    tabs: Arc<Tabs>,
    panel: Arc<Panel>,
}

impl DevLoop {
    pub(crate) fn new(pages: Arc<Pages>, types: &Types) -> Self {
        let edition = {
            let pages = Arc::clone(&pages);
            move || pages.edition()
        };
        let tabs = Arc::new(Tabs::new(pages.root(), pages.generation(), edition));
        let (failure_tabs, root) = (Arc::clone(&tabs), pages.root().map(Path::to_owned));
        pages.on_failure(move |PageFailure { page, diagnostic, request_id }| {
            // The hook of `report_panics` reports a panic, with its location.
            if !diagnostic.message.starts_with(PANICKED) {
                failure_tabs.send(&ReloadEvent::Failure(Box::new(Report {
                    kind: Kind::Data,
                    name: Some(page.to_owned()),
                    request_id: Some(request_id.to_owned()),
                    ..Report::of_diagnostic(diagnostic, root.as_deref())
                })));
            }
        });
        let panel = Arc::new(Panel::new(Arc::clone(&pages), types));
        Self { pages, tabs, panel }
    }

    /// Returns the routes of the tabs' event stream and of the panel's document.
    pub(crate) fn router(&self, base: &str, shared: Arc<Shared>) -> Router {
        stream(base, Arc::clone(&self.tabs), shared).merge(self.panel.router(base))
    }

    /// Watches the pages from this process, for an app without a supervisor.
    pub(crate) fn watch(&self) {
        let Some(root) = self.pages.root() else { return };
        let this = self.clone();
        let paths = WatchedPaths { app: root.to_owned(), ..WatchedPaths::default() };
        watch::spawn(paths, move |changes| {
            let ReloadOutcome { result, elapsed, errors } = this.reload_pages(&changes);
            match errors.as_slice() {
                [] => tracing::info!("{changes}: {result}, {} ms", ms(elapsed)),
                errors => errors.iter().for_each(|report| tracing::error!("{report}")),
            }
        });
    }

    /// Reads the pages again after a change, and sends the tabs the events for it.
    pub(crate) fn reload_pages(&self, changes: &Changes) -> ReloadOutcome {
        let began = Instant::now();
        let root = self.pages.root();
        let (result, errors) = match self.pages.reload() {
            Ok(()) => {
                self.tabs.set_page_errors(&[]);
                let edition = self.pages.edition();
                let edits = self.edits(changes).into_iter();
                let events: Vec<_> =
                    edits.map(|edit| ReloadEvent::Edit { edit, edition }).collect();
                events.iter().for_each(|event| self.tabs.send(event));
                let effects: Vec<&str> = events.iter().map(ReloadEvent::effect).collect();
                (effects.join(", "), Vec::new())
            }
            Err(diagnostics) => {
                let errors: Vec<_> = diagnostics
                    .iter()
                    .map(|diagnostic| Report::of_diagnostic(diagnostic, root))
                    .collect();
                self.tabs.set_page_errors(&errors);
                (counted(errors.len(), "error"), errors)
            }
        };
        let elapsed = began.elapsed();
        self.panel.add_change(LastChange {
            what: changes.to_string(),
            did: result.clone(),
            ms: ms(elapsed),
            ok: errors.is_empty(),
        });
        ReloadOutcome { result, elapsed, errors }
    }

    /// Shows the last build in the panel.
    pub(crate) fn set_last_build(&self, build: LastBuild) {
        self.panel.set_last_build(build);
    }

    /// Shows the errors of the next version in the tabs.
    pub(crate) fn set_build_errors(&self, errors: &[Report]) {
        self.tabs.set_build_errors(errors);
    }

    /// Shows the failure of one request in the tabs.
    pub(crate) fn show_failure(&self, report: Report) {
        self.tabs.send(&ReloadEvent::Failure(Box::new(report)));
    }

    /// Returns what the tabs do after a change of pages that have no errors.
    fn edits(&self, changes: &Changes) -> Vec<Edit> {
        let of = |suffixes: &[&str]| -> BTreeSet<String> {
            let suffix = |path: &str| path.rsplit_once('.').map_or("", |(_, s)| s).to_owned();
            let paths = changes.pages.iter();
            paths.filter(|path| suffixes.contains(&suffix(path).as_str())).cloned().collect()
        };
        let (templates, styles, scripts) = (of(&["html"]), of(&["css"]), of(&["js", "mjs"]));
        if !scripts.is_empty() {
            // A tab that loads its page again gets all other changes with it.
            return vec![Edit::Script(self.pages_of_scripts(&scripts))];
        }
        let mut edits = Vec::new();
        if !styles.is_empty() {
            edits.push(Edit::Css(styles.clone()));
        }
        let templates: BTreeSet<String> = templates
            .iter()
            .filter_map(|path| path.strip_prefix("pages/"))
            .map(str::to_owned)
            .collect();
        let is_new_or_removed = |path: &String| changes.added_or_removed.contains(path);
        if !templates.is_empty() || styles.iter().any(is_new_or_removed) {
            // A file that is added or removed can change the path of any page, and the links in
            // its head.
            let edited_only = changes.added_or_removed.is_empty();
            let pages = edited_only.then(|| self.pages.dependents(&templates));
            edits.push(Edit::Page(pages));
        }
        let has_event = |path: &String| path.ends_with(".html") || styles.contains(path);
        let others: BTreeSet<String> =
            changes.pages.iter().filter(|path| !has_event(path)).cloned().collect();
        if !others.is_empty() {
            edits.push(Edit::File(others));
        }
        edits
    }

    /// Returns the pages of these scripts, if each is the script of a page and not a shared module.
    fn pages_of_scripts(&self, scripts: &BTreeSet<String>) -> Option<BTreeSet<String>> {
        let page = |script: &String| {
            let template = format!("{}.html", script.strip_prefix("pages/")?.strip_suffix(".js")?);
            self.pages.has_template(&template).then_some(template)
        };
        scripts.iter().map(page).collect()
    }
}

/// Returns the route of the tabs' event stream.
fn stream(base: &str, tabs: Arc<Tabs>, shared: Arc<Shared>) -> Router {
    let stream = get(move |request: Request| {
        let cx = dispatch::context(request, States::default());
        std::future::ready(tabs.stream(&cx, &shared))
    });
    Router::new().route(&format!("{base}{RELOAD_PATH}"), stream)
}

/// Returns the route of a stream that only reports these errors, for a server without pages.
pub(crate) fn error_stream(
    base: &str,
    root: Option<&Path>,
    errors: &[Report],
    shared: Arc<Shared>,
) -> Router {
    let tabs = Tabs::new(root, RequestId::next().as_str(), || 0);
    tabs.set_build_errors(errors);
    stream(base, Arc::new(tabs), shared)
}
