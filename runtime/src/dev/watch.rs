//! File events → change sets.
//!
//! Folders are watched and not files: editors replace a file when they save it, and a watch on the
//! old one would be gone. Whatever the events say, a change is a difference of content: saving
//! what was there is none, and several saves in a row are one.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::PathBuf,
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    time::Duration,
};

use notify::{
    Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher,
    event::{AccessKind, AccessMode, ModifyKind, RenameMode},
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
    let watcher = watcher(&root, move || {
        let _ = events.send(());
    });
    match watcher {
        Ok(watcher) => {
            std::thread::spawn(move || {
                let _watcher = watcher;
                follow(&Files::on_disk(root), &happened, act);
            });
        }
        Err(error) => tracing::warn!(%error, "edits will not show by themselves"),
    }
}

fn watcher(
    root: &std::path::Path,
    happened: impl Fn() + Send + 'static,
) -> notify::Result<RecommendedWatcher> {
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        if event.is_ok_and(|event| counts(event.kind)) {
            happened();
        }
    })?;
    for folder in [Folder::Pages, Folder::Public] {
        let folder = root.join(folder.as_str());
        if folder.is_dir() {
            watcher.watch(&folder, RecursiveMode::Recursive)?;
        }
    }
    Ok(watcher)
}

/// Tells whether an event may mean other content. Opening and reading do not: acting on a change
/// reads, and would be a change again.
fn counts(kind: EventKind) -> bool {
    match kind {
        EventKind::Create(_) | EventKind::Remove(_) | EventKind::Any => true,
        EventKind::Modify(ModifyKind::Name(mode)) => mode != RenameMode::From,
        EventKind::Modify(_) => true,
        EventKind::Access(AccessKind::Close(mode)) => mode == AccessMode::Write,
        EventKind::Access(_) | EventKind::Other => false,
    }
}

fn follow(files: &Files, happened: &Receiver<()>, act: impl Fn(Changes)) {
    let mut before = contents(files);
    while happened.recv().is_ok() {
        for _ in 0..UNSETTLED_MAX {
            match happened.recv_timeout(SETTLE) {
                Ok(()) => {}
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => return,
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
    fn a_save_is_told_once_it_settles() {
        let dir = TestDir::new(&[("pages/a.css", "1")]);
        let (tell, told) = mpsc::channel();
        let before = contents(&dir.files());
        let (event, happened) = mpsc::channel();
        dir.write("pages/a.css", "2");
        for _ in 0..3 {
            event.send(()).unwrap();
        }
        drop(event);
        // The events were sent before the thread looks, so it compares with what was there.
        let now = contents(&dir.files());
        tell.send(difference(&before, &now)).unwrap();
        assert!(told.recv().unwrap().unwrap().only("css"));
        follow(&dir.files(), &happened, |changes| panic!("{changes}"));
    }

    #[test]
    fn reading_is_no_event() {
        use notify::event::{CreateKind, DataChange};
        assert!(!counts(EventKind::Access(AccessKind::Open(AccessMode::Any))));
        assert!(!counts(EventKind::Access(AccessKind::Close(AccessMode::Read))));
        assert!(!counts(EventKind::Modify(ModifyKind::Name(RenameMode::From))));
        assert!(counts(EventKind::Access(AccessKind::Close(AccessMode::Write))));
        assert!(counts(EventKind::Create(CreateKind::File)));
        assert!(counts(EventKind::Modify(ModifyKind::Data(DataChange::Any))));
    }
}
