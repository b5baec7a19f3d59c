//! Which version of the app serves, which one comes next, and what is wrong with it.

use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::ExitStatus,
    time::{Duration, Instant},
};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

use crate::dev::{
    handoff::Socket,
    outcome::LastBuild,
    panel::PANEL_KEY,
    protocol::{Order, Word},
    report::{Kind, Report},
    supervisor::{
        build::{Build, Built},
        cargo::{BUILD_ARGS, Cargo},
        child::{Child, News},
        fallback::Fallback,
        terminal::{mutter, say, tell, time},
    },
    watch::{self, Changes, Looked, Looker},
};

/// How much longer than its drain a process may take before it is ended.
const GRACE: Duration = Duration::from_secs(3);

/// What a supervisor has to know of its app.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The address that was asked for, for messages.
    pub(crate) address: SocketAddr,
    /// The folder of `pages/` and `public/`, if there is one.
    pub(crate) app: Option<PathBuf>,
    /// The folder of the package, if it is known.
    pub(crate) package: Option<PathBuf>,
    /// The base path, until a process says it.
    pub(crate) base: String,
    /// How long a process may take to drain.
    pub(crate) drain: Duration,
}

/// What the supervisor acts on.
#[derive(Debug)]
pub(super) enum Happened {
    Changed(Changes),
    Looked(Looked),
    Built(u64, Built),
    Child(u64, News),
    /// This process has had its time to leave.
    Overdue(u64),
}

pub(super) struct Supervisor {
    settings: Settings,
    socket: Socket,
    binary: PathBuf,
    cargo: Option<Cargo>,
    looked: Looked,
    looker: Looker,
    happen: UnboundedSender<Happened>,
    /// Names processes and builds.
    last_id: u64,

    serving: Option<Child>,
    next: Option<Next>,
    /// Those that drain.
    leaving: Vec<Child>,
    fallback: Option<Fallback>,
    build: Option<Building>,
    /// What is started once the one that is about to serve does.
    queued: Option<Start>,

    /// The binary that was started last.
    started: Option<Identity>,
    build_wrong: Vec<Report>,
    start_wrong: Vec<Report>,
    /// Whether the address was said.
    announced: bool,
}

/// Why a process is started.
#[derive(Debug, Default)]
pub(super) struct Start {
    pub(super) what: String,
    /// When the change was noticed; nothing for the first start.
    pub(super) since: Option<Instant>,
    /// How long its build took.
    pub(super) built: Option<Duration>,
}

/// A process that shall serve.
#[derive(Debug)]
struct Next {
    child: Child,
    start: Start,
    phase: Phase,
    /// What changed after it may have read its pages.
    missed: Changes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It checks itself.
    Checking,
    /// It waits until this process has let go.
    Waiting(u64),
    /// It was told to serve.
    Opening,
}

#[derive(Debug)]
struct Building {
    id: u64,
    changes: Changes,
    since: Instant,
    /// Stopped when it is dropped.
    _build: Build,
}

/// Tells one version of a file from another.
type Identity = (u64, i64, i64, u64);

impl Supervisor {
    pub(super) fn new(
        settings: Settings,
        socket: Socket,
        binary: PathBuf,
        happen: UnboundedSender<Happened>,
    ) -> Self {
        let cargo = settings.package.as_deref().and_then(|folder| Cargo::of(folder, &binary));
        let app = settings.app.clone().or(settings.package.clone()).unwrap_or_default();
        // The others follow once cargo has said which they are.
        let packages = cargo.iter().map(|cargo| cargo.package().to_owned()).collect();
        let looked = Looked { app, packages, ..Looked::default() };
        let told = happen.clone();
        let looker = watch::spawn(looked.clone(), move |changes| {
            // Nobody acts on it once the supervisor stops.
            let _ = told.send(Happened::Changed(changes));
        });
        let this = Self {
            settings,
            socket,
            binary,
            cargo,
            looked,
            looker,
            happen,
            last_id: 0,
            serving: None,
            next: None,
            leaving: Vec::new(),
            fallback: None,
            build: None,
            queued: None,
            started: None,
            build_wrong: Vec::new(),
            start_wrong: Vec::new(),
            announced: false,
        };
        this.look();
        this
    }

