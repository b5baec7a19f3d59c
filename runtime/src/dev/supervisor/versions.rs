//! The versions of the app: which one serves, which one comes next, and which ones drain.
//!
//! A version is a process. It goes through these steps: it [checks](Phase::Checking) itself, waits
//! until the version before has [released](Phase::Waiting) the topics, [opens](Phase::Opening) them
//! and serves; later it drains and exits. A version that fails one of the first steps changes
//! nothing for the one that serves.

use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::ExitStatus,
    time::{Duration, Instant},
};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

use crate::{
    dev::{
        handoff::ServeSockets,
        outcome::{LastBuild, counted},
        panel::PANEL_KEY,
        protocol::{Command, Status},
        report::{Kind, Report},
        supervisor::{
            build::{Build, Built},
            cargo::{BUILD_ARGS, Cargo},
            child::{Child, ChildEvent},
            fallback::Fallback,
            terminal::{duration, print_line, print_progress, print_reports},
        },
        watch::{self, Changes, WatchHandle, WatchedPaths},
    },
    request::{AllowedHost, Hosts, PrefixSettings},
};

/// How much longer than its shutdown a process may take before it is killed.
const GRACE: Duration = Duration::from_secs(3);

/// The settings of the app that its supervisor needs.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The address that the app asks for, for messages.
    pub(crate) address: SocketAddr,
    /// The folder of `pages/` and `public/`, if there is one.
    pub(crate) app: Option<PathBuf>,
    /// The folder of the package, if it is known.
    pub(crate) package: Option<PathBuf>,
    /// The base path, until a process reports its own.
    pub(crate) base: String,
    /// The path prefix of the app, until a process reports its own.
    pub(crate) prefix: PrefixSettings,
    /// The hosts that the app names, until a process says them.
    pub(crate) allowed_hosts: Vec<AllowedHost>,
    /// How long a process may take to drain and to run the app's functions after that.
    pub(crate) shutdown: Duration,
}

/// An event that the supervisor acts on. The numbers are ids of builds and processes.
#[derive(Debug)]
pub(super) enum Event {
    Changed(Changes),
    /// Cargo has named the paths that the app is built from.
    WatchedPaths(WatchedPaths),
    Built(u64, Built),
    Child(u64, ChildEvent),
    /// The time in which this process may drain is over.
    DrainTimeout(u64),
}

pub(super) struct Supervisor {
    settings: Settings,
    sockets: ServeSockets,
    binary: PathBuf,
    cargo: Option<Cargo>,
    watched: WatchedPaths,
    watch: WatchHandle,
    events: UnboundedSender<Event>,
    /// The last id of a process or a build.
    last_id: u64,

    serving: Option<Child>,
    next: Option<Next>,
    draining: Vec<Child>,
    fallback: Option<Fallback>,
    build: Option<Building>,
    /// Starts after `next` serves.
    queued: Option<Start>,

    /// The version of the binary that was started last.
    started: Option<FileVersion>,
    build_errors: Vec<Report>,
    start_errors: Vec<Report>,
    /// Whether the address has been printed.
    announced: bool,
}

/// The reason for the start of a process.
#[derive(Debug, Default)]
pub(super) struct Start {
    /// The files that changed.
    pub(super) cause: String,
    /// The time of the change; `None` for the first start.
    pub(super) since: Option<Instant>,
    /// The duration of the build; `None` if there was none.
    pub(super) build_time: Option<Duration>,
}

/// The process that serves next.
#[derive(Debug)]
struct Next {
    child: Child,
    start: Start,
    phase: Phase,
    /// Changes of pages that it may not have read.
    missed: Changes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The process checks its pages and registrations.
    Checking,
    /// The process is ready, and waits until the process with this id has released the topics.
    Waiting(u64),
    /// The process has received [`Command::Serve`].
    Opening,
}

#[derive(Debug)]
struct Building {
    id: u64,
    changes: Changes,
    since: Instant,
    /// Dropping it stops the build.
    _build: Build,
}

/// Differs between two versions of a file: inode, time of the last write, length.
type FileVersion = (u64, i64, i64, u64);

