//! File events → change sets.
//!
//! Folders are watched and not files: editors replace a file when they save it, and a watch on the
//! old one would be gone. Whatever the events say, a change is a difference of content: saving
//! what was there is none, and several saves in a row are one.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::{Path, PathBuf},
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender},
    time::Duration,
};

use notify::{
    Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher,
    event::{AccessKind, AccessMode, ModifyKind},
};

use crate::files::{Files, Folder, Hash};

/// How long it has to be quiet before a change is acted on: an editor that saves all files, or a
/// tool that writes several, is one change.
const SETTLE: Duration = Duration::from_millis(25);

/// A change that never settles is acted on after so many quiet waits that were none.
const UNSETTLED_MAX: u32 = 40;

/// The files that differ from what was there before.
#[derive(Debug)]
pub(super) struct Changes {
    /// Never empty. Paths such as `pages/index.html`.
    paths: BTreeSet<String>,
}

impl Changes {
    /// Returns whether all of them have that suffix.
    pub(super) fn only(&self, suffix: &str) -> bool {
        self.paths.iter().all(|path| path.rsplit_once('.').is_some_and(|(_, s)| s == suffix))
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut paths = self.paths.iter();
        f.write_str(paths.next().map_or("", String::as_str))?;
        match paths.len() {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

/// Calls `act` with each change of the files below `root`, from a thread of its own.
///
/// The thread ends with the process: it watches for as long as the app serves.
pub(super) fn spawn(root: PathBuf, act: impl Fn(Changes) + Send + 'static) {
    let (events, happened) = mpsc::channel();
    match Watch::new(&root, events) {
        Ok(mut watch) => {
            let files = Files::on_disk(root);
            // Before the thread runs: an edit from now on is a change.
            let before = contents(&files);
            std::thread::spawn(move || {
                follow(&files, before, &happened, || watch.folders(), act);
            });
        }
        Err(error) => tracing::warn!(%error, "edits will not show by themselves"),
    }
}

/// What an event says: look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Happened {
    /// In one of the folders, or near them.
    Somewhere,
    /// One of the folders itself is new: its watch, if there was one, went with the old one.
    NewFolder,
}

struct Watch {
    watcher: RecommendedWatcher,
    folders: [PathBuf; 2],
}

impl Watch {
    fn new(root: &Path, events: Sender<Happened>) -> notify::Result<Self> {
        let folders = [Folder::Pages, Folder::Public].map(|folder| root.join(folder.as_str()));
        let known = folders.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            // Nobody hears it once the thread is gone.
            let _ = event.ok().and_then(|event| told(&event, &known)).map(|told| events.send(told));
        });
        let mut watch = Self { watcher: watcher?, folders };
        // The root without what lies below, so that a folder that is made later is noticed.
        watch.watcher.watch(root, RecursiveMode::NonRecursive)?;
        watch.folders();
        Ok(watch)
    }

    /// Watches those of the folders that are there.
    fn folders(&mut self) {
        for folder in self.folders.iter().filter(|folder| folder.is_dir()) {
            if let Err(error) = self.watcher.watch(folder, RecursiveMode::Recursive) {
                tracing::warn!(folder = %folder.display(), %error, "its edits will not show");
            }
        }
    }
}

fn told(event: &Event, folders: &[PathBuf]) -> Option<Happened> {
    let new = matches!(event.kind, EventKind::Create(_) | EventKind::Modify(ModifyKind::Name(_)));
    match new && event.paths.iter().any(|path| folders.contains(path)) {
        true => Some(Happened::NewFolder),
        false => counts(event.kind).then_some(Happened::Somewhere),
    }
}

/// Tells whether an event may mean other content. Opening and reading do not: acting on a change
/// reads, and would be a change again.
fn counts(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(AccessKind::Close(mode)) => mode == AccessMode::Write,
        EventKind::Access(_) | EventKind::Other => false,
        // A file that is moved away tells of its old name alone, so that name counts too.
        EventKind::Create(_) | EventKind::Remove(_) | EventKind::Modify(_) | EventKind::Any => true,
    }
}