    pub(super) async fn act(&mut self, happened: Happened) {
        match happened {
            Happened::Changed(changes) => self.changed(&changes).await,
            Happened::Looked(looked) => {
                self.looker.look_at(looked.clone());
                self.looked = looked;
            }
            Happened::Built(id, built) => {
                if let Some(building) = self.build.take_if(|building| building.id == id) {
                    self.built(building, built).await;
                }
            }
            Happened::Child(id, News::Said(word)) => self.said(id, word).await,
            Happened::Child(id, News::Ended(status, said)) => self.ended(id, status, &said).await,
            // Dropped, and so killed, if it is still there.
            Happened::Overdue(id) => self.leaving.retain(|child| child.id != id),
        }
    }

    async fn changed(&mut self, changes: &Changes) {
        if let Some(pages) = changes.of_pages() {
            if let Some(serving) = &self.serving {
                serving.order(&Order::Changed(pages.clone()));
            }
            match &mut self.next {
                Some(next) => next.missed.extend(pages),
                // It may have been the page that kept the app from starting.
                None if self.serving.is_none() || !self.start_wrong.is_empty() => {
                    let since = Some(Instant::now());
                    self.start(Start { what: pages.to_string(), since, built: None });
                }
                None => {}
            }
        }
        if let Some(sources) = changes.of_sources() {
            self.rebuild(sources).await;
        }
    }

    /// Builds anew; a build that runs is of what was there before.
    async fn rebuild(&mut self, mut changes: Changes) {
        let Some(cargo) = self.cargo.clone() else {
            say(&format!(
                "{changes}: not built, since {} does not lie where cargo builds it",
                self.binary.display()
            ));
            return;
        };
        if let Some(stopped) = self.build.take() {
            changes.extend(stopped.changes);
        }
        mutter(&format!("{changes}: building …"));
        self.last_id += 1;
        let (id, happen) = (self.last_id, self.happen.clone());
        let build = Build::start(&cargo, move |built| {
            // Nobody acts on it once the supervisor stops.
            let _ = happen.send(Happened::Built(id, built));
        });
        self.build = Some(Building { id, changes, since: Instant::now(), _build: build });
    }

    async fn built(&mut self, building: Building, built: Built) {
        let Building { changes, since, .. } = building;
        tell(&built.reports);
        let what = changes.to_string();
        let ok = built.binary.is_some();
        if let Some(serving) = &self.serving {
            serving.order(&Order::Built(LastBuild::new(&what, built.took, ok)));
        }
        let Some(binary) = built.binary else {
            let errors = built.reports.iter().filter(|report| !report.warning).count();
            let errors =
                if errors == 1 { "1 error".to_owned() } else { format!("{errors} errors") };
            say(&format!("{what}: {errors}, {}", time(built.took)));
            self.build_wrong = built.reports;
            self.show_wrong().await;
            return;
        };
        self.build_wrong.clear();
        self.binary = binary;
        let manifest = |path: &PathBuf| path.extension().is_some_and(|suffix| suffix != "rs");
        if changes.sources.iter().any(manifest) {
            self.look();
        }
        let is_new = identity(&self.binary) != self.started || self.started.is_none();
        if is_new || self.serving.is_none() && self.next.is_none() {
            self.start(Start { what, since: Some(since), built: Some(built.took) });
        } else {
            say(&format!("{what}: the app is the same, {}", time(built.took)));
        }
        self.show_wrong().await;
    }

