//! The files of the app below `pages/` and `public/`: on disk during development, in the binary in a
//! release.
//!
//! No request leads out of the app: a segment that is empty, starts with a dot or holds a separator
//! names nothing, and a symbolic link is followed only to files of the app ([`trail`]).
//!
//! A public file has two addresses: its own, and one that contains the hash of the content.
//! Templates use the second, and browsers may cache it forever.

pub(crate) mod client;
mod disk;
mod folder;
mod hash;
mod kind;
mod name;
mod packed;
#[cfg(test)]
mod test_dir;
mod trail;

use std::{
    collections::BTreeMap,
    env,
    ffi::OsString,
    fmt, io,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use bytes::Bytes;
use http::HeaderValue;

use self::{
    kind::{content_type, is_compressible},
    name::{is_path, with_hash, without_hash},
    packed::Packed,
};
use crate::header::Coding;

#[cfg(test)]
pub(crate) use self::test_dir::TestDir;
pub(crate) use self::{
    disk::{Large, Listing},
    folder::Folder,
    hash::Hash,
    name::is_hashed,
    trail::Refusal,
};

/// The environment variable that replaces the root that is compiled in.
const ROOT: &str = "KIPO_ROOT";

/// A longer public file on disk is read in pieces while it is sent, and not whole for each request.
/// Files in a binary are in memory anyway.
const LARGE_BYTES: u64 = 1 << 20;

/// The app's pages and public files.
///
/// [`files!`](macro@crate::files) creates this value: from the folder of the app in a debug build,
/// from the content of all files below `pages/` and `public/` in a release.
#[derive(Clone, Debug)]
pub struct Files(Source);

#[derive(Clone)]
enum Source {
    Disk {
        root: PathBuf,
        /// The folder of the package that was compiled. It is the root unless `KIPO_ROOT` is set.
        #[cfg_attr(
            not(all(feature = "dev", debug_assertions)),
            expect(dead_code, reason = "only the development loop builds the package")
        )]
        package: PathBuf,
    },
    /// By path, `public/app.css`.
    Embedded(Arc<BTreeMap<&'static str, Embedded>>),
}

struct Embedded {
    bytes: &'static [u8],
    /// Made at the first request: hashing large files would delay the start.
    file: OnceLock<File>,
}

impl Embedded {
    fn get(&self, folder: Folder, path: &str) -> &File {
        self.file.get_or_init(|| File::lasting(path, folder.content(self.bytes.into())))
    }
}

impl Files {
    /// Returns the files below `root`, which are read at each use. The environment variable
    /// `KIPO_ROOT` replaces this root.
    ///
    /// Reading blocks the thread; a release has its files in the binary instead.
    pub fn on_disk(root: impl Into<PathBuf>) -> Self {
        Self::on_disk_unless(env::var_os(ROOT), root.into())
    }

    /// Returns files in the binary, by paths such as `pages/index.html`.
    ///
    /// # Examples
    ///
    /// ```
    /// let files = kipo::Files::embedded(&[("pages/index.html", b"<h1>Hello</h1>")]);
    /// # let _ = files;
    /// ```
    #[must_use]
    pub fn embedded(files: &[(&'static str, &'static [u8])]) -> Self {
        let entry = |&(path, bytes)| (path, Embedded { bytes, file: OnceLock::new() });
        Self(Source::Embedded(Arc::new(files.iter().map(entry).collect())))
    }

    fn on_disk_unless(other: Option<OsString>, root: PathBuf) -> Self {
        let package = root;
        let other = other.filter(|other| !other.is_empty()).map(PathBuf::from);
        Self(Source::Disk { root: other.unwrap_or_else(|| package.clone()), package })
    }

    /// Returns the folder that holds `pages/` and `public/`, if the files are on disk.
    pub(crate) fn root(&self) -> Option<&Path> {
        match &self.0 {
            Source::Disk { root, .. } => Some(root),
            Source::Embedded(_) => None,
        }
    }

    /// Returns whether the files are in the binary and never change.
    pub(crate) fn are_embedded(&self) -> bool {
        matches!(self.0, Source::Embedded(_))
    }

    /// Returns the folder of the package that the files belong to, if they are on disk.
    #[cfg(all(feature = "dev", debug_assertions))]
    pub(crate) fn package(&self) -> Option<&Path> {
        match &self.0 {
            Source::Disk { package, .. } => Some(package),
            Source::Embedded(_) => None,
        }
    }

