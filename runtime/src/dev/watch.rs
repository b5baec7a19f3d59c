//! File events → change sets.
//!
//! Folders are watched and not files: editors replace a file when they save it, and a watch on the
//! old one would be gone. Each folder has a watch of its own, so that what is built (`target`) or
//! fetched (`node_modules`) has none. Whatever the events say, a change is a difference of content:
//! saving what was there is none, and several saves in a row are one.

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

use crate::files::{Files, Folder, Hash, Listing};

/// How long it has to be quiet before a change is acted on: an editor that saves all files, or a
/// tool that writes several, is one change.
const SETTLE: Duration = Duration::from_millis(10);

/// A change that never settles is acted on after so many quiet waits that were none.
const UNSETTLED_MAX: u32 = 80;

/// Folders below folders: more than any project has.
const DEPTH_MAX: usize = 32;

/// What is looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Looked {
    /// The folder of `pages/` and `public/`.
    pub(crate) app: PathBuf,
    /// The folders of the packages that the app is built from, none for pages alone.
    pub(crate) packages: BTreeSet<PathBuf>,
    /// Other files that go into the binary.
    pub(crate) files: BTreeSet<PathBuf>,
}

/// The files that differ from what was there before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Changes {
    /// Paths below the app, such as `pages/index.html`.
    pub(crate) pages: BTreeSet<String>,
    /// Those of them that were not there before, or are not there any more.
    pub(crate) came_or_went: BTreeSet<String>,
    /// What the binary is made from.
    pub(crate) sources: BTreeSet<PathBuf>,
}

impl Changes {
    /// Takes up a change that came after this one.
    pub(crate) fn extend(&mut self, later: Self) {
        self.pages.extend(later.pages);
        self.came_or_went.extend(later.came_or_went);
        self.sources.extend(later.sources);
    }

    /// Returns the part of it that a serving process can act on.
    pub(crate) fn of_pages(&self) -> Option<Self> {
        let pages = Self { sources: BTreeSet::new(), ..self.clone() };
        (!pages.pages.is_empty()).then_some(pages)
    }

    /// Returns the part of it that takes a build.
    pub(crate) fn of_sources(&self) -> Option<Self> {
        let sources = Self { sources: self.sources.clone(), ..Self::default() };
        (!sources.sources.is_empty()).then_some(sources)
    }

    fn is_empty(&self) -> bool {
        self.pages.is_empty() && self.sources.is_empty()
    }
}

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

/// Tells the watch to look elsewhere.
#[derive(Clone, Debug)]
pub(crate) struct Looker(Sender<Happened>);

impl Looker {
    /// Looks at this from now on. What was not looked at before is no change.
    pub(crate) fn look_at(&self, looked: Looked) {
        // The watch may have failed to start, which was said then.
        let _ = self.0.send(Happened::Look(looked));
    }
}

/// Calls `act` with each change of what is looked at, from a thread of its own.
///
/// The thread ends with the process: it watches for as long as the app serves.
pub(crate) fn spawn(looked: Looked, act: impl Fn(Changes) + Send + 'static) -> Looker {
    let (happen, happened) = mpsc::channel();
    let watcher = {
        let happen = happen.clone();
        notify::recommended_watcher(move |event: notify::Result<Event>| {
            let Ok(event) = event else { return };
            if counts(event.kind) {
                // Nobody hears it once the thread is gone.
                let _ = happen.send(Happened::At(event.paths));
            }
        })
    };
    match watcher {
        Ok(watcher) => {
            let mut watch = Watch { watcher, watched: BTreeSet::new() };
            watch.folders(&looked);
            // Before the thread runs: an edit from now on is a change.
            let before = Contents::of(&looked, &Contents::default());
            std::thread::spawn(move || follow(looked, before, &happened, &mut watch, act));
        }
        Err(error) => tracing::warn!(%error, "edits will not show by themselves"),
    }
    Looker(happen)
}

#[derive(Debug)]
enum Happened {
    /// Something, with these files or folders.
    At(Vec<PathBuf>),
    Look(Looked),
}

/// Has a watch on each folder.
trait Watches {
    /// Forgets what is gone, and watches what is new.
    fn folders(&mut self, looked: &Looked);
    /// Notes that something happened to `path` itself: if it is a folder that has a watch, it may
    /// be another one by now, and the watch went with the old one.
    fn moved(&mut self, path: &Path);
}

struct Watch {
    watcher: RecommendedWatcher,
    watched: BTreeSet<PathBuf>,
}

