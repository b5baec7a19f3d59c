//! The app's own files, those below `pages/` and `public/`: on disk while it is written, inside
//! the binary in a release.
//!
//! A path of a stranger never leads out of the two folders: a segment that is empty, starts with
//! a dot or holds a separator names nothing, and what a symbolic link points at must lie inside.

use std::{
    collections::BTreeMap,
    env,
    ffi::OsString,
    fmt::{self, Write as _},
    fs, io,
    path::{Component, Path, PathBuf},
    sync::{Arc, OnceLock},
};

use bytes::Bytes;
use http::HeaderValue;
use sha2::{Digest, Sha256};

/// The environment variable that names another root than the one compiled in.
const ROOT: &str = "KIPO_ROOT";

/// Folders below folders: more than any app has, and a bound for links that go round.
const DEPTH_MAX: usize = 32;

/// The app's pages and public files.
///
/// [`files!`](macro@crate::files) writes this: the folder of the app in a debug build, all that lies
/// below `pages/` and `public/` in a release.
#[derive(Clone, Debug)]
pub struct Files(Source);

#[derive(Clone)]
enum Source {
    Disk {
        root: PathBuf,
        /// The folder of the package that was compiled, which is the root unless that was set.
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
    /// Made when somebody asks: a start must not wait for large files to be hashed.
    hash: OnceLock<Hash>,
}

impl Files {
    /// Returns the files below `root`, read anew at each use. The environment variable
    /// `KIPO_ROOT` names another root than this one.
    ///
    /// Reading blocks the thread; a release has its files in the binary instead.
    pub fn on_disk(root: impl Into<PathBuf>) -> Self {
        Self::on_disk_unless(env::var_os(ROOT), root.into())
    }

    /// Returns files that are part of the binary, by paths such as `pages/index.html`.
    ///
    /// # Examples
    ///
    /// ```
    /// let files = kipo::Files::embedded(&[("pages/index.html", b"<h1>Hello</h1>")]);
    /// # let _ = files;
    /// ```
    #[must_use]
    pub fn embedded(files: &[(&'static str, &'static [u8])]) -> Self {
        let entry = |&(path, bytes)| (path, Embedded { bytes, hash: OnceLock::new() });
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

    /// Returns the folder of the package that the files belong to, if they are on disk.
    #[cfg(all(feature = "dev", debug_assertions))]
    pub(crate) fn package(&self) -> Option<&Path> {
        match &self.0 {
            Source::Disk { package, .. } => Some(package),
            Source::Embedded(_) => None,
        }
    }

    /// Returns the paths below `folder`, sorted, without those that are hidden or that an editor
    /// left behind. A folder that is not there has none.
    pub(crate) fn list(&self, folder: Folder) -> io::Result<Vec<String>> {
        let mut paths = Vec::new();
        match &self.0 {
            Source::Disk { root, .. } => {
                let top = root.join(folder.as_str());
                match top.canonicalize() {
                    Ok(top) => walk(&top, &top, "", DEPTH_MAX, &mut paths)?,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
            Source::Embedded(files) => {
                let below = files.keys().filter_map(|path| {
                    path.strip_prefix(folder.as_str())?.strip_prefix('/').map(str::to_owned)
                });
                paths.extend(below.filter(|path| path.split('/').all(is_listed)));
            }
        }
        paths.sort();
        Ok(paths)
    }

    /// Returns the file at `path` below `folder`, if it is there and a stranger may have it.
    pub(crate) fn read(&self, folder: Folder, path: &str) -> Option<File> {
        if !path.split('/').all(is_name) {
            return None;
        }
        match &self.0 {
            Source::Disk { root, .. } => {
                let top = root.join(folder.as_str()).canonicalize().ok()?;
                let bytes = read_inside(&top, &top.join(path))?;
                let hash = Hash::of(&bytes);
                Some(File { bytes: bytes.into(), hash })
            }
            Source::Embedded(files) => {
                let entry = files.get(format!("{folder}/{path}").as_str())?;
                let hash = entry.hash.get_or_init(|| Hash::of(entry.bytes)).clone();
                Some(File { bytes: Bytes::from_static(entry.bytes), hash })
            }
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disk { root, .. } => f.debug_tuple("Disk").field(root).finish(),
            Self::Embedded(files) => write!(f, "Embedded({})", files.len()),
        }
    }
}

/// One of the two folders that are looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Folder {
    /// Templates, with their scripts and styles.
    Pages,
    /// Files that are served as they stand.
    Public,
}

impl Folder {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Pages => "pages",
            Self::Public => "public",
        }
    }
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A file's content.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) bytes: Bytes,
    pub(crate) hash: Hash,
}

/// A name for content: 128 bits of its SHA-256, in hex.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hash(String);

impl Hash {
    /// Returns the name of one content.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self::hex(&Sha256::digest(bytes))
    }