    /// Lists the files below `folder`, sorted, without hidden files and leftovers of editors. A
    /// folder that does not exist is empty.
    pub(crate) fn list(&self, folder: Folder) -> io::Result<Listing> {
        let mut listing = match &self.0 {
            Source::Disk { root, .. } => disk::list(root, folder)?,
            Source::Embedded(files) => {
                let below = files.keys().filter_map(|path| {
                    path.strip_prefix(folder.as_str())?.strip_prefix('/').map(str::to_owned)
                });
                let paths = below.filter(|path| is_path(folder, path)).collect();
                Listing { paths, ..Listing::default() }
            }
        };
        listing.paths.sort();
        listing.refused.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(listing)
    }

    /// Returns the file at `path` below `folder`, if it exists and may be served.
    pub(crate) fn read(&self, folder: Folder, path: &str) -> Option<File> {
        match &self.0 {
            Source::Disk { root, .. } => {
                let (file, about) = disk::open(root, folder, path)?;
                Some(File::changing(path, folder.content(disk::read(file, &about)?.into())))
            }
            Source::Embedded(files) => embedded(files, folder, path).cloned(),
        }
    }

    /// Returns whether a file that was listed has been removed since.
    pub(crate) fn is_gone(&self, folder: Folder, path: &str) -> bool {
        match &self.0 {
            Source::Disk { root, .. } => disk::is_gone(root, folder, path),
            Source::Embedded(_) => false,
        }
    }

    /// Returns the public file for an address: `app.css`, or with a hash in its name.
    pub(crate) fn find(&self, address: &str) -> Option<Found> {
        if let Some(content) = self.public(address) {
            return Some(Found { content, name: Name::Plain });
        }
        let (path, hash) = without_hash(address)?;
        let content = self.public(&path)?;
        let name = if content.hash().short() == hash { Name::Hash } else { Name::OtherHash };
        Some(Found { content, name })
    }

    /// Returns the address of a public file that contains its hash, without the leading `/`.
    pub(crate) fn address(&self, path: &str) -> Option<String> {
        match &self.0 {
            Source::Disk { .. } => Some(with_hash(path, self.public(path)?.hash())),
            Source::Embedded(files) => {
                embedded(files, Folder::Public, path).map(|file| with_hash(path, &file.hash))
            }
        }
    }

    fn public(&self, path: &str) -> Option<Content> {
        let Source::Disk { root, .. } = &self.0 else {
            return self.read(Folder::Public, path).map(Content::Whole);
        };
        let (file, about) = disk::open(root, Folder::Public, path)?;
        if about.len() > LARGE_BYTES {
            return Some(Content::Large(Large::of(path, file, &about)));
        }
        disk::read(file, &about).map(|bytes| Content::Whole(File::changing(path, bytes)))
    }
}

fn embedded<'f>(
    files: &'f BTreeMap<&'static str, Embedded>,
    folder: Folder,
    path: &str,
) -> Option<&'f File> {
    let file = files.get(format!("{folder}/{path}").as_str())?;
    is_path(folder, path).then(|| file.get(folder, path))
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disk { root, .. } => f.debug_tuple("Disk").field(root).finish(),
            Self::Embedded(files) => write!(f, "Embedded({})", files.len()),
        }
    }
}

/// A file in memory.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) bytes: Bytes,
    pub(crate) hash: Hash,
    pub(crate) content_type: HeaderValue,
    /// The compressed forms, if the file is worth compressing.
    packed: Option<Arc<Packed>>,
}

impl File {
    /// Returns a file that does not change while the server runs.
    pub(crate) fn lasting(path: &str, bytes: Bytes) -> Self {
        let packed = Packed::of(bytes.len(), is_compressible(path));
        Self { packed, ..Self::changing(path, bytes) }
    }

    /// Returns a file that may change before the next request: it is not worth compressing.
    pub(crate) fn changing(path: &str, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self { hash: Hash::of(&bytes), content_type: content_type(path), bytes, packed: None }
    }

    /// Returns the same file with another content type.
    pub(crate) fn with_type(self, content_type: HeaderValue) -> Self {
        Self { content_type, ..self }
    }

    /// Returns whether it may have compressed forms.
    pub(crate) fn is_packed(&self) -> bool {
        self.packed.is_some()
    }

