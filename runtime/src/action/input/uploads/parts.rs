//! The files of one request, while its input is decoded.
//!
//! serde decodes texts and numbers. So the text of a file in the pairs of a form is its index, and the file
//! itself is in a table of the thread, as long as the decoding runs. In JSON it is the reference of an upload
//! that has arrived before. A request without files has no table, so no text of a client is a file.

use std::{cell::RefCell, fmt, sync::Arc};

use serde::{
    Deserializer,
    de::{self, Unexpected, Visitor},
};

use super::{quota::Reservation, stored_file::StoredFile};
use crate::error::Result;

/// A file with the bytes that are reserved for its request.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) file: Arc<StoredFile>,
    _reservation: Option<Arc<Reservation>>,
}

impl Held {
    pub(super) fn new(file: StoredFile, reservation: Option<Arc<Reservation>>) -> Self {
        Self { file: Arc::new(file), _reservation: reservation }
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
            all.extend(part.held.file.sha256().await?);
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