impl Supervisor {
    pub(super) fn new(
        settings: Settings,
        sockets: ServeSockets,
        binary: PathBuf,
        events: UnboundedSender<Event>,
    ) -> Self {
        let cargo = settings.package.as_deref().and_then(|folder| Cargo::of(folder, &binary));
        let app = settings.app.clone().or(settings.package.clone()).unwrap_or_default();
        // The other packages follow when cargo has named them.
        let packages = cargo.iter().map(|cargo| cargo.package().to_owned()).collect();
        let watched = WatchedPaths { app, packages, ..WatchedPaths::default() };
        let sender = events.clone();
        let watch = watch::spawn(watched.clone(), move |changes| {
            // Sending fails only after the supervisor has stopped.
            let _ = sender.send(Event::Changed(changes));
        });
        let this = Self {
            settings,
            sockets,
            binary,
            cargo,
            watched,
            watch,
            events,
            last_id: 0,
            serving: None,
            next: None,
            draining: Vec::new(),
            fallback: None,
            build: None,
            queued: None,
            started: None,
            build_errors: Vec::new(),
            start_errors: Vec::new(),
            announced: false,
        };
        this.find_watched_paths();
        this
    }

    pub(super) async fn on_event(&mut self, event: Event) {
        match event {
            Event::Changed(changes) => self.on_change(&changes).await,
            Event::WatchedPaths(paths) => {
                self.watch.set_paths(paths.clone());
                self.watched = paths;
            }
            Event::Built(id, built) => {
                if let Some(building) = self.build.take_if(|building| building.id == id) {
                    self.on_built(building, built).await;
                }
            }
            Event::Child(id, ChildEvent::Status(status)) => self.on_status(id, status).await,
            Event::Child(id, ChildEvent::Exited(status, stderr)) => {
                self.on_exit(id, status, &stderr).await;
            }
            // Dropping a process that still runs kills it.
            Event::DrainTimeout(id) => self.draining.retain(|child| child.id != id),
        }
    }

    async fn on_change(&mut self, changes: &Changes) {
        if let Some(pages) = changes.of_pages() {
            if let Some(serving) = &self.serving {
                serving.send(&Command::PagesChanged(pages.clone()));
            }
            match &mut self.next {
                Some(next) => next.missed.extend(pages),
                // The app may not start because of an error in this page.
                None if self.serving.is_none() || !self.start_errors.is_empty() => {
                    let since = Some(Instant::now());
                    self.start(Start { cause: pages.to_string(), since, build_time: None });
                }
                None => {}
            }
        }
        if let Some(sources) = changes.of_sources() {
            self.rebuild(sources).await;
        }
    }

    /// Starts a build, in place of one that runs: that one builds an older state of the sources.
    async fn rebuild(&mut self, mut changes: Changes) {
        let Some(cargo) = self.cargo.clone() else {
            print_line(&format!(
                "{changes}: not built: cargo did not build {} in the folder of this package",
                self.binary.display()
            ));
            return;
        };
        if let Some(stopped) = self.build.take() {
            changes.extend(stopped.changes);
        }
        print_progress(&format!("{changes}: building …"));
        self.last_id += 1;
        let (id, events) = (self.last_id, self.events.clone());
        let build = Build::start(&cargo, move |built| {
            // Sending fails only after the supervisor has stopped.
            let _ = events.send(Event::Built(id, built));
        });
        self.build = Some(Building { id, changes, since: Instant::now(), _build: build });
    }

    async fn on_built(&mut self, building: Building, built: Built) {
        let Building { changes, since, .. } = building;
        print_reports(&built.reports);
        let cause = changes.to_string();
        let ok = built.binary.is_some();
        if let Some(serving) = &self.serving {
            serving.send(&Command::Built(LastBuild::new(&cause, built.elapsed, ok)));
        }
        let Some(binary) = built.binary else {
            let errors = built.reports.iter().filter(|report| !report.warning).count();
            print_line(&format!(
                "{cause}: {}, {}",
                counted(errors, "error"),
                duration(built.elapsed)
            ));
            self.build_errors = built.reports;
            self.show_errors().await;
            return;
        };
        self.build_errors.clear();
        self.binary = binary;
        let is_manifest = |path: &PathBuf| path.extension().is_some_and(|suffix| suffix != "rs");
        if changes.sources.iter().any(is_manifest) {
            self.find_watched_paths();
        }
        let is_new = file_version(&self.binary) != self.started || self.started.is_none();
        if is_new || self.serving.is_none() && self.next.is_none() {
            self.start(Start { cause, since: Some(since), build_time: Some(built.elapsed) });
        } else {
            print_line(&format!("{cause}: the app is unchanged, {}", duration(built.elapsed)));
        }
        self.show_errors().await;
    }