    /// Asks again what the app is built from.
    fn look(&self) {
        let Some(cargo) = self.cargo.clone() else { return };
        let (app, binary) = (self.looked.app.clone(), self.binary.clone());
        let happen = self.happen.clone();
        tokio::spawn(async move {
            let looked = cargo.looked(app, &binary).await;
            let _ = happen.send(Happened::Looked(looked));
        });
    }

    /// Starts the binary; it takes over once it has checked itself.
    pub(super) fn start(&mut self, start: Start) {
        if self.next.as_ref().is_some_and(|next| next.phase != Phase::Checking) {
            self.queued = Some(start);
            return;
        }
        self.last_id += 1;
        let (id, happen) = (self.last_id, self.happen.clone());
        let root = self.cargo.as_ref().map_or_else(|| Path::new(""), Cargo::root);
        self.started = identity(&self.binary);
        let news = move |news| _ = happen.send(Happened::Child(id, news));
        match Child::spawn(id, &self.binary, root, &self.socket, news) {
            // One that still checks itself is older: dropped, and so killed.
            Ok(child) => {
                let missed = Changes::default();
                self.next = Some(Next { child, start, phase: Phase::Checking, missed });
            }
            Err(error) => {
                let message = format!("{} cannot be started: {error}", self.binary.display());
                self.start_wrong = vec![Report::new(Kind::Start, message)];
                tell(&self.start_wrong);
            }
        }
    }

    async fn said(&mut self, id: u64, word: Word) {
        match word {
            Word::Ready { base } => {
                if let Some(next) = self.next.as_mut().filter(|next| next.child.id == id) {
                    self.settings.base = base;
                    if let Some(old) = self.serving.take() {
                        next.phase = Phase::Waiting(old.id);
                        self.dismiss(old, &Order::HandOff);
                    } else {
                        next.phase = Phase::Opening;
                        if let Some(fallback) = self.fallback.take() {
                            fallback.stop().await;
                        }
                        next.child.order(&Order::Serve);
                    }
                }
            }
            Word::Released => self.released(id),
            Word::Serving => {
                if let Some(next) = self.next.take_if(|next| next.child.id == id) {
                    self.serves(next).await;
                }
            }
            Word::Failed(reports) => {
                if self.next.take_if(|next| next.child.id == id).is_some() {
                    self.failed(reports).await;
                }
            }
            Word::Acted { what, did, ms, wrong } => {
                tell(&wrong);
                say(&format!("{what}: {did}, {}", time(Duration::from_millis(ms))));
            }
        }
    }

    /// Lets a process go; it is ended if it takes too long.
    fn dismiss(&mut self, child: Child, order: &Order) {
        child.order(order);
        let (id, happen) = (child.id, self.happen.clone());
        let overdue = self.settings.drain + GRACE;
        tokio::spawn(async move {
            tokio::time::sleep(overdue).await;
            let _ = happen.send(Happened::Overdue(id));
        });
        self.leaving.push(child);
    }

    /// Lets the next process serve if it waits for this one.
    fn released(&mut self, id: u64) {
        if let Some(next) = self.next.as_mut().filter(|next| next.phase == Phase::Waiting(id)) {
            next.phase = Phase::Opening;
            next.child.order(&Order::Serve);
        }
    }

    async fn serves(&mut self, next: Next) {
        let Next { child, start, missed, .. } = next;
        self.start_wrong.clear();
        self.announce();
        if let Some(since) = start.since {
            let built =
                start.built.map_or_else(String::new, |took| format!("built in {}, ", time(took)));
            say(&format!("{}: {built}serving after {}", start.what, time(since.elapsed())));
        }
        if let (Some(took), what) = (start.built, start.what) {
            child.order(&Order::Built(LastBuild::new(what, took, true)));
        }
        if let Some(missed) = missed.of_pages() {
            child.order(&Order::Changed(missed));
        }
        self.serving = Some(child);
        if let Some(queued) = self.queued.take() {
            self.start(queued);
        }
        if !self.build_wrong.is_empty() {
            self.show_wrong().await;
        }
    }

