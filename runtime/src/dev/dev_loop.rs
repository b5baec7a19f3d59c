//! The development loop as a serving process sees it: an edit shows in every open tab. Only in
//! debug builds.
//!
//! `watch` (file events → a change) → [`Develop::act`] (read the pages again, or retain the old set
//! and report its errors) → `reload` (send the tabs an event). Under a supervisor the watch is in
//! the supervisor's process, and `supervised` receives its changes; an app that is mounted as a
//! router watches by itself.

use std::{collections::BTreeSet, path::Path, sync::Arc, time::Instant};

use axum::{Router, extract::Request, routing::get};

use crate::{
    action::States,
    dev::{
        outcome::{Acted, LastBuild, LastChange, ms},
        panel::Panel,
        reload::{RELOAD_PATH, Reload, ReloadEvent},
        report::{Kind, Report},
        watch::{Changes, Looked, spawn},
    },
    error::PANICKED,
    header::RequestId,
    page::{PageFailure, Pages},
    request::dispatch,
    schema::Types,
    server::Shared,
};

/// The pages that follow edits, and the tabs that show them.
#[derive(Clone)]
pub(crate) struct Develop {
    pages: Arc<Pages>,
    reload: Arc<Reload>,
    panel: Arc<Panel>,
}

impl Develop {
    pub(crate) fn new(pages: Arc<Pages>, types: &Types) -> Self {
        let reload = Arc::new(Reload::new(pages.root(), pages.life()));
        let (told, root) = (Arc::clone(&reload), pages.root().map(Path::to_owned));
        pages.on_failure(move |PageFailure { page, diagnostic, request_id }| {
            // Of a panic the tabs hear where it happened.
            if !diagnostic.message.starts_with(PANICKED) {
                told.tell(&ReloadEvent::Failure(Box::new(Report {
                    kind: Kind::Data,
                    name: Some(page.to_owned()),
                    request_id: Some(request_id.to_owned()),
                    ..Report::of_diagnostic(diagnostic, root.as_deref())
                })));
            }
        });
        let panel = Arc::new(Panel::new(Arc::clone(&pages), types));
        Self { pages, reload, panel }
    }

    /// Serves the stream that tells tabs of edits, and what the panel shows.
    pub(crate) fn router(&self, base: &str, shared: Arc<Shared>) -> Router {
        stream(base, Arc::clone(&self.reload), shared).merge(self.panel.router(base))
    }

    /// Watches the pages in this process.
    pub(crate) fn watch(&self) {
        let Some(root) = self.pages.root() else { return };
        let this = self.clone();
        let looked = Looked { app: root.to_owned(), ..Looked::default() };
        spawn(looked, move |changes| {
            let Acted { did, took, wrong } = this.act(&changes);
            match wrong.as_slice() {
                [] => tracing::info!("{changes}: {did}, {} ms", took.as_millis()),
                wrong => wrong.iter().for_each(|wrong| tracing::error!("{wrong}")),
            }
        });
    }

    /// Reads what changed, and tells the tabs what to do.
    pub(crate) fn act(&self, changes: &Changes) -> Acted {
        let began = Instant::now();
        let root = self.pages.root();
        let (did, wrong) = match self.pages.reload() {
            Ok(()) => {
                self.reload.pages_are_wrong(&[]);
                let events = self.events(changes);
                events.iter().for_each(|event| self.reload.tell(event));
                let did: Vec<&str> = events.iter().map(ReloadEvent::done).collect();
                (did.join(", "), Vec::new())
            }
            Err(diagnostics) => {
                let wrong: Vec<_> = diagnostics
                    .iter()
                    .map(|diagnostic| Report::of_diagnostic(diagnostic, root))
                    .collect();
                self.reload.pages_are_wrong(&wrong);
                (counted(wrong.len()), wrong)
            }
        };
        let took = began.elapsed();
        self.panel.changed(LastChange {
            what: changes.to_string(),
            did: did.clone(),
            ms: ms(took),
            ok: wrong.is_empty(),
        });
        Acted { did, took, wrong }
    }

    /// Tells the panel what was built last.
    pub(crate) fn built(&self, build: LastBuild) {
        self.panel.built(build);
    }

    /// Tells the tabs what is wrong with what shall take the place of this process.
    pub(crate) fn build_is_wrong(&self, wrong: &[Report]) {
        self.reload.build_is_wrong(wrong);
    }

    /// Tells the tabs of something that failed once.
    pub(crate) fn failed(&self, report: Report) {
        self.reload.tell(&ReloadEvent::Failure(Box::new(report)));
    }

    /// Returns what tabs have to do about a change of pages that are all right.
    fn events(&self, changes: &Changes) -> Vec<ReloadEvent> {
        let of = |suffixes: &[&str]| -> BTreeSet<String> {
            let suffix = |path: &str| path.rsplit_once('.').map_or("", |(_, s)| s).to_owned();
            let paths = changes.pages.iter();
            paths.filter(|path| suffixes.contains(&suffix(path).as_str())).cloned().collect()
        };
        let (templates, styles, scripts) = (of(&["html"]), of(&["css"]), of(&["js", "mjs"]));
        if !scripts.is_empty() {
            // A tab that loads anew has everything else with it.
            return vec![ReloadEvent::Script { pages: self.pages_of_scripts(&scripts) }];
        }
        let mut events = Vec::new();
        if !styles.is_empty() {
            events.push(ReloadEvent::Css { paths: styles.clone() });
        }
        let templates: BTreeSet<String> = templates
            .iter()
            .filter_map(|path| path.strip_prefix("pages/"))
            .map(str::to_owned)
            .collect();
        if !templates.is_empty() || styles.iter().any(|path| changes.came_or_went.contains(path)) {
            // What comes or goes may change the address of any page, and what is put into its head.
            let known = changes.came_or_went.is_empty();
            let pages = known.then(|| self.pages.users(&templates));
            events.push(ReloadEvent::Page { pages });
        }
        let known = |path: &String| path.ends_with(".html") || styles.contains(path);
        let others: BTreeSet<String> =
            changes.pages.iter().filter(|path| !known(path)).cloned().collect();
        if !others.is_empty() {
            events.push(ReloadEvent::File { paths: others });
        }
        events
    }

    /// Returns the pages that have those scripts, if all are scripts of one page alone.
    fn pages_of_scripts(&self, scripts: &BTreeSet<String>) -> Option<BTreeSet<String>> {
        let page = |script: &String| {
            let template = format!("{}.html", script.strip_prefix("pages/")?.strip_suffix(".js")?);
            self.pages.has_template(&template).then_some(template)
        };
        scripts.iter().map(page).collect()
    }
}

/// Returns a number of errors in words: `1 error`, `2 errors`.
fn counted(errors: usize) -> String {
    if errors == 1 { "1 error".to_owned() } else { format!("{errors} errors") }
}

/// Serves a stream of reload events.
fn stream(base: &str, reload: Arc<Reload>, shared: Arc<Shared>) -> Router {
    let stream = get(move |request: Request| {
        let cx = dispatch::context(request, States::default());
        std::future::ready(reload.stream(&cx, &shared))
    });
    Router::new().route(&format!("{base}{RELOAD_PATH}"), stream)
}

/// Serves the stream of a process that has no pages, only something to say about them.
pub(crate) fn wrong_stream(
    base: &str,
    root: Option<&Path>,
    wrong: &[Report],
    shared: Arc<Shared>,
) -> Router {
    let reload = Reload::new(root, RequestId::next().as_str());
    reload.build_is_wrong(wrong);
    stream(base, Arc::new(reload), shared)
}