impl Watches for Watch {
    fn folders(&mut self, looked: &Looked) {
        // A folder that is made while the others are looked through is found in the next round.
        for _ in 0..DEPTH_MAX {
            let folders = looked.folders();
            self.watched.retain(|folder| folders.contains(folder));
            let new: Vec<PathBuf> = folders.difference(&self.watched).cloned().collect();
            if new.is_empty() {
                return;
            }
            for folder in new {
                if let Err(error) = self.watcher.watch(&folder, RecursiveMode::NonRecursive)
                    && folder.is_dir()
                {
                    tracing::warn!(folder = %folder.display(), %error, "its edits will not show");
                }
                self.watched.insert(folder);
            }
        }
    }

    fn moved(&mut self, path: &Path) {
        if !self.watched.contains(path) {
            return;
        }
        let gone: Vec<PathBuf> =
            self.watched.iter().filter(|folder| folder.starts_with(path)).cloned().collect();
        for folder in gone {
            // It may be gone already, with its watch.
            let _ = self.watcher.unwatch(&folder);
            self.watched.remove(&folder);
        }
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
    mut looked: Looked,
    mut before: Contents,
    happened: &Receiver<Happened>,
    watch: &mut impl Watches,
    act: impl Fn(Changes),
) {
    while let Ok(first) = happened.recv() {
        let mut next = Some(first);
        let mut unsettled = 0;
        while let Some(told) = next.take() {
            match told {
                Happened::At(paths) => paths.iter().for_each(|path| watch.moved(path)),
                Happened::Look(other) => {
                    watch.folders(&other);
                    // What is new where it was looked before is a change, found below.
                    let here = Contents::of(&looked, &before);
                    before.add_new(&Contents::of(&other, &here), &here);
                    looked = other;
                }
            }
            unsettled += 1;
            if unsettled < UNSETTLED_MAX {
                // When the one who tells is gone, what was told is acted on.
                next = happened.recv_timeout(SETTLE).ok();
            }
        }
        watch.folders(&looked);
        let now = Contents::of(&looked, &before);
        let changes = now.since(&before);
        before = now;
        if !changes.is_empty() {
            act(changes);
        }
    }
}

impl Looked {
    /// Returns all folders in which a change may happen.
    fn folders(&self) -> BTreeSet<PathBuf> {
        // The app's own folder without what lies below, so that a folder of pages that is made
        // later is noticed.
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

    /// Returns the files that a binary is made from.
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

/// Tells whether a file may be part of the binary by its name. Those that editors keep for
/// themselves (`.#send.rs`, `send.rs~`) are not.
fn is_source(path: &Path) -> bool {
    let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
    match name.rsplit_once('.') {
        Some((stem, "rs")) => !stem.starts_with(['.', '#']) && !stem.is_empty(),
        _ => matches!(name, "Cargo.toml" | "Cargo.lock"),
    }
}

/// Goes through a folder: `folders` gets it and those below, `file` each file.
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
        // A link to a folder is not followed: it may go round.
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

/// What is in the files. Those that editors keep for themselves are not among them.
#[derive(Clone, Debug, Default)]
struct Contents {
    pages: BTreeMap<String, Seen>,
    sources: BTreeMap<PathBuf, Seen>,
}

#[derive(Clone, Debug)]
struct Seen {
    /// When it was written, and how long it is: it is read again only if one of them is another.
    stamp: Option<(SystemTime, u64)>,
    hash: Hash,
}

impl Contents {
    /// Reads what is looked at, as far as it is not in `before`.
    fn of(looked: &Looked, before: &Self) -> Self {
        let mut contents = Self::default();
        let files = Files::on_disk(looked.app.clone());
        for folder in [Folder::Pages, Folder::Public] {
            let Listing { paths, refused, .. } = files.list(folder).unwrap_or_default();
            for path in paths {
                let path = format!("{folder}/{path}");
                if let Some(seen) = Seen::of(&looked.app.join(&path), before.pages.get(&path)) {
                    contents.pages.insert(path, seen);
                }
            }
            // A link that is refused is a diagnostic: it counts as a file that holds the reason.
            for (path, refusal) in refused {
                let hash = Hash::of(refusal.to_string().as_bytes());
                contents.pages.insert(format!("{folder}/{path}"), Seen { stamp: None, hash });
            }
        }
        for path in looked.sources() {
            if let Some(seen) = Seen::of(&path, before.sources.get(&path)) {
                contents.sources.insert(path, seen);
            }
        }
        contents
    }

    /// Takes up what is in `other` and not in `here`.
    fn add_new(&mut self, other: &Self, here: &Self) {
        for (path, seen) in other.pages.iter().filter(|(path, _)| !here.pages.contains_key(*path)) {
            self.pages.entry(path.clone()).or_insert_with(|| seen.clone());
        }
        let sources = other.sources.iter();
        for (path, seen) in sources.filter(|(path, _)| !here.sources.contains_key(*path)) {
            self.sources.entry(path.clone()).or_insert_with(|| seen.clone());
        }
    }

    fn since(&self, before: &Self) -> Changes {
        let came_or_went = before.pages.keys().filter(|path| !self.pages.contains_key(*path));
        let came = self.pages.keys().filter(|path| !before.pages.contains_key(*path));
        Changes {
            pages: different(&before.pages, &self.pages),
            came_or_went: came_or_went.chain(came).cloned().collect(),
            sources: different(&before.sources, &self.sources),
        }
    }
}

impl Seen {
    fn of(path: &Path, known: Option<&Self>) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        let stamp = metadata.modified().ok().map(|time| (time, metadata.len()));
        if let Some(known) = known.filter(|known| stamp.is_some() && known.stamp == stamp) {
            return Some(known.clone());
        }
        Some(Self { stamp, hash: Hash::of(&fs::read(path).ok()?) })
    }
}

/// Returns the names that are in one only, or with another value.
fn different<K: Ord + Clone>(before: &BTreeMap<K, Seen>, now: &BTreeMap<K, Seen>) -> BTreeSet<K> {
    let gone = before.keys().filter(|name| !now.contains_key(*name));
    let same = |name: &K, seen: &Seen| before.get(name).is_some_and(|old| old.hash == seen.hash);
    let other = now.iter().filter(|(name, seen)| !same(name, seen));
    gone.chain(other.map(|(name, _)| name)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::TestDir;

    struct NoWatch;

    impl Watches for NoWatch {
        fn folders(&mut self, _: &Looked) {}
        fn moved(&mut self, _: &Path) {}
    }

    fn looked(dir: &TestDir) -> Looked {
        let packages = BTreeSet::from([dir.path().to_owned()]);
        Looked { app: dir.path().to_owned(), packages, files: BTreeSet::new() }
    }

    fn names(changes: &Changes) -> Vec<String> {
        let sources = changes.sources.iter().map(|path| {
            path.file_name().and_then(OsStr::to_str).map(str::to_owned).unwrap_or_default()
        });
        changes.pages.iter().cloned().chain(sources).collect()
    }

    #[test]
    fn only_other_content_is_a_change() {
        let dir = TestDir::new(&[
            ("pages/a.html", "1"),
            ("public/b.css", "2"),
            ("actions/send.rs", "fn a() {}"),
            ("target/debug/x.rs", "1"),
        ]);
        let looked = looked(&dir);
        let before = Contents::of(&looked, &Contents::default());
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
        assert!(Contents::of(&looked, &before).since(&before).is_empty());

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
        let changes = Contents::of(&looked, &before).since(&before);
        assert_eq!(
            names(&changes),
            ["pages/a.html", "pages/new/c.html", "public/b.css", "Cargo.toml", "it.rs", "send.rs"]
        );
        let came_or_went: Vec<_> = changes.came_or_went.iter().collect();
        assert_eq!(came_or_went, ["pages/a.html", "pages/new/c.html"]);
    }

    #[test]
    fn several_events_are_one_change() {
        let dir = TestDir::new(&[("pages/a.css", "1")]);
        let looked = looked(&dir);
        let before = Contents::of(&looked, &Contents::default());
        let (event, happened) = mpsc::channel();
        dir.write("pages/a.css", "2");
        for _ in 0..3 {
            event.send(Happened::At(Vec::new())).unwrap();
        }
        drop(event);
        let (tell, told) = mpsc::channel();
        follow(looked, before, &happened, &mut NoWatch, |changes| tell.send(changes).unwrap());
        drop(tell);
        let changes: Vec<_> = told.iter().map(|changes| names(&changes)).collect();
        assert_eq!(changes, [["pages/a.css"]]);
    }

    #[test]
    fn what_is_looked_at_later_is_no_change_until_it_is_edited() {
        let dir = TestDir::new(&[("pages/a.css", "1"), ("lib/a.rs", "1")]);
        let pages = Looked { packages: BTreeSet::new(), ..looked(&dir) };
        let before = Contents::of(&pages, &Contents::default());
        let (event, happened) = mpsc::channel();
        let (tell, told) = mpsc::channel();
        let more = looked(&dir);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                follow(pages, before, &happened, &mut NoWatch, |changes| {
                    tell.send(names(&changes)).unwrap();
                });
            });
            event.send(Happened::Look(more)).unwrap();
            assert!(told.recv_timeout(SETTLE * 10).is_err());
            dir.write("lib/a.rs", "22");
            event.send(Happened::At(Vec::new())).unwrap();
            assert_eq!(told.recv().unwrap(), ["a.rs"]);
            drop(event);
        });
    }

    #[test]
    fn a_file_that_is_made_before_more_is_looked_at_is_a_change() {
        let dir = TestDir::new(&[("pages/a.css", "1"), ("app/a.rs", "1"), ("lib/a.rs", "1")]);
        let app = BTreeSet::from([dir.path().join("app")]);
        let first = Looked { packages: app, ..looked(&dir) };
        let before = Contents::of(&first, &Contents::default());
        let (event, happened) = mpsc::channel();
        dir.write("app/new.rs", "1");
        event.send(Happened::At(Vec::new())).unwrap();
        event.send(Happened::Look(looked(&dir))).unwrap();
        drop(event);
        let (tell, told) = mpsc::channel();
        follow(first, before, &happened, &mut NoWatch, |changes| {
            tell.send(names(&changes)).unwrap();
        });
        drop(tell);
        assert_eq!(told.iter().collect::<Vec<_>>(), [["new.rs"]]);
    }

    #[test]
    fn saves_of_all_kinds_are_noticed() {
        let dir = TestDir::new(&[("pages/a.html", "1"), ("actions/a.rs", "1")]);
        let (tell, told) = mpsc::channel();
        let _looker = spawn(looked(&dir), move |changes| {
            let _ = tell.send(names(&changes));
        });
        // A slow machine may see one save as two changes.
        let wait_for = |path: &str| {
            while told.recv_timeout(Duration::from_secs(20)).unwrap() != [path] {}
        };
        dir.write("pages/a.html", "2");
        wait_for("pages/a.html");
        // As editors save: a new file in place of the old one, which is then saved again.
        for text in ["3", "4"] {
            dir.write("pages/.a.html.new", text);
            fs::rename(dir.path().join("pages/.a.html.new"), dir.path().join("pages/a.html"))
                .unwrap();
            wait_for("pages/a.html");
        }
        // A folder in a folder.
        for text in ["1", "2"] {
            dir.write("pages/blog/deep/b.html", text);
            wait_for("pages/blog/deep/b.html");
        }
        // A folder that goes and comes back.
        fs::remove_dir_all(dir.path().join("pages/blog")).unwrap();
        wait_for("pages/blog/deep/b.html");
        for text in ["1", "2"] {
            dir.write("pages/blog/deep/b.html", text);
            wait_for("pages/blog/deep/b.html");
        }
        // A folder that was not there at the start.
        for text in ["1", "2"] {
            dir.write("public/c.css", text);
            wait_for("public/c.css");
        }
        for text in ["22", "33"] {
            dir.write("actions/todo/add.rs", text);
            wait_for("add.rs");
        }
        // Moved away.
        fs::rename(dir.path().join("pages/a.html"), dir.path().join("a.html")).unwrap();
        wait_for("pages/a.html");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_noticed_and_so_are_edits_where_it_leads() {
        use std::os::unix::fs::symlink;

        let dir = TestDir::new(&[("pages/a.html", "1"), ("shared/b.html", "1")]);
        let pages = Looked { packages: BTreeSet::new(), ..looked(&dir) };
        let (tell, told) = mpsc::channel();
        let _looker = spawn(pages, move |changes| {
            let _ = tell.send(names(&changes));
        });
        let wait_for = |path: &str| {
            while told.recv_timeout(Duration::from_secs(20)).unwrap() != [path] {}
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
    fn reading_is_no_event() {
        use notify::event::{CreateKind, ModifyKind, RenameMode};
        assert!(!counts(EventKind::Access(AccessKind::Open(AccessMode::Any))));
        assert!(!counts(EventKind::Access(AccessKind::Close(AccessMode::Read))));
        assert!(counts(EventKind::Access(AccessKind::Close(AccessMode::Write))));
        assert!(counts(EventKind::Create(CreateKind::File)));
        assert!(counts(EventKind::Modify(ModifyKind::Name(RenameMode::From))));
    }
}