    /// A version does not start.
    async fn failed(&mut self, reports: Vec<Report>) {
        tell(&reports);
        self.start_wrong = reports;
        if let Some(queued) = self.queued.take() {
            self.start(queued);
        }
        self.show_wrong().await;
        let on = if self.serving.is_some() {
            "the version before it goes on"
        } else {
            "waiting for an edit"
        };
        say(&format!("the app does not start: {on}"));
    }

    async fn ended(&mut self, id: u64, status: Option<ExitStatus>, said: &str) {
        self.released(id);
        if self.leaving.iter().any(|child| child.id == id) {
            self.leaving.retain(|child| child.id != id);
        } else if self.next.take_if(|next| next.child.id == id).is_some() {
            self.failed(vec![end("ended before it served", status, said)]).await;
        } else if self.serving.take_if(|child| child.id == id).is_some() {
            let report = end("has ended", status, said);
            say(&format!("{}: waiting for an edit", report.message));
            self.start_wrong = vec![report];
            self.show_wrong().await;
        }
    }

    /// Shows what is wrong where one looks: over the pages that are served, or in their place.
    async fn show_wrong(&mut self) {
        let wrong: Vec<Report> =
            self.build_wrong.iter().chain(&self.start_wrong).cloned().collect();
        if let Some(serving) = &self.serving {
            serving.order(&Order::Wrong(wrong));
        } else if self.next.is_none() && !wrong.is_empty() {
            if let Some(older) = self.fallback.take() {
                older.stop().await;
            }
            let root = self.cargo.as_ref().map_or_else(|| Path::new(""), Cargo::root);
            match Fallback::start(&self.socket, &self.settings.base, root, &wrong) {
                Ok(fallback) => {
                    self.fallback = Some(fallback);
                    self.announce();
                }
                Err(error) => tracing::warn!(%error, "nothing can be said in the browser"),
            }
        }
    }

    /// Says once where the app is.
    fn announce(&mut self) {
        if std::mem::replace(&mut self.announced, true) {
            return;
        }
        let address = self.socket.listener.local_addr().unwrap_or(self.settings.address);
        say(&format!("listening on http://{address}"));
        let hint = &format!(
            "edits show by themselves; {PANEL_KEY} opens the panel in a page, --no-watch serves plainly, \
             Ctrl-C stops"
        );
        match &self.cargo {
            Some(_) => say(hint),
            None => say(&format!(
                "{hint}; edits of sources do not, since cargo did not build this binary here \
                 ({BUILD_ARGS} adds to its arguments where it did)"
            )),
        }
    }

    /// Ends everything, and waits for it.
    pub(super) async fn stop(&mut self, happened: &mut UnboundedReceiver<Happened>) {
        self.build = None;
        self.queued = None;
        // It has nothing to lose yet.
        self.next = None;
        if let Some(serving) = self.serving.take() {
            self.dismiss(serving, &Order::Retire);
        }
        if let Some(fallback) = self.fallback.take() {
            fallback.stop().await;
        }
        while !self.leaving.is_empty() {
            match happened.recv().await {
                Some(Happened::Child(id, News::Ended(..)) | Happened::Overdue(id)) => {
                    self.leaving.retain(|child| child.id != id);
                }
                Some(_) => {}
                None => return,
            }
        }
    }
}

/// Reports that a process ended by itself.
fn end(what: &str, status: Option<ExitStatus>, said: &str) -> Report {
    let status = status.map_or_else(String::new, |status| format!(" ({status})"));
    Report {
        rendered: said.trim().to_owned(),
        ..Report::new(Kind::Start, format!("the app {what}{status}"))
    }
}

fn identity(binary: &Path) -> Option<Identity> {
    let metadata = fs::metadata(binary).ok()?;
    Some((metadata.ino(), metadata.mtime(), metadata.mtime_nsec(), metadata.len()))
}