    /// Asks cargo which paths the app is built from; an event has the answer.
    fn find_watched_paths(&self) {
        let Some(cargo) = self.cargo.clone() else { return };
        let (app, binary) = (self.watched.app.clone(), self.binary.clone());
        let events = self.events.clone();
        tokio::spawn(async move {
            let paths = cargo.watched_paths(app, &binary).await;
            let _ = events.send(Event::WatchedPaths(paths));
        });
    }

    /// Starts a process of the binary. It serves after it has passed its checks.
    pub(super) fn start(&mut self, start: Start) {
        if self.next.as_ref().is_some_and(|next| next.phase != Phase::Checking) {
            self.queued = Some(start);
            return;
        }
        self.last_id += 1;
        let (id, events) = (self.last_id, self.events.clone());
        let root = self.cargo.as_ref().map_or_else(|| Path::new(""), Cargo::root);
        self.started = file_version(&self.binary);
        let on_event = move |event| _ = events.send(Event::Child(id, event));
        match Child::spawn(id, &self.binary, root, &self.sockets, on_event) {
            // This drops, and so kills, an older process that is still checking.
            Ok(child) => {
                let missed = Changes::default();
                self.next = Some(Next { child, start, phase: Phase::Checking, missed });
            }
            Err(error) => {
                let message = format!("{} cannot be started: {error}", self.binary.display());
                self.start_errors = vec![Report::new(Kind::Start, message)];
                print_reports(&self.start_errors);
            }
        }
    }

    async fn on_status(&mut self, id: u64, status: Status) {
        match status {
            Status::Ready { base, prefix, allowed_hosts } => {
                if let Some(next) = self.next.as_mut().filter(|next| next.child.id == id) {
                    self.settings.base = base;
                    self.settings.prefix = prefix;
                    self.settings.allowed_hosts = allowed_hosts;
                    if let Some(old) = self.serving.take() {
                        next.phase = Phase::Waiting(old.id);
                        self.drain(old, &Command::HandOff);
                    } else {
                        next.phase = Phase::Opening;
                        if let Some(fallback) = self.fallback.take() {
                            fallback.stop().await;
                        }
                        next.child.send(&Command::Serve);
                    }
                }
            }
            Status::Released => self.on_released(id),
            Status::Serving => {
                if let Some(next) = self.next.take_if(|next| next.child.id == id) {
                    self.on_serving(next).await;
                }
            }
            Status::Failed(reports) => {
                if self.next.take_if(|next| next.child.id == id).is_some() {
                    self.on_start_failed(reports).await;
                }
            }
            Status::PagesReloaded { changes, result, ms, errors } => {
                print_reports(&errors);
                print_line(&format!(
                    "{changes}: {result}, {}",
                    duration(Duration::from_millis(ms))
                ));
            }
        }
    }

    /// Sends a process the command to stop serving; kills it if it takes too long.
    fn drain(&mut self, child: Child, command: &Command) {
        child.send(command);
        let (id, events) = (child.id, self.events.clone());
        let timeout = self.settings.shutdown + GRACE;
        tokio::spawn(async move {
            tokio::time::sleep(timeout).await;
            let _ = events.send(Event::DrainTimeout(id));
        });
        self.draining.push(child);
    }

    /// Lets the next process serve if it waits for this one.
    fn on_released(&mut self, id: u64) {
        if let Some(next) = self.next.as_mut().filter(|next| next.phase == Phase::Waiting(id)) {
            next.phase = Phase::Opening;
            next.child.send(&Command::Serve);
        }
    }

    async fn on_serving(&mut self, next: Next) {
        let Next { child, start: Start { cause, since, build_time }, missed, .. } = next;
        self.start_errors.clear();
        self.announce();
        if let Some(since) = since {
            let build = build_time
                .map_or_else(String::new, |time| format!("built in {}, ", duration(time)));
            print_line(&format!("{cause}: {build}serving after {}", duration(since.elapsed())));
        }
        if let Some(time) = build_time {
            child.send(&Command::Built(LastBuild::new(cause, time, true)));
        }
        if let Some(missed) = missed.of_pages() {
            child.send(&Command::PagesChanged(missed));
        }
        self.serving = Some(child);
        if let Some(queued) = self.queued.take() {
            self.start(queued);
        }
        if !self.build_errors.is_empty() {
            self.show_errors().await;
        }
    }