fn follow(
    files: &Files,
    mut before: Contents,
    happened: &Receiver<Happened>,
    mut watch_folders: impl FnMut(),
    act: impl Fn(Changes),
) {
    while let Ok(mut told) = happened.recv() {
        for _ in 0..UNSETTLED_MAX {
            if told == Happened::NewFolder {
                watch_folders();
            }
            match happened.recv_timeout(SETTLE) {
                Ok(next) => told = next,
                // The one who tells is gone, but what was told is acted on.
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        let now = contents(files);
        if let Some(changes) = difference(&before, &now) {
            act(changes);
        }
        before = now;
    }
}

type Contents = BTreeMap<String, Hash>;

/// Returns what is in the files. Those that editors keep for themselves are not listed.
fn contents(files: &Files) -> Contents {
    let mut contents = Contents::new();
    for folder in [Folder::Pages, Folder::Public] {
        for path in files.list(folder).unwrap_or_default() {
            if let Some(file) = files.read(folder, &path) {
                contents.insert(format!("{folder}/{path}"), file.hash);
            }
        }
    }
    contents
}

fn difference(before: &Contents, now: &Contents) -> Option<Changes> {
    let gone = before.keys().filter(|path| !now.contains_key(*path));
    let other = now.iter().filter(|(path, hash)| before.get(*path) != Some(hash));
    let paths: BTreeSet<String> = gone.chain(other.map(|(path, _)| path)).cloned().collect();
    (!paths.is_empty()).then_some(Changes { paths })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::TestDir;

    fn paths(before: &Contents, now: &Contents) -> Option<Vec<String>> {
        difference(before, now).map(|changes| changes.paths.into_iter().collect())
    }

    #[test]
    fn only_other_content_is_a_change() {
        let dir = TestDir::new(&[("pages/a.html", "1"), ("public/b.css", "2")]);
        let before = contents(&dir.files());
        dir.write("pages/a.html", "1");
        dir.write("pages/a.html~", "x");
        dir.write("pages/.a.html.swp", "x");
        assert_eq!(paths(&before, &contents(&dir.files())), None);
        dir.write("public/b.css", "3");
        dir.write("pages/new/c.html", "4");
        dir.remove("pages/a.html");
        assert_eq!(
            paths(&before, &contents(&dir.files())).unwrap(),
            ["pages/a.html", "pages/new/c.html", "public/b.css"]
        );
    }

    #[test]
    fn several_events_are_one_change() {
        let dir = TestDir::new(&[("pages/a.css", "1")]);
        let before = contents(&dir.files());
        let (event, happened) = mpsc::channel();
        dir.write("pages/a.css", "2");
        for _ in 0..3 {
            event.send(Happened::Somewhere).unwrap();
        }
        drop(event);
        let (tell, told) = mpsc::channel();
        follow(&dir.files(), before, &happened, || {}, |changes| tell.send(changes).unwrap());
        drop(tell);
        let changes: Vec<_> = told.iter().collect();
        assert!(changes.len() == 1 && changes[0].only("css"), "{changes:?}");
    }

    #[test]
    fn saves_of_all_kinds_are_noticed() {
        let dir = TestDir::new(&[("pages/a.html", "1")]);
        let (tell, told) = mpsc::channel();
        spawn(dir.path().to_owned(), move |changes| {
            let _ = tell.send(changes.to_string());
        });
        // A slow machine may see one save as two changes.
        let wait_for = |path: &str| {
            while told.recv_timeout(Duration::from_secs(20)).unwrap() != path {}
        };
        dir.write("pages/a.html", "2");
        wait_for("pages/a.html");
        // As editors save: a new file in place of the old one, which is then saved again.
        for text in ["3", "4"] {
            dir.write("pages/.a.html.new", text);
            std::fs::rename(dir.path().join("pages/.a.html.new"), dir.path().join("pages/a.html"))
                .unwrap();
            wait_for("pages/a.html");
        }
        // A folder in a folder.
        dir.write("pages/blog/b.html", "1");
        wait_for("pages/blog/b.html");
        dir.write("pages/blog/b.html", "2");
        wait_for("pages/blog/b.html");
        // A folder that was not there at the start.
        dir.write("public/c.css", "1");
        wait_for("public/c.css");
        dir.write("public/c.css", "2");
        wait_for("public/c.css");
        // Moved away.
        std::fs::rename(dir.path().join("pages/a.html"), dir.path().join("a.html")).unwrap();
        wait_for("pages/a.html");
    }

    #[test]
    fn reading_is_no_event() {
        use notify::event::{CreateKind, RenameMode};
        assert!(!counts(EventKind::Access(AccessKind::Open(AccessMode::Any))));
        assert!(!counts(EventKind::Access(AccessKind::Close(AccessMode::Read))));
        assert!(counts(EventKind::Access(AccessKind::Close(AccessMode::Write))));
        assert!(counts(EventKind::Create(CreateKind::File)));
        assert!(counts(EventKind::Modify(ModifyKind::Name(RenameMode::From))));
    }
}
