//! One file that has arrived: what is known of it, and where its bytes are.

use std::{any::Any, fmt, fs::File, io, sync::Mutex};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tokio::{sync::OnceCell, task::spawn_blocking};

use super::{sink::UploadHead, temporary::TemporaryFile};
use crate::error::{Error, Result};

/// One file.
#[derive(Debug)]
pub(crate) struct StoredFile {
    pub(super) head: UploadHead,
    pub(super) sniffed: Option<&'static str>,
    pub(super) size: u64,
    pub(super) content: Content,
    /// Empty until somebody asks for it: hashing a file costs as much as receiving it.
    sha256: OnceCell<[u8; 32]>,
}

/// Where the bytes of a file are.
pub(super) enum Content {
    File(TemporaryFile),
    /// In a test without a request.
    Memory(Bytes),
    Sink(InSink),
    /// Nowhere: it is larger than its rule allows, which the rule will report.
    TooLarge,
}

/// A file in a sink that is not finished.
pub(super) struct InSink {
    /// `None` after its field has taken it.
    pub(super) sink: Mutex<Option<Box<dyn Any + Send>>>,
    /// Computed as the file arrived: it cannot be read again.
    pub(super) sha256: [u8; 32],
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::File(_) => "File",
            Self::Memory(_) => "Memory",
            Self::Sink(_) => "Sink",
            Self::TooLarge => "TooLarge",
        })
    }
}

impl StoredFile {
    pub(super) fn new(
        head: UploadHead,
        sniffed: Option<&'static str>,
        size: u64,
        content: Content,
    ) -> Self {
        Self { head, sniffed, size, content, sha256: OnceCell::new() }
    }

    /// Returns the SHA-256 of the content. The first call reads a temporary file.
    pub(super) async fn sha256(&self) -> Result<[u8; 32]> {
        self.sha256.get_or_try_init(|| self.content.sha256()).await.copied()
    }
}

impl Content {
    async fn sha256(&self) -> Result<[u8; 32]> {
        match self {
            Self::File(file) => {
                let path = file.path().to_owned();
                let hashed = spawn_blocking(move || {
                    let mut hasher = Sha256::new();
                    io::copy(&mut File::open(path)?, &mut hasher)?;
                    Ok::<_, io::Error>(hasher.finalize().into())
                });
                Ok(hashed.await.map_err(Error::internal)??)
            }
            Self::Memory(bytes) => Ok(Sha256::digest(bytes).into()),
            Self::Sink(in_sink) => Ok(in_sink.sha256),
            // No action gets it.
            Self::TooLarge => Ok([0; 32]),
        }
    }
}
