//! Temporary files, in a folder of this process.
//!
//! The folder is `kipo-uploads-` and a random number, and only this user can read it. A lock file beside
//! it is locked as long as the process lives. So the next start can remove the folders of processes that
//! were killed, and none of a process that runs.

use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

/// What the names of all folders begin with.
const PREFIX: &str = "kipo-uploads-";

/// The end of the name of a lock file.
const LOCK: &str = ".lock";

/// How many times a folder gets another name. The names are random: one is enough.
const ATTEMPTS: usize = 8;

/// A folder of temporary files. It is removed when dropped.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    lock: PathBuf,
    _locked: File,
    next: AtomicU64,
}

impl Folder {
    /// Makes a folder in another one, which is made as well if it does not exist.
    pub(super) fn make(parent: &Path) -> io::Result<Self> {
        fs::create_dir_all(parent)?;
        for _ in 0..ATTEMPTS {
            let mut random = [0; 8];
            getrandom::fill(&mut random)?;
            let name = format!("{PREFIX}{:016x}", u64::from_le_bytes(random));
            let (path, lock) = (parent.join(&name), parent.join(name + LOCK));
            let locked = private().open(&lock)?;
            // Another process may sweep between the two calls.
            if locked.try_lock().is_err() || !lock.exists() {
                continue;
            }
            private_dir(&path)?;
            return Ok(Self { path, lock, _locked: locked, next: AtomicU64::new(0) });
        }
        Err(io::Error::other("other processes remove each new folder"))
    }

    /// Returns a file that does not exist yet.
    pub(super) fn file(self: &Arc<Self>) -> TemporaryFile {
        let path = self.path.join(self.next.fetch_add(1, Relaxed).to_string());
        TemporaryFile { path, owner: Owner::Folder(Arc::clone(self)) }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        remove(&self.path, &self.lock);
    }
}

/// A file that is removed when dropped. It holds its folder.
#[derive(Debug)]
pub(super) struct TemporaryFile {
    path: PathBuf,
    owner: Owner,
}

/// What a temporary file holds.
#[derive(Debug)]
enum Owner {
    Folder(Arc<Folder>),
    /// The file is there already, and this removes it.
    Lender(
        #[expect(dead_code, reason = "held until the file is dropped")]
        Arc<dyn fmt::Debug + Send + Sync>,
    ),
}

impl TemporaryFile {
    /// Returns a file that is there, and that `lender` removes when it is dropped.
    pub(super) fn lent(path: PathBuf, lender: Arc<dyn fmt::Debug + Send + Sync>) -> Self {
        Self { path, owner: Owner::Lender(lender) }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns whether nobody has lent it.
    pub(super) fn is_owned(&self) -> bool {
        matches!(self.owner, Owner::Folder(_))
    }

    /// Creates the file, for this user alone.
    pub(super) fn create(&self) -> io::Result<File> {
        match private().open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // A service that cleans the temporary folder of the system has removed ours. Another
                // upload may make it at the same moment.
                if let Owner::Folder(folder) = &self.owner {
                    let _ = private_dir(&folder.path);
                }
                private().open(&self.path)
            }
            created => created,
        }
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        if let Owner::Folder(_) = &self.owner {
            // It may not exist yet, or not any more.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Removes the folders of processes that have ended without doing so.
pub(super) fn sweep(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.filter_map(Result::ok) {
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else { continue };
        let Some(folder) = name.strip_suffix(LOCK) else { continue };
        let lock = entry.path();
        // The folder of temporary files may be that of the system, where others write too.
        if !is_own_file(&lock) {
            continue;
        }
        if File::open(&lock).is_ok_and(|file| file.try_lock().is_ok()) {
            remove(&parent.join(folder), &lock);
            tracing::info!(folder, "removed the uploads of a process that was killed");
        }
    }
}

/// Removes a folder, then its lock file: what has no lock file is not found again.
fn remove(folder: &Path, lock: &Path) {
    let removed = fs::remove_dir_all(folder);
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(folder = %folder.display(), %error, "uploads cannot be removed");
        }
        _ => _ = fs::remove_file(lock),
    }
}

#[cfg(unix)]
fn is_own_file(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    let user = rustix::process::geteuid().as_raw();
    fs::symlink_metadata(path).is_ok_and(|entry| entry.is_file() && entry.uid() == user)
}

#[cfg(not(unix))]
fn is_own_file(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|entry| entry.is_file())
}

/// Returns the options of a new file that only this user can read and write.
pub(super) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Makes a folder that only this user can read and write. It must not exist.
pub(super) fn private_dir(path: &Path) -> io::Result<()> {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "only Unix has modes"))]
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn entries(path: &Path) -> usize {
        fs::read_dir(path).unwrap().count()
    }

    fn parent(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("kipo-test-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        path
    }

    #[test]
    fn a_file_and_its_folder_are_private_and_go_when_dropped() {
        let parent = parent("private");
        let folder = Arc::new(Folder::make(&parent).unwrap());
        let file = folder.file();
        file.create().unwrap().write_all(b"x").unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;

            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!((mode(file.path()), mode(&folder.path)), (0o600, 0o700));
        }
        drop(folder);
        assert_eq!(entries(&parent), 2, "the file holds its folder");
        drop(file);
        assert_eq!(entries(&parent), 0);
        fs::remove_dir(parent).unwrap();
    }

    #[test]
    fn a_folder_that_was_cleaned_away_is_made_again() {
        let parent = parent("cleaned");
        let folder = Arc::new(Folder::make(&parent).unwrap());
        fs::remove_dir(&folder.path).unwrap();
        let file = folder.file();
        file.create().unwrap();
        assert!(file.path().exists());
        drop((file, folder));
        assert_eq!(entries(&parent), 0);
        fs::remove_dir(parent).unwrap();
    }

    #[test]
    fn a_sweep_removes_only_what_no_process_holds() {
        let parent = parent("sweep");
        let alive = Arc::new(Folder::make(&parent).unwrap());
        let file = alive.file();
        file.create().unwrap();
        // A process that was killed leaves these.
        let dead = parent.join("kipo-uploads-dead");
        fs::create_dir(&dead).unwrap();
        fs::write(dead.join("0"), "x").unwrap();
        fs::write(parent.join("kipo-uploads-dead.lock"), "").unwrap();
        fs::write(parent.join("other.lock"), "").unwrap();
        sweep(&parent);
        assert!(!dead.exists() && file.path().exists());
        assert_eq!(entries(&parent), 3);
        drop((file, alive));
        fs::remove_dir_all(parent).unwrap();
    }
}
