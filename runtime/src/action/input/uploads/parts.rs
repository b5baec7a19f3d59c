//! The files of one request, while its input is decoded.
//!
//! serde decodes texts and numbers. So the text of a file in the pairs of a form is its index, and the file
//! itself is in a table of the thread, as long as the decoding runs. In JSON it is the reference of an upload
//! that has arrived before. A request without files has no table, so no text of a client is a file.

use std::{cell::RefCell, fmt, mem, sync::Arc};

use serde::{
    Deserializer,
    de::{self, Unexpected, Visitor},
};
use tokio::runtime::Handle;

use super::{
    quota::Reservation,
    stored_file::{Content, StoredFile},
};
use crate::error::Result;

/// The size from which on a thread for blocking work removes a file: the system needs a tenth of a second for
/// each GiB, and longer if the disk is busy. A smaller file is removed sooner than a thread wakes.
const REMOVED_BY_THREAD_BYTES: u64 = 4 << 20;

/// A file with the bytes that are reserved for its request.
#[derive(Clone, Debug)]
pub(super) struct Held(Arc<Reserved>);

#[derive(Debug)]
struct Reserved {
    file: StoredFile,
    reservation: Option<Arc<Reservation>>,
}

impl Held {
    pub(super) fn new(file: StoredFile, reservation: Option<Arc<Reservation>>) -> Self {
        Self(Arc::new(Reserved { file, reservation }))
    }

    pub(super) fn file(&self) -> &StoredFile {
        &self.0.file
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        // The lock of a lent file has to be free before the response: the next call may want the file.
        if self.file.size >= REMOVED_BY_THREAD_BYTES
            && matches!(&self.file.content, Content::File(file) if file.is_owned())
            && let Ok(runtime) = Handle::try_current()
        {
            let content = mem::replace(&mut self.file.content, Content::TooLarge);
            let reservation = self.reservation.take();
            // A runtime that ends drops what it does not run: that removes the file as well.
            runtime.spawn_blocking(move || {
                drop(content);
                // The bytes are free when the disk has them again.
                drop(reservation);
            });
        }
    }
}

/// A file with the text that stands for it in the input: its index, or the reference of an upload.
#[derive(Clone, Debug)]
struct Part {
    text: String,
    held: Held,
}

/// The files of one request.
#[derive(Debug)]
pub(crate) struct Parts(Vec<Part>);

thread_local! {
    static PARTS: RefCell<Vec<Part>> = const { RefCell::new(Vec::new()) };
}

impl Parts {
    /// Returns the files of a request, for which bytes are reserved.
    pub(crate) fn new(files: Vec<StoredFile>, reservation: Option<Reservation>) -> Self {
        let reservation = reservation.map(Arc::new);
        let held = files.into_iter().map(|file| Held::new(file, reservation.clone()));
        let part = |(index, held): (usize, _)| Part { text: index.to_string(), held };
        Self(held.enumerate().map(part).collect())
    }

    /// Returns the files of a request in which each has the text of its reference.
    pub(crate) fn referenced(files: Vec<(String, StoredFile)>) -> Self {
        let part = |(text, file)| Part { text, held: Held::new(file, None) };
        Self(files.into_iter().map(part).collect())
    }

    /// Returns the SHA-256 of each file, one after the other.
    pub(crate) async fn sha256s(&self) -> Result<Vec<u8>> {
        let mut all = Vec::with_capacity(self.0.len() * 32);
        for part in &self.0 {
            all.extend(part.held.file().sha256().await?);
        }
        Ok(all)
    }

    /// Decodes the input of the request, in which a text stands for each file.
    pub(crate) fn decode<T>(self, decode: impl FnOnce() -> T) -> T {
        /// Empties the table, also after a panic.
        struct Emptied;

        impl Drop for Emptied {
            fn drop(&mut self) {
                // Dropping a file may run a sink of the app, so the table must not be borrowed.
                drop(PARTS.take());
            }
        }

        PARTS.replace(self.0);
        let _emptied = Emptied;
        decode()
    }
}

/// Decodes a file: returns the one for which the text stands.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Held, D::Error> {
    struct OfText;

    impl Visitor<'_> for OfText {
        type Value = Held;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a file")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Held, E> {
            let held = PARTS.with_borrow(|parts| {
                let part = parts.iter().find(|part| part.text == text);
                part.map(|part| part.held.clone())
            });
            held.ok_or_else(|| E::invalid_type(Unexpected::Other("text"), &self))
        }
    }

    deserializer.deserialize_str(OfText)
}

#[cfg(test)]
mod tests {
    use std::{env, path::PathBuf, sync::mpsc};

    use tokio::task::spawn_blocking;

    use super::{
        super::{quota::Quota, sink::UploadHead, temporary::Folder},
        *,
    };
    use crate::action::limits::Caller;

    /// Returns a file of that size, as far as it knows, whose request has 60 bytes.
    fn held(folder: &Arc<Folder>, quota: &Arc<Quota>, size: u64) -> (PathBuf, Held) {
        let file = folder.file();
        file.create().unwrap();
        let path = file.path().to_owned();
        let mut reservation = quota.reservation(Caller::Address([127, 0, 0, 1].into()));
        reservation.cover(60).unwrap();
        let head = UploadHead::new("a", None);
        let file = StoredFile::new(head, None, size, Content::File(file));
        (path, Held::new(file, Some(Arc::new(reservation))))
    }

    #[tokio::test]
    async fn a_small_file_is_removed_at_once() {
        let folder = Arc::new(Folder::make(&env::temp_dir()).unwrap());
        let quota = Arc::new(Quota::new(100, 100));
        let (path, file) = held(&folder, &quota, REMOVED_BY_THREAD_BYTES - 1);
        drop(file);
        assert!(!path.exists());
    }

    #[test]
    fn a_large_file_is_removed_by_a_thread_and_then_its_bytes_are_free() {
        let folder = Arc::new(Folder::make(&env::temp_dir()).unwrap());
        let quota = Arc::new(Quota::new(100, 100));
        // One thread works in the order of its tasks.
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.max_blocking_threads(1).build().unwrap();
        let (path, file) = held(&folder, &quota, REMOVED_BY_THREAD_BYTES);
        let reserve =
            || quota.reservation(Caller::Address([127, 0, 0, 1].into())).cover(60).is_ok();
        runtime.block_on(async {
            let (release, wait) = mpsc::channel::<()>();
            let busy = spawn_blocking(move || wait.recv());
            let copy = file.clone();
            drop((file, copy));
            assert!(path.exists() && !reserve());
            drop(release);
            assert!(busy.await.unwrap().is_err());
            spawn_blocking(|| ()).await.unwrap();
            assert!(!path.exists() && reserve());
        });
    }

    #[test]
    fn a_large_file_is_removed_where_no_runtime_is_and_where_one_ends() {
        let folder = Arc::new(Folder::make(&env::temp_dir()).unwrap());
        let quota = Arc::new(Quota::new(100, 100));
        let (path, file) = held(&folder, &quota, REMOVED_BY_THREAD_BYTES);
        drop(file);
        assert!(!path.exists());
        let (path, file) = held(&folder, &quota, REMOVED_BY_THREAD_BYTES);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async { drop(file) });
        drop(runtime);
        assert!(!path.exists());
    }
}
