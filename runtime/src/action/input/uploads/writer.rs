//! Takes one file as it arrives.
//!
//! At most two batches of a file are in memory: a thread for blocking work writes one while the next one
//! arrives.

use std::{
    fs::File,
    io, mem,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tokio::task::{JoinHandle, spawn_blocking};

use super::{
    batch::{fill, write},
    field::FileKind,
    media_type::{self, SNIFFED_BYTES},
    settings::Uploads,
    sink::{AnySink, UploadHead},
    stored_file::{Content, InSink, StoredFile},
    temporary::{Folder, TemporaryFile},
};
use crate::{
    action::context::Context,
    error::{Error, Result},
};

/// A file that is not complete.
pub(crate) struct Writer {
    head: UploadHead,
    size: u64,
    /// The first bytes, up to [`SNIFFED_BYTES`].
    first: Vec<u8>,
    /// The size that the rule of the field allows.
    bytes_max: u64,
    target: Target,
}

enum Target {
    File(FileTarget),
    Sink(SinkTarget),
    TooLarge,
}

impl Writer {
    /// Begins a file. No byte of it has to be read yet.
    pub(crate) async fn begin(
        cx: &Context,
        kind: FileKind,
        bytes_max: Option<u64>,
        name: &str,
        content_type: Option<&str>,
    ) -> Result<Self> {
        let head = UploadHead::new(name, content_type);
        let target = match kind.begin {
            Some(begin) => {
                let sink = begin(cx, &head).await?;
                Target::Sink(SinkTarget { sink, hasher: Sha256::new(), batch: Vec::new() })
            }
            None => {
                let folder = cx.state::<Uploads>()?.folder().await?;
                Target::File(FileTarget::new(&folder))
            }
        };
        let bytes_max = bytes_max.unwrap_or(u64::MAX);
        Ok(Self { head, size: 0, first: Vec::new(), bytes_max, target })
    }

    /// Returns how many bytes have arrived.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Takes the next bytes.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.size += bytes.len() as u64;
        if self.size > self.bytes_max {
            // The rule will refuse it.
            self.target = Target::TooLarge;
        }
        let missing = SNIFFED_BYTES - self.first.len();
        self.first.extend_from_slice(&bytes[..bytes.len().min(missing)]);
        match &mut self.target {
            Target::File(target) => target.write(bytes).await.map_err(Error::internal),
            Target::Sink(target) => target.write(bytes).await,
            Target::TooLarge => Ok(()),
        }
    }

    /// Ends the file, which is then complete.
    pub(crate) async fn finish(self) -> Result<StoredFile> {
        let content = match self.target {
            Target::File(target) => target.finish().await.map_err(Error::internal)?,
            Target::Sink(target) => target.finish().await?,
            Target::TooLarge => Content::TooLarge,
        };
        let sniffed = media_type::sniff(&self.first);
        Ok(StoredFile::new(self.head, sniffed, self.size, content))
    }
}

/// Writes to a temporary file.
struct FileTarget {
    /// What has arrived and is not written.
    batch: Vec<u8>,
    state: FileState,
}

enum FileState {
    Idle(Box<Written>),
    Running(JoinHandle<io::Result<Box<Written>>>),
    /// An error has ended it.
    Ended,
}

/// What the thread for blocking work has.
struct Written {
    /// Its drop removes the file, also if the request has gone meanwhile.
    path: TemporaryFile,
    /// `None` before the first batch.
    file: Option<File>,
    /// An empty buffer for the next batch.
    spare: Vec<u8>,
}

impl FileTarget {
    fn new(folder: &Arc<Folder>) -> Self {
        let written = Written { path: folder.file(), file: None, spare: Vec::new() };
        Self { batch: Vec::new(), state: FileState::Idle(Box::new(written)) }
    }

    async fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while fill(&mut self.batch, &mut bytes) {
            self.write_batch().await?;
        }
        Ok(())
    }

    /// Begins to write the batch, after the one before is written.
    async fn write_batch(&mut self) -> io::Result<()> {
        let mut written = self.settle().await?;
        let batch = mem::replace(&mut self.batch, mem::take(&mut written.spare));
        self.state = FileState::Running(spawn_blocking(move || written.write(batch)));
        Ok(())
    }

    /// Waits until the last batch is written.
    async fn settle(&mut self) -> io::Result<Box<Written>> {
        match mem::replace(&mut self.state, FileState::Ended) {
            FileState::Idle(written) => Ok(written),
            FileState::Running(running) => running.await?,
            FileState::Ended => Err(io::Error::other("the file could not be written")),
        }
    }

    async fn finish(mut self) -> io::Result<Content> {
        // Also if it is empty: that creates the file.
        self.write_batch().await?;
        Ok(Content::File(self.settle().await?.path))
    }
}

impl Written {
    fn write(mut self: Box<Self>, mut batch: Vec<u8>) -> io::Result<Box<Self>> {
        if self.file.is_none() {
            self.file = Some(self.path.create()?);
        }
        if let Some(file) = &mut self.file {
            write(file, &batch)?;
        }
        batch.clear();
        self.spare = batch;
        Ok(self)
    }
}

/// Writes to a sink of the app.
struct SinkTarget {
    sink: Box<dyn AnySink>,
    hasher: Sha256,
    batch: Vec<u8>,
}

impl SinkTarget {
    async fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        while fill(&mut self.batch, &mut bytes) {
            self.write_batch().await?;
        }
        Ok(())
    }

    async fn write_batch(&mut self) -> Result<()> {
        let batch = Bytes::from(mem::take(&mut self.batch));
        self.hasher.update(&batch);
        self.sink.write(batch).await
    }

    async fn finish(mut self) -> Result<Content> {
        if !self.batch.is_empty() {
            self.write_batch().await?;
        }
        let sink = Mutex::new(Some(self.sink.into_any()));
        Ok(Content::Sink(InSink { sink, sha256: self.hasher.finalize().into() }))
    }
}
