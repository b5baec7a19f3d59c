//! File events → sets of changed files.
//!
//! The watch is on folders and not on files: an editor that saves a file replaces it, and a watch
//! on the old file is then lost. Each folder has a watch of its own, so that folders of build
//! results (`target`) and of downloads (`node_modules`) have none. An event only says where to
//! look: a change is a difference in content. Saving the same content again is no change, and
//! several saves in a row are one.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    fmt, fs,
    path::{Path, PathBuf},
    sync::mpsc::{self, Receiver, Sender},
    time::{Duration, SystemTime},
};

use notify::{
    Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher,
    event::{AccessKind, AccessMode},
};
use serde::{Deserialize, Serialize};

use crate::files::{Files, Folder, Hash};

/// How long no event may come before a change is reported. An editor that saves all files, or a
/// tool that writes several, makes one change.
const SETTLE: Duration = Duration::from_millis(10);

/// How many events in a row delay a change. After so many it is reported although more events
/// come.
const UNSETTLED_MAX: u32 = 80;

/// How deep folders are read: deeper than those of any project.
const DEPTH_MAX: usize = 32;

/// The folders and files to watch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct WatchedPaths {
    /// The folder of `pages/` and `public/`.
    pub(crate) app: PathBuf,
    /// The folders of the packages that the app is built from; empty if only pages are watched.
    pub(crate) packages: BTreeSet<PathBuf>,
    /// Other files that go into the binary.
    pub(crate) files: BTreeSet<PathBuf>,
}

/// The files that changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Changes {
    /// Paths below the app's folder, such as `pages/index.html`.
    pub(crate) pages: BTreeSet<String>,
    /// Those of `pages` that are new or no longer exist.
    pub(crate) added_or_removed: BTreeSet<String>,
    /// Files that the binary is built from.
    pub(crate) sources: BTreeSet<PathBuf>,
}

impl Changes {
    /// Adds a later change to this one.
    pub(crate) fn extend(&mut self, later: Self) {
        self.pages.extend(later.pages);
        self.added_or_removed.extend(later.added_or_removed);
        self.sources.extend(later.sources);
    }

    /// Returns the changed pages and public files, which a serving process can read again.
    pub(crate) fn of_pages(&self) -> Option<Self> {
        let pages = Self { sources: BTreeSet::new(), ..self.clone() };
        (!pages.pages.is_empty()).then_some(pages)
    }

    /// Returns the changed sources, which need a build.
    pub(crate) fn of_sources(&self) -> Option<Self> {
        let sources = Self { sources: self.sources.clone(), ..Self::default() };
        (!sources.sources.is_empty()).then_some(sources)
    }

    fn is_empty(&self) -> bool {
        self.pages.is_empty() && self.sources.is_empty()
    }
}