    /// Returns the name of named contents together; their order counts.
    pub(crate) fn of_all<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        let mut all = Sha256::new();
        for (name, bytes) in files {
            // Lengths keep two sets apart whose bytes are the same in a row.
            for part in [name.as_bytes(), bytes] {
                all.update((part.len() as u64).to_le_bytes());
                all.update(part);
            }
        }
        Self::hex(&all.finalize())
    }

    fn hex(digest: &[u8]) -> Self {
        let mut text = String::with_capacity(32);
        for byte in &digest[..16] {
            let _ = write!(text, "{byte:02x}");
        }
        Self(text)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns the type that a file is served as, by its suffix. Text is UTF-8.
pub(crate) fn content_type(path: &str) -> HeaderValue {
    const UNKNOWN: HeaderValue = HeaderValue::from_static("application/octet-stream");

    let Some(mime) = mime_guess::from_path(path).first_raw() else { return UNKNOWN };
    // Of the names that scripts have had, RFC 9239 leaves one.
    let mime = if mime.ends_with("/javascript") { "text/javascript" } else { mime };
    let text = mime.starts_with("text/")
        || mime.ends_with("+xml")
        || mime.ends_with("+json")
        || matches!(mime, "application/json" | "application/xml");
    let value = if text { format!("{mime}; charset=utf-8") } else { mime.to_owned() };
    HeaderValue::from_str(&value).unwrap_or(UNKNOWN)
}

/// Tells whether a segment of a path can be that of a file.
fn is_name(segment: &str) -> bool {
    let mut components = Path::new(segment).components();
    // One plain name on this system: no separator, no drive, neither `.` nor `..`.
    let plain = matches!(components.next(), Some(Component::Normal(name)) if name == segment);
    plain
        && components.next().is_none()
        && !segment.starts_with('.')
        && !segment.contains(['/', '\\'])
        && !segment.contains(char::is_control)
}

/// Tells whether a file of this name is one of the app's, not one that an editor keeps for itself.
fn is_listed(segment: &str) -> bool {
    let leftover = segment.ends_with('~')
        || segment.ends_with(".swp")
        || segment.ends_with(".tmp")
        || segment.contains(".tmp.")
        || segment.contains("___jb_")
        || (segment.starts_with('#') && segment.ends_with('#'));
    is_name(segment) && !leftover
}

fn walk(
    top: &Path,
    folder: &Path,
    prefix: &str,
    depth: usize,
    paths: &mut Vec<String>,
) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| is_listed(name)) else { continue };
        // A file may go away between being listed and being looked at.
        let Ok(target) = entry.path().canonicalize() else { continue };
        if !target.starts_with(top) {
            continue;
        }
        let path = format!("{prefix}{name}");
        if target.is_file() {
            paths.push(path);
        } else if depth > 0 && target.is_dir() {
            walk(top, &entry.path(), &format!("{path}/"), depth - 1, paths)?;
        }
    }
    Ok(())
}

fn read_inside(top: &Path, path: &Path) -> Option<Vec<u8>> {
    let target = path.canonicalize().ok()?;
    if !target.starts_with(top) || !target.is_file() {
        return None;
    }
    fs::read(target).ok()
}

