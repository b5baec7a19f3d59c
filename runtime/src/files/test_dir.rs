//! A folder of files for one test.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use super::Files;

/// A folder of files, removed on drop.
pub(crate) struct TestDir(PathBuf);

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

impl Drop for TestDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