/// The first file, and how many more there are.
impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let here = std::env::current_dir().unwrap_or_default();
        let sources = self.sources.iter().map(|path| path.strip_prefix(&here).unwrap_or(path));
        let mut paths = self.pages.iter().map(Path::new).chain(sources);
        write!(f, "{}", paths.next().unwrap_or(Path::new("nothing")).display())?;
        match paths.count() {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

/// Changes what a running watch looks at.
#[derive(Clone, Debug)]
pub(crate) struct WatchHandle(Sender<Message>);

impl WatchHandle {
    /// Watches these paths from now on. Files that were not watched before do not count as changed.
    pub(crate) fn set_paths(&self, paths: WatchedPaths) {
        // If the watch could not start, it has logged that, and nothing receives this.
        let _ = self.0.send(Message::SetPaths(paths));
    }
}

/// Calls `on_change` with each change of the watched paths, from a thread of its own.
///
/// The thread ends with the process: it watches for as long as the app serves.
pub(crate) fn spawn(
    paths: WatchedPaths,
    on_change: impl Fn(Changes) + Send + 'static,
) -> WatchHandle {
    let (sender, messages) = mpsc::channel();
    let watcher = {
        let sender = sender.clone();
        notify::recommended_watcher(move |event: notify::Result<Event>| {
            let Ok(event) = event else { return };
            if may_change_content(event.kind) {
                // Sending fails only after the thread has ended.
                let _ = sender.send(Message::Events(event.paths));
            }
        })
    };
    match watcher {
        Ok(watcher) => {
            let mut watch = NotifyWatch { watcher, watched: BTreeSet::new() };
            watch.set_folders(&paths);
            // Read before the thread starts, so that every edit from now on is a change.
            let before = Snapshot::read(&paths, &Snapshot::default());
            std::thread::spawn(move || run(paths, before, &messages, &mut watch, on_change));
        }
        Err(error) => tracing::warn!(%error, "cannot watch files: edits do not show by themselves"),
    }
    WatchHandle(sender)
}

#[derive(Debug)]
enum Message {
    /// File events at these files or folders.
    Events(Vec<PathBuf>),
    SetPaths(WatchedPaths),
}

/// Watches a set of folders.
trait FolderWatch {
    /// Ends the watches on folders that are gone or no longer wanted, and adds the missing ones.
    fn set_folders(&mut self, paths: &WatchedPaths);
    /// Ends the watch on `path` and on the folders below, if there is one. After an event at a
    /// folder itself another folder may have its name, and the watch is still on the old one.
    fn forget(&mut self, path: &Path);
}

struct NotifyWatch {
    watcher: RecommendedWatcher,
    watched: BTreeSet<PathBuf>,
}

impl FolderWatch for NotifyWatch {
    fn set_folders(&mut self, paths: &WatchedPaths) {
        // The next round finds a folder that is created while this one reads the others.
        for _ in 0..DEPTH_MAX {
            let folders = paths.folders();
            self.watched.retain(|folder| folders.contains(folder));
            let new: Vec<PathBuf> = folders.difference(&self.watched).cloned().collect();
            if new.is_empty() {
                return;
            }
            for folder in new {
                if let Err(error) = self.watcher.watch(&folder, RecursiveMode::NonRecursive)
                    && folder.is_dir()
                {
                    tracing::warn!(
                        folder = %folder.display(), %error,
                        "cannot watch this folder: its edits do not show by themselves"
                    );
                }
                self.watched.insert(folder);
            }
        }
    }

    fn forget(&mut self, path: &Path) {
        if !self.watched.contains(path) {
            return;
        }
        let gone: Vec<PathBuf> =
            self.watched.iter().filter(|folder| folder.starts_with(path)).cloned().collect();
        for folder in gone {
            // The folder may no longer exist, and its watch with it.
            let _ = self.watcher.unwatch(&folder);
            self.watched.remove(&folder);
        }
    }
}

/// Returns whether an event can mean new content. Opening and reading a file cannot: reading the
/// changed files would otherwise be the next change.
fn may_change_content(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(AccessKind::Close(mode)) => mode == AccessMode::Write,
        EventKind::Access(_) | EventKind::Other => false,
        // A file that moves out of the watched folders has only an event for its old name.
        EventKind::Create(_) | EventKind::Remove(_) | EventKind::Modify(_) | EventKind::Any => true,
    }
}

fn run(
    mut paths: WatchedPaths,
    mut before: Snapshot,
    messages: &Receiver<Message>,
    watch: &mut impl FolderWatch,
    on_change: impl Fn(Changes),
) {
    while let Ok(first) = messages.recv() {
        let mut next = Some(first);
        let mut unsettled = 0;
        while let Some(message) = next.take() {
            match message {
                Message::Events(paths) => paths.iter().for_each(|path| watch.forget(path)),
                Message::SetPaths(new) => {
                    watch.set_folders(&new);
                    // A file that is new below the paths watched so far is a change, found below.
                    let now = Snapshot::read(&paths, &before);
                    before.add_missing(&Snapshot::read(&new, &now), &now);
                    paths = new;
                }
            }
            unsettled += 1;
            if unsettled < UNSETTLED_MAX {
                // A closed channel is no error here: the messages so far still count.
                next = messages.recv_timeout(SETTLE).ok();
            }
        }
        watch.set_folders(&paths);
        let now = Snapshot::read(&paths, &before);
        let changes = now.changes_since(&before);
        before = now;
        if !changes.is_empty() {
            on_change(changes);
        }
    }
}

impl WatchedPaths {
    /// Returns all folders in which a change can happen.
    fn folders(&self) -> BTreeSet<PathBuf> {
        // The app's own folder, but not all below it: a folder `pages/` that is created later is
        // noticed there.
        let mut folders = BTreeSet::from([self.app.clone()]);
        for folder in [Folder::Pages, Folder::Public].map(|folder| self.app.join(folder.as_str())) {
            walk(&folder, DEPTH_MAX, &mut folders, &mut |_| {});
        }
        let files = Files::on_disk(self.app.clone());
        for folder in [Folder::Pages, Folder::Public] {
            folders.extend(files.list(folder).unwrap_or_default().linked);
        }
        for package in &self.packages {
            walk(package, DEPTH_MAX, &mut folders, &mut |_| {});
        }
        folders.extend(self.files.iter().filter_map(|file| file.parent()).map(Path::to_owned));
        folders
    }

