//! A data directory of one test.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU32, Ordering},
};

/// A new directory, removed on drop.
#[derive(Debug)]
pub(super) struct DataDir(PathBuf);

impl DataDir {
    /// # Panics
    ///
    /// Panics if the directory cannot be created.
    pub(super) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);

        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("kipo-test-app-{}-{n}", process::id()));
        // A killed process with the same id may have left it.
        let _ = fs::remove_dir_all(&path);
        if let Err(error) = fs::create_dir_all(&path) {
            panic!("{}: {error}", path.display());
        }
        Self(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for DataDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
