//! The engines of this crate pass the suite for engines.
#![cfg(feature = "conformance")]

use std::sync::Arc;

use async_trait::async_trait;
use kipo_topic::{
    Store,
    engine::{Engine, conformance},
};

struct InMemory;

#[async_trait]
impl conformance::Subject for InMemory {
    async fn fresh(&mut self) -> Arc<dyn Engine> {
        Arc::clone(Store::in_memory().engine())
    }
}

#[tokio::test]
async fn memory() {
    conformance::check(InMemory).await;
}

#[cfg(feature = "disk")]
mod disk {
    use std::{fs, path::Path};

    use tempfile::TempDir;

    use super::*;

    /// A directory for each contents, and the engine that holds it.
    struct OnDisk {
        directory: TempDir,
        copy: Option<TempDir>,
        engine: Option<Arc<dyn Engine>>,
    }

    impl OnDisk {
        fn new() -> Self {
            Self { directory: directory(), copy: None, engine: None }
        }

        fn open(&mut self) -> Arc<dyn Engine> {
            let store = Store::open(self.directory.path()).expect("a directory of our own");
            self.engine.insert(Arc::clone(store.engine())).clone()
        }
    }

    #[async_trait]
    impl conformance::Subject for OnDisk {
        async fn fresh(&mut self) -> Arc<dyn Engine> {
            if let Some(engine) = self.engine.take() {
                engine.close().await;
            }
            *self = Self::new();
            self.open()
        }

        async fn restart(&mut self) -> Option<Arc<dyn Engine>> {
            // A copy of the files of a running engine is what `kill -9` leaves: nobody writes.
            let killed = directory();
            copy(self.directory.path(), killed.path());
            self.engine.take()?.close().await;
            self.directory = killed;
            Some(self.open())
        }

        async fn snapshot(&mut self) -> bool {
            let older = directory();
            copy(self.directory.path(), older.path());
            self.copy = Some(older);
            true
        }

        async fn roll_back(&mut self) -> Option<Arc<dyn Engine>> {
            self.engine.take()?.close().await;
            self.directory = self.copy.take()?;
            Some(self.open())
        }
    }

    fn directory() -> TempDir {
        tempfile::tempdir().expect("a temporary directory")
    }

    fn copy(from: &Path, to: &Path) {
        fs::create_dir_all(to).expect("a directory");
        for entry in fs::read_dir(from).expect("a directory to read") {
            let entry = entry.expect("an entry");
            let to = to.join(entry.file_name());
            if entry.path().is_dir() {
                copy(&entry.path(), &to);
            } else {
                fs::copy(entry.path(), to).expect("a file to copy");
            }
        }
    }

    #[tokio::test]
    async fn disk() {
        conformance::check(OnDisk::new()).await;
    }
}