    /// Returns the files that the binary is built from.
    fn sources(&self) -> BTreeSet<PathBuf> {
        let mut sources = self.files.clone();
        for package in &self.packages {
            walk(package, DEPTH_MAX, &mut BTreeSet::new(), &mut |path| {
                if is_source(&path) {
                    sources.insert(path);
                }
            });
        }
        sources
    }
}

/// Returns whether a file of this name can be part of the binary. The temporary files of editors
/// (`.#send.rs`, `send.rs~`) cannot.
fn is_source(path: &Path) -> bool {
    let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
    match name.rsplit_once('.') {
        Some((stem, "rs")) => !stem.starts_with(['.', '#']) && !stem.is_empty(),
        _ => matches!(name, "Cargo.toml" | "Cargo.lock"),
    }
}

/// Walks a folder: adds it and the folders below to `folders`, and calls `file` with each file.
fn walk(
    folder: &Path,
    depth: usize,
    folders: &mut BTreeSet<PathBuf>,
    file: &mut impl FnMut(PathBuf),
) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    if folder.join("CACHEDIR.TAG").exists() {
        return;
    }
    folders.insert(folder.to_owned());
    for entry in entries.flatten() {
        let name = entry.file_name();
        let hidden = name.as_encoded_bytes().starts_with(b".");
        // A link to a folder is not followed: it can lead back to a folder above.
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => {
                if depth > 0 && !hidden && name != "target" && name != "node_modules" {
                    walk(&entry.path(), depth - 1, folders, file);
                }
            }
            Ok(_) => file(entry.path()),
            Err(_) => {}
        }
    }
}

/// The content of the watched files at one moment, without the temporary files of editors.
#[derive(Clone, Debug, Default)]
struct Snapshot {
    pages: BTreeMap<String, FileState>,
    sources: BTreeMap<PathBuf, FileState>,
}

#[derive(Clone, Debug)]
struct FileState {
    /// The time of the last write and the length. A file is read again only if one of them differs.
    stamp: Option<(SystemTime, u64)>,
    hash: Hash,
}

impl Snapshot {
    /// Reads the files at these paths; those with the same stamp as in `before` are not read again.
    fn read(paths: &WatchedPaths, before: &Self) -> Self {
        let mut snapshot = Self::default();
        let files = Files::on_disk(paths.app.clone());
        for folder in [Folder::Pages, Folder::Public] {
            let listing = files.list(folder).unwrap_or_default();
            for path in listing.paths {
                let path = format!("{folder}/{path}");
                let known = before.pages.get(&path);
                if let Some(state) = FileState::read(&paths.app.join(&path), known) {
                    snapshot.pages.insert(path, state);
                }
            }
            // A link that is refused is a diagnostic: it counts as a file that holds the reason.
            for (path, refusal) in listing.refused {
                let hash = Hash::of(refusal.to_string().as_bytes());
                snapshot.pages.insert(format!("{folder}/{path}"), FileState { stamp: None, hash });
            }
        }
        for path in paths.sources() {
            if let Some(state) = FileState::read(&path, before.sources.get(&path)) {
                snapshot.sources.insert(path, state);
            }
        }
        snapshot
    }

    /// Adds the files of `other` that are not in `now`, so that they do not count as changed.
    fn add_missing(&mut self, other: &Self, now: &Self) {
        for (path, state) in other.pages.iter().filter(|(path, _)| !now.pages.contains_key(*path)) {
            self.pages.entry(path.clone()).or_insert_with(|| state.clone());
        }
        let sources = other.sources.iter();
        for (path, state) in sources.filter(|(path, _)| !now.sources.contains_key(*path)) {
            self.sources.entry(path.clone()).or_insert_with(|| state.clone());
        }
    }

    fn changes_since(&self, before: &Self) -> Changes {
        let removed = before.pages.keys().filter(|path| !self.pages.contains_key(*path));
        let added = self.pages.keys().filter(|path| !before.pages.contains_key(*path));
        Changes {
            pages: different(&before.pages, &self.pages),
            added_or_removed: removed.chain(added).cloned().collect(),
            sources: different(&before.sources, &self.sources),
        }
    }
}

impl FileState {
    fn read(path: &Path, known: Option<&Self>) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        let stamp = metadata.modified().ok().map(|time| (time, metadata.len()));
        if let Some(known) = known.filter(|known| stamp.is_some() && known.stamp == stamp) {
            return Some(known.clone());
        }
        Some(Self { stamp, hash: Hash::of(&fs::read(path).ok()?) })
    }
}