/// A folder of files for one test, gone when dropped.
#[cfg(test)]
pub(crate) struct TestDir(PathBuf);

#[cfg(test)]
impl TestDir {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(0);

        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("kipo-test-{}-{n}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        let dir = Self(path.canonicalize().unwrap());
        for (path, text) in files {
            dir.write(path, text);
        }
        dir
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn files(&self) -> Files {
        Files::on_disk_unless(None, self.0.clone())
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn remove(&self, path: &str) {
        fs::remove_file(self.0.join(path)).unwrap();
    }
}

#[cfg(test)]
impl Drop for TestDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
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

    #[cfg(unix)]
    #[test]
    fn a_link_out_of_the_folder_is_not_followed() {
        use std::os::unix::fs::symlink;

        let dir = TestDir::new(&[("public/a.txt", "a"), ("secret.txt", "no")]);
        let public = dir.path().join("public");
        symlink(dir.path().join("secret.txt"), public.join("out.txt")).unwrap();
        symlink(dir.path(), public.join("up")).unwrap();
        symlink(&public, public.join("round")).unwrap();
        symlink(public.join("a.txt"), public.join("in.txt")).unwrap();

        let files = dir.files();
        assert!(files.read(Folder::Public, "out.txt").is_none());
        assert!(files.read(Folder::Public, "up/secret.txt").is_none());
        assert_eq!(files.read(Folder::Public, "in.txt").unwrap().bytes, "a");
        // A link that goes round ends.
        let listed = files.list(Folder::Public).unwrap();
        assert!(listed.contains(&"a.txt".to_owned()) && !listed.contains(&"out.txt".to_owned()));
        assert!(listed.iter().all(|path| !path.contains("secret")));
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
        assert_eq!(files.list(Folder::Pages).unwrap(), ["blog/[slug].html", "index.html"]);
        assert!(files.list(Folder::Public).unwrap().is_empty());
    }

    #[test]
    fn embedded_files_are_found_like_those_on_disk() {
        let files = Files::embedded(&[("public/b.css", b"b"), ("pages/index.html", b"a")]);
        assert_eq!(files.list(Folder::Public).unwrap(), ["b.css"]);
        let file = files.read(Folder::Public, "b.css").unwrap();
        assert_eq!((file.bytes.as_ref(), file.hash), (b"b".as_slice(), Hash::of(b"b")));
        assert!(files.read(Folder::Public, "../pages/index.html").is_none());
        assert!(files.root().is_none());
    }

    #[test]
    fn the_environment_names_another_root() {
        let other = Files::on_disk_unless(Some("/other".into()), "/here".into());
        assert_eq!(other.root(), Some(Path::new("/other")));
        let empty = Files::on_disk_unless(Some("".into()), "/here".into());
        assert_eq!(empty.root(), Some(Path::new("/here")));
    }

    #[test]
    fn text_is_utf_8() {
        for (path, expected) in [
            ("a.js", "text/javascript; charset=utf-8"),
            ("a.mjs", "text/javascript; charset=utf-8"),
            ("a.css", "text/css; charset=utf-8"),
            ("a.svg", "image/svg+xml; charset=utf-8"),
            ("a.json", "application/json; charset=utf-8"),
            ("a.webmanifest", "application/manifest+json; charset=utf-8"),
            ("a.png", "image/png"),
            ("a.woff2", "font/woff2"),
            ("a.wasm", "application/wasm"),
            ("a.unheard-of", "application/octet-stream"),
            ("LICENSE", "application/octet-stream"),
        ] {
            assert_eq!(content_type(path), expected, "{path}");
        }
    }

    #[test]
    fn the_hash_of_a_set_keeps_names_and_contents_apart() {
        let a = Hash::of_all([("a", b"bc".as_slice())]);
        assert_ne!(a, Hash::of_all([("ab", b"c".as_slice())]));
        assert_eq!(a, Hash::of_all([("a", b"bc".as_slice())]));
    }
}