    /// Returns its compressed form, if that is smaller.
    pub(crate) async fn packed(&self, coding: Coding) -> Option<Bytes> {
        self.packed.as_ref()?.get(coding, &self.bytes).await
    }
}

/// A public file that a request names.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) content: Content,
    pub(crate) name: Name,
}

/// The content of a public file.
#[derive(Debug)]
pub(crate) enum Content {
    Whole(File),
    Large(Large),
}

impl Content {
    fn hash(&self) -> &Hash {
        match self {
            Self::Whole(file) => &file.hash,
            Self::Large(file) => &file.hash,
        }
    }
}

/// The name by which a request asks for a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    Plain,
    /// With the hash of its content.
    Hash,
    /// With another hash: the file has changed, or this server is older than the page.
    OtherHash,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_leads_out_of_the_folders() {
        let dir = TestDir::new(&[
            ("public/app.css", "p{}"),
            ("public/.hidden", "no"),
            ("secret.txt", "no"),
            ("pages/index.html", "no"),
        ]);
        let files = dir.files();
        assert_eq!(files.read(Folder::Public, "app.css").unwrap().bytes, "p{}");
        for path in [
            "",
            ".",
            "..",
            "../secret.txt",
            "/etc/passwd",
            "//etc/passwd",
            "a/../app.css",
            "./app.css",
            "app.css/",
            ".hidden",
            "..\\secret.txt",
            "app.css\0",
            "a\nb",
            "../pages/index.html",
        ] {
            assert!(files.read(Folder::Public, path).is_none(), "{path:?} was read");
        }
    }

    /// A folder `app` with links of every kind, and what lies around it.
    #[cfg(unix)]
    fn linked() -> (TestDir, Files) {
        use std::os::unix::fs::symlink;

        let dir = TestDir::new(&[
            ("app/pages/index.html", ""),
            ("app/pages/a/a.html", ""),
            ("app/pages/b/b.html", ""),
            ("app/public/c.txt", "c"),
            ("app/public/fonts/d.woff2", "d"),
            ("app/shared/e.txt", "e"),
            ("app/shared/deep/f.txt", "f"),
            ("outside/g.txt", "g"),
        ]);
        let link = |target: &str, link: &str| symlink(target, dir.path().join(link)).unwrap();
        // To a file, to a folder, and to both by way of other links.
        link("c.txt", "app/public/to_file.txt");
        link("../shared/e.txt", "app/public/to_file_around.txt");
        link("../shared", "app/public/to_folder");
        link("to_file.txt", "app/public/to_link.txt");
        link("../public/fonts", "app/shared/fonts");
        link("../a", "app/pages/b/a");
        link("../b", "app/pages/a/b");
        link("../public", "app/pages/public");
        link("..", "app/pages/up");
        link(".", "app/public/fonts/itself");
        link("../../outside", "app/public/outside");
        link("../../outside/g.txt", "app/public/outside.txt");
        link("nothing.txt", "app/public/nothing.txt");
        link("nothing.txt", "app/public/.hidden.txt");
        link("nothing.txt", "app/public/leftover.txt~");
        link("turn.txt", "app/public/round.txt");
        link("round.txt", "app/public/turn.txt");
        let files = Files::on_disk_unless(None, dir.path().join("app"));
        (dir, files)
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_followed_inside_of_the_app_and_refused_elsewhere() {
        let (dir, files) = linked();
        let listing = files.list(Folder::Public).unwrap();
        assert_eq!(
            listing.paths,
            [
                "c.txt",
                "fonts/d.woff2",
                "to_file.txt",
                "to_file_around.txt",
                "to_folder/deep/f.txt",
                "to_folder/e.txt",
                "to_folder/fonts/d.woff2",
                "to_link.txt",
            ]
        );
        let refused = |listing: &Listing| -> Vec<String> {
            let at = |text: String| text.replace(dir.path().to_str().unwrap(), "…");
            listing.refused.iter().map(|(path, why)| at(format!("{path} {why}"))).collect()
        };
        let outside = "outside of the app's folder: move the file into the app's folder, or \
                       replace the link by a copy";
        let dangling = "which leads to no file: remove the link, or create the file";
        let folder = "a folder that the link lies in: remove the link";
        assert_eq!(
            refused(&listing),
            [
                format!("fonts/itself is a symbolic link to …/app/public/fonts, {folder}"),
                format!("nothing.txt is a symbolic link to nothing.txt, {dangling}"),
                format!("outside is a symbolic link to …/outside, {outside}"),
                format!("outside.txt is a symbolic link to …/outside/g.txt, {outside}"),
                format!("round.txt is a symbolic link to turn.txt, {dangling}"),
                format!(
                    "to_folder/fonts/itself is a symbolic link to …/app/public/fonts, {folder}"
                ),
                format!("turn.txt is a symbolic link to round.txt, {dangling}"),
            ]
        );
        let shared = dir.path().join("app/shared");
        assert!(listing.linked.into_iter().eq([shared.clone(), shared.join("deep")]));

        let listing = files.list(Folder::Pages).unwrap();
        assert!(listing.paths.contains(&"a/b/b.html".to_owned()), "{listing:?}");
        assert!(listing.paths.contains(&"public/c.txt".to_owned()), "{listing:?}");
        let mut loops = refused(&listing);
        loops.retain(|line| line.ends_with(folder) && !line.starts_with("public/"));
        assert_eq!(
            loops,
            [
                format!("a/b/a is a symbolic link to …/app/pages/a, {folder}"),
                format!("b/a/b is a symbolic link to …/app/pages/b, {folder}"),
                format!("up is a symbolic link to …/app, {folder}"),
            ]
        );
    }

    #[cfg(unix)]
    #[test]
    fn exactly_the_listed_files_are_read() {
        let (_dir, files) = linked();
        for folder in [Folder::Pages, Folder::Public] {
            for path in files.list(folder).unwrap().paths {
                assert!(files.read(folder, &path).is_some(), "{folder}/{path}");
            }
        }
        for path in [
            "outside.txt",
            "outside/g.txt",
            "nothing.txt",
            "round.txt",
            "fonts/itself/d.woff2",
            ".hidden.txt",
        ] {
            assert!(files.read(Folder::Public, path).is_none(), "{path}");
        }
        assert!(files.read(Folder::Pages, "up/shared/e.txt").is_none());
    }

    #[cfg(unix)]
    #[test]
    fn the_folders_themselves_may_be_links_to_anywhere() {
        use std::os::unix::fs::symlink;

        let dir = TestDir::new(&[("built/a.txt", "a"), ("app/b.txt", "b"), ("c.txt", "c")]);
        symlink("../built", dir.path().join("app/public")).unwrap();
        symlink("a.txt", dir.path().join("built/inside.txt")).unwrap();
        symlink("../app/b.txt", dir.path().join("built/app.txt")).unwrap();
        symlink("../c.txt", dir.path().join("built/outside.txt")).unwrap();
        let files = Files::on_disk_unless(None, dir.path().join("app"));
        let listing = files.list(Folder::Public).unwrap();
        assert_eq!(listing.paths, ["a.txt", "app.txt", "inside.txt"]);
        assert_eq!(listing.refused.len(), 1, "{listing:?}");
    }

    #[test]
    fn hidden_files_and_leftovers_of_editors_are_not_listed() {
        let dir = TestDir::new(&[
            ("pages/index.html", ""),
            ("pages/index.html~", ""),
            ("pages/.index.html.swp", ""),
            ("pages/#index.html#", ""),
            ("pages/index.html.tmp.123", ""),
            ("pages/.git/config", ""),
            ("pages/blog/[slug].html", ""),
        ]);
        let files = dir.files();
        assert_eq!(files.list(Folder::Pages).unwrap().paths, ["blog/[slug].html", "index.html"]);
        assert!(files.list(Folder::Public).unwrap().paths.is_empty());
    }

    #[test]
    fn embedded_files_are_found_like_those_on_disk() {
        let files = Files::embedded(&[("public/b.css", b"b"), ("pages/index.html", b"a")]);
        assert_eq!(files.list(Folder::Public).unwrap().paths, ["b.css"]);
        let file = files.read(Folder::Public, "b.css").unwrap();
        assert_eq!((file.bytes.as_ref(), file.hash), (b"b".as_slice(), Hash::of(b"b")));
        assert!(files.read(Folder::Public, "../pages/index.html").is_none());
        assert!(files.root().is_none());
    }

    #[test]
    fn a_byte_order_mark_is_skipped_in_pages_and_served_in_public_files() {
        let dir = TestDir::new(&[
            ("pages/index.html", "\u{feff}a"),
            ("pages/index.css", "\u{feff}\u{feff}b"),
            ("public/c.css", "\u{feff}c"),
        ]);
        let embedded = Files::embedded(&[
            ("pages/index.html", "\u{feff}a".as_bytes()),
            ("pages/index.css", "\u{feff}\u{feff}b".as_bytes()),
            ("public/c.css", "\u{feff}c".as_bytes()),
        ]);
        for files in [dir.files(), embedded] {
            let page = files.read(Folder::Pages, "index.html").unwrap();
            assert_eq!((page.bytes.as_ref(), page.hash), (b"a".as_slice(), Hash::of(b"a")));
            // One mark, as the Encoding standard has it: the second is a character of the text.
            let style = files.read(Folder::Pages, "index.css").unwrap();
            assert_eq!(style.bytes, "\u{feff}b");
            let Content::Whole(file) = files.find("c.css").unwrap().content else { panic!() };
            assert_eq!(file.bytes, "\u{feff}c");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_is_gone_once_it_is_removed_and_not_where_it_cannot_be_read() {
        use std::os::unix::fs::symlink;

        let dir = TestDir::new(&[("pages/a.html", "a"), ("pages/b.html", "b")]);
        symlink("nowhere.html", dir.path().join("pages/link.html")).unwrap();
        let files = dir.files();
        dir.remove("pages/a.html");
        let is_gone = |path| files.is_gone(Folder::Pages, path);
        assert!(files.read(Folder::Pages, "a.html").is_none() && is_gone("a.html"));
        assert!(files.read(Folder::Pages, "link.html").is_none() && !is_gone("link.html"));
        assert!(!is_gone("b.html"));
        assert!(!Files::embedded(&[]).is_gone(Folder::Pages, "a.html"));
    }

    #[test]
    fn a_file_is_found_by_its_name_and_by_any_hash_in_it() {
        let dir = TestDir::new(&[
            ("public/fonts/a.woff2", "one"),
            ("public/b.0123456789abcdef.js", "named so"),
            ("public/.well-known/security.txt", "Contact: x"),
            ("public/a.css~", "left behind"),
        ]);
        let embedded = Files::embedded(&[
            ("public/fonts/a.woff2", b"one"),
            ("public/b.0123456789abcdef.js", b"named so"),
            ("public/.well-known/security.txt", b"Contact: x"),
            ("public/a.css~", b"left behind"),
        ]);
        for files in [dir.files(), embedded] {
            let name = |address: &str| files.find(address).map(|found| found.name);
            let address = files.address("fonts/a.woff2").unwrap();
            assert_eq!(address, format!("fonts/a.{}.woff2", Hash::of(b"one").short()));
            assert_eq!(name("fonts/a.woff2"), Some(Name::Plain));
            assert_eq!(name(&address), Some(Name::Hash));
            assert_eq!(name("fonts/a.0123456789abcdef.woff2"), Some(Name::OtherHash));
            assert_eq!(name("b.0123456789abcdef.js"), Some(Name::Plain));
            assert_eq!(name(".well-known/security.txt"), Some(Name::Plain));
            assert_eq!(name("b.js"), None);
            assert_eq!(name("a.css~"), None);
            assert_eq!(name("..0123456789abcdef./a"), None);
            assert_eq!(files.address("gone.css"), None);
            let expected = [".well-known/security.txt", "b.0123456789abcdef.js", "fonts/a.woff2"];
            assert_eq!(files.list(Folder::Public).unwrap().paths, expected);
        }
    }

    #[test]
    fn a_large_file_is_not_read_as_a_whole() {
        let length = usize::try_from(LARGE_BYTES).unwrap() + 1;
        let dir = TestDir::new(&[("public/a.mp4", &"x".repeat(length))]);
        let files = dir.files();
        let found = files.find("a.mp4").unwrap();
        assert!(matches!(&found.content, Content::Large(file) if file.length == LARGE_BYTES + 1));
        assert_eq!(files.find(&files.address("a.mp4").unwrap()).unwrap().name, Name::Hash);
        dir.write("public/a.mp4", &"y".repeat(length + 1));
        let changed = files.find("a.mp4").unwrap();
        assert_ne!(changed.content.hash(), found.content.hash());
    }

    #[test]
    fn the_environment_names_another_root() {
        let other = Files::on_disk_unless(Some("/other".into()), "/here".into());
        assert_eq!(other.root(), Some(Path::new("/other")));
        let empty = Files::on_disk_unless(Some("".into()), "/here".into());
        assert_eq!(empty.root(), Some(Path::new("/here")));
    }
}