/// Returns the names that only one side has, or whose hashes differ.
fn different<K: Ord + Clone>(
    before: &BTreeMap<K, FileState>,
    now: &BTreeMap<K, FileState>,
) -> BTreeSet<K> {
    let removed = before.keys().filter(|name| !now.contains_key(*name));
    let same = |name: &K, state: &FileState| {
        before.get(name).is_some_and(|before| before.hash == state.hash)
    };
    let changed = now.iter().filter(|(name, state)| !same(name, state));
    removed.chain(changed.map(|(name, _)| name)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::TestDir;

    struct NoWatch;

    impl FolderWatch for NoWatch {
        fn set_folders(&mut self, _: &WatchedPaths) {}
        fn forget(&mut self, _: &Path) {}
    }

    fn watched(dir: &TestDir) -> WatchedPaths {
        let packages = BTreeSet::from([dir.path().to_owned()]);
        WatchedPaths { app: dir.path().to_owned(), packages, files: BTreeSet::new() }
    }

    fn names(changes: &Changes) -> Vec<String> {
        let sources = changes.sources.iter().map(|path| {
            path.file_name().and_then(OsStr::to_str).map(str::to_owned).unwrap_or_default()
        });
        changes.pages.iter().cloned().chain(sources).collect()
    }

    #[test]
    fn only_new_content_is_a_change() {
        let dir = TestDir::new(&[
            ("pages/a.html", "1"),
            ("public/b.css", "2"),
            ("actions/send.rs", "fn a() {}"),
            ("target/debug/x.rs", "1"),
        ]);
        let paths = watched(&dir);
        let before = Snapshot::read(&paths, &Snapshot::default());
        for (path, text) in [
            ("pages/a.html", "1"),
            ("pages/a.html~", "x"),
            ("pages/.a.html.swp", "x"),
            ("actions/.#send.rs", "x"),
            ("actions/send.rs~", "x"),
            ("actions/4913", "x"),
            ("target/debug/x.rs", "2"),
            ("node_modules/a/a.rs", "2"),
            ("data/x.log", "2"),
        ] {
            dir.write(path, text);
        }
        assert!(Snapshot::read(&paths, &before).changes_since(&before).is_empty());

        for (path, text) in [
            ("public/b.css", "3"),
            ("pages/new/c.html", "4"),
            ("actions/send.rs", "fn b() {}"),
            ("actions/new/it.rs", ""),
            ("Cargo.toml", ""),
        ] {
            dir.write(path, text);
        }
        dir.remove("pages/a.html");
        let changes = Snapshot::read(&paths, &before).changes_since(&before);
        assert_eq!(
            names(&changes),
            ["pages/a.html", "pages/new/c.html", "public/b.css", "Cargo.toml", "it.rs", "send.rs"]
        );
        let added_or_removed: Vec<_> = changes.added_or_removed.iter().collect();
        assert_eq!(added_or_removed, ["pages/a.html", "pages/new/c.html"]);
    }

    #[test]
    fn several_events_are_one_change() {
        let dir = TestDir::new(&[("pages/a.css", "1")]);
        let paths = watched(&dir);
        let before = Snapshot::read(&paths, &Snapshot::default());
        let (sender, messages) = mpsc::channel();
        dir.write("pages/a.css", "2");
        for _ in 0..3 {
            sender.send(Message::Events(Vec::new())).unwrap();
        }
        drop(sender);
        let (report, reported) = mpsc::channel();
        run(paths, before, &messages, &mut NoWatch, |changes| report.send(changes).unwrap());
        drop(report);
        let changes: Vec<_> = reported.iter().map(|changes| names(&changes)).collect();
        assert_eq!(changes, [["pages/a.css"]]);
    }

    #[test]
    fn a_path_that_is_watched_later_is_no_change_until_it_is_edited() {
        let dir = TestDir::new(&[("pages/a.css", "1"), ("lib/a.rs", "1")]);
        let pages = WatchedPaths { packages: BTreeSet::new(), ..watched(&dir) };
        let before = Snapshot::read(&pages, &Snapshot::default());
        let (sender, messages) = mpsc::channel();
        let (report, reported) = mpsc::channel();
        let more = watched(&dir);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                run(pages, before, &messages, &mut NoWatch, |changes| {
                    report.send(names(&changes)).unwrap();
                });
            });
            sender.send(Message::SetPaths(more)).unwrap();
            assert!(reported.recv_timeout(SETTLE * 10).is_err());
            dir.write("lib/a.rs", "22");
            sender.send(Message::Events(Vec::new())).unwrap();
            assert_eq!(reported.recv().unwrap(), ["a.rs"]);
            drop(sender);
        });
    }

    #[test]
    fn a_file_created_before_more_paths_are_watched_is_a_change() {
        let dir = TestDir::new(&[("pages/a.css", "1"), ("app/a.rs", "1"), ("lib/a.rs", "1")]);
        let app = BTreeSet::from([dir.path().join("app")]);
        let first = WatchedPaths { packages: app, ..watched(&dir) };
        let before = Snapshot::read(&first, &Snapshot::default());
        let (sender, messages) = mpsc::channel();
        dir.write("app/new.rs", "1");
        sender.send(Message::Events(Vec::new())).unwrap();
        sender.send(Message::SetPaths(watched(&dir))).unwrap();
        drop(sender);
        let (report, reported) = mpsc::channel();
        run(first, before, &messages, &mut NoWatch, |changes| {
            report.send(names(&changes)).unwrap();
        });
        drop(report);
        assert_eq!(reported.iter().collect::<Vec<_>>(), [["new.rs"]]);
    }

    #[test]
    fn every_kind_of_save_is_a_change() {
        let dir = TestDir::new(&[("pages/a.html", "1"), ("actions/a.rs", "1")]);
        let (report, reported) = mpsc::channel();
        let _handle = spawn(watched(&dir), move |changes| {
            let _ = report.send(names(&changes));
        });
        // A slow machine may see one save as two changes.
        let wait_for = |path: &str| {
            while reported.recv_timeout(Duration::from_secs(20)).unwrap() != [path] {}
        };
        dir.write("pages/a.html", "2");
        wait_for("pages/a.html");
        // Editors replace the file, and then save it again.
        for text in ["3", "4"] {
            dir.write("pages/.a.html.new", text);
            fs::rename(dir.path().join("pages/.a.html.new"), dir.path().join("pages/a.html"))
                .unwrap();
            wait_for("pages/a.html");
        }
        // A new folder in a new folder.
        for text in ["1", "2"] {
            dir.write("pages/blog/deep/b.html", text);
            wait_for("pages/blog/deep/b.html");
        }
        // A folder that is removed and created again.
        fs::remove_dir_all(dir.path().join("pages/blog")).unwrap();
        wait_for("pages/blog/deep/b.html");
        for text in ["1", "2"] {
            dir.write("pages/blog/deep/b.html", text);
            wait_for("pages/blog/deep/b.html");
        }
        // A folder that does not exist at the start.
        for text in ["1", "2"] {
            dir.write("public/c.css", text);
            wait_for("public/c.css");
        }
        for text in ["22", "33"] {
            dir.write("actions/todo/add.rs", text);
            wait_for("add.rs");
        }
        // A file that moves out of the watched folders.
        fs::rename(dir.path().join("pages/a.html"), dir.path().join("a.html")).unwrap();
        wait_for("pages/a.html");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_noticed_and_so_are_edits_where_it_leads() {
        use std::os::unix::fs::symlink;

        let dir = TestDir::new(&[("pages/a.html", "1"), ("shared/b.html", "1")]);
        let pages = WatchedPaths { packages: BTreeSet::new(), ..watched(&dir) };
        let (report, reported) = mpsc::channel();
        let _watch = spawn(pages, move |changes| {
            let _ = report.send(names(&changes));
        });
        let wait_for = |path: &str| {
            while reported.recv_timeout(Duration::from_secs(20)).unwrap() != [path] {}
        };
        symlink("../shared", dir.path().join("pages/linked")).unwrap();
        wait_for("pages/linked/b.html");
        dir.write("shared/b.html", "2");
        wait_for("pages/linked/b.html");
        // One that is refused has to show, and its removal as well.
        symlink("gone", dir.path().join("pages/gone")).unwrap();
        wait_for("pages/gone");
        dir.remove("pages/gone");
        wait_for("pages/gone");
    }

    #[test]
    fn reading_a_file_is_no_change() {
        use notify::event::{CreateKind, ModifyKind, RenameMode};
        assert!(!may_change_content(EventKind::Access(AccessKind::Open(AccessMode::Any))));
        assert!(!may_change_content(EventKind::Access(AccessKind::Close(AccessMode::Read))));
        assert!(may_change_content(EventKind::Access(AccessKind::Close(AccessMode::Write))));
        assert!(may_change_content(EventKind::Create(CreateKind::File)));
        assert!(may_change_content(EventKind::Modify(ModifyKind::Name(RenameMode::From))));
    }
}