    async fn on_start_failed(&mut self, reports: Vec<Report>) {
        print_reports(&reports);
        self.start_errors = reports;
        if let Some(queued) = self.queued.take() {
            self.start(queued);
        }
        self.show_errors().await;
        let state = if self.serving.is_some() {
            "the version before still serves"
        } else {
            "waiting for an edit"
        };
        print_line(&format!("the app does not start: {state}"));
    }

    async fn on_exit(&mut self, id: u64, status: Option<ExitStatus>, stderr: &str) {
        self.on_released(id);
        if self.draining.iter().any(|child| child.id == id) {
            self.draining.retain(|child| child.id != id);
        } else if self.next.take_if(|next| next.child.id == id).is_some() {
            self.on_start_failed(vec![exit_report("ended before it served", status, stderr)]).await;
        } else if self.serving.take_if(|child| child.id == id).is_some() {
            let report = exit_report("has ended", status, stderr);
            print_line(&format!("{}: waiting for an edit", report.message));
            self.start_errors = vec![report];
            self.show_errors().await;
        }
    }

    /// Shows the errors in the browser: over the pages that are served, or else by the fallback.
    async fn show_errors(&mut self) {
        let errors: Vec<Report> =
            self.build_errors.iter().chain(&self.start_errors).cloned().collect();
        if let Some(serving) = &self.serving {
            serving.send(&Command::ShowErrors(errors));
        } else if self.next.is_none() && !errors.is_empty() {
            if let Some(older) = self.fallback.take() {
                older.stop().await;
            }
            let root = self.cargo.as_ref().map_or_else(|| Path::new(""), Cargo::root);
            let hosts = Hosts::of_server(&self.settings.allowed_hosts);
            let Settings { base, prefix, .. } = &self.settings;
            let fallback =
                Fallback::start(&self.sockets, base, prefix.prefixes(), hosts, root, &errors);
            match fallback {
                Ok(fallback) => {
                    self.fallback = Some(fallback);
                    self.announce();
                }
                Err(error) => tracing::warn!(%error, "cannot show the errors in the browser"),
            }
        }
    }

    /// Prints the address of the app, once.
    fn announce(&mut self) {
        if std::mem::replace(&mut self.announced, true) {
            return;
        }
        let address = self.sockets.listener.local_addr().unwrap_or(self.settings.address);
        let root = self.settings.prefix.prefixes().root();
        print_line(&format!("listening on http://{address}{root}"));
        let hint = &format!(
            "edits show by themselves; {PANEL_KEY} opens the panel in a page, --no-watch turns this \
             off, Ctrl-C stops"
        );
        match &self.cargo {
            Some(_) => print_line(hint),
            None => print_line(&format!(
                "{hint}; edits of sources do not show, because cargo did not build this binary in \
                 the folder of this package ({BUILD_ARGS} adds arguments to its builds there)"
            )),
        }
    }

    /// Stops all processes, and waits for their exit.
    pub(super) async fn stop(&mut self, events: &mut UnboundedReceiver<Event>) {
        self.build = None;
        self.queued = None;
        // A process that does not serve yet has no data to close: dropping kills it.
        self.next = None;
        if let Some(serving) = self.serving.take() {
            self.drain(serving, &Command::Stop);
        }
        if let Some(fallback) = self.fallback.take() {
            fallback.stop().await;
        }
        while !self.draining.is_empty() {
            match events.recv().await {
                Some(Event::Child(id, ChildEvent::Exited(..)) | Event::DrainTimeout(id)) => {
                    self.draining.retain(|child| child.id != id);
                }
                Some(_) => {}
                None => return,
            }
        }
    }
}

/// Returns the report of a process that exited by itself.
fn exit_report(what: &str, status: Option<ExitStatus>, stderr: &str) -> Report {
    let status = status.map_or_else(String::new, |status| format!(" ({status})"));
    Report {
        rendered: stderr.trim().to_owned(),
        ..Report::new(Kind::Start, format!("the app {what}{status}"))
    }
}

fn file_version(binary: &Path) -> Option<FileVersion> {
    let metadata = fs::metadata(binary).ok()?;
    Some((metadata.ino(), metadata.mtime(), metadata.mtime_nsec(), metadata.len()))
}
