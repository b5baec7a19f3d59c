//! Adds the bytes of one request to an upload.
//!
//! The file is locked meanwhile, against other requests and other processes. What has arrived when the
//! connection is lost stays, unless its sender has promised a checksum.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Seek as _, SeekFrom},
    mem,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use sha2::{Digest as _, Sha256};
use tokio::task::{JoinHandle, spawn_blocking};

use super::{
    fault::{Fault, io_error},
    record::{self, Paths},
    store::Unfinished,
};
use crate::{
    action::input::uploads::batch::{fill, write},
    error::{Error, Result},
};

/// The checksum that a sender promises.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Checksum {
    Sha1(Vec<u8>),
    Sha256(Vec<u8>),
}

impl Checksum {
    /// The names of the algorithms.
    pub(crate) const ALGORITHMS: &str = "sha1,sha256";

    /// Reads the value of `Upload-Checksum`: an algorithm and a digest in Base64.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (algorithm, digest) = text.split_once(' ')?;
        let digest = BASE64_STANDARD.decode(digest.trim()).ok()?;
        match (algorithm, digest.len()) {
            ("sha1", 20) => Some(Self::Sha1(digest)),
            ("sha256", 32) => Some(Self::Sha256(digest)),
            _ => None,
        }
    }
}

/// A checksum that is computed.
enum Check {
    Sha1(Box<sha1_smol::Sha1>, Vec<u8>),
    Sha256(Box<Sha256>, Vec<u8>),
}

impl Check {
    fn new(checksum: Checksum) -> Self {
        match checksum {
            Checksum::Sha1(promised) => Self::Sha1(Box::default(), promised),
            Checksum::Sha256(promised) => Self::Sha256(Box::default(), promised),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha1(hasher, _) => hasher.update(bytes),
            Self::Sha256(hasher, _) => hasher.update(bytes),
        }
    }

    fn matches(self) -> bool {
        match self {
            Self::Sha1(hasher, promised) => hasher.digest().bytes()[..] == promised[..],
            Self::Sha256(hasher, promised) => hasher.finalize()[..] == promised[..],
        }
    }
}

/// An upload to which bytes are added.
pub(crate) struct Appending {
    batch: Vec<u8>,
    state: State,
    /// How many bytes the upload has with those that are not written yet.
    offset: u64,
}

enum State {
    Idle(Box<Locked>),
    Running(JoinHandle<(Box<Locked>, io::Result<()>)>),
    /// An error has ended it.
    Ended,
}

/// What the thread for blocking work has.
struct Locked {
    paths: Paths,
    file: File,
    /// The offset before the request.
    start: u64,
    check: Option<Check>,
    /// An empty buffer for the next batch.
    spare: Vec<u8>,
}

impl Appending {
    /// Locks an upload.
    ///
    /// # Errors
    ///
    /// A 423 if another request has it, a 409 if its offset is another one or an action has used it.
    pub(crate) async fn open(
        upload: Unfinished,
        offset: u64,
        checksum: Option<Checksum>,
    ) -> Result<Self> {
        let locked = spawn_blocking(move || Locked::open(&upload, offset, checksum));
        let locked = locked.await.map_err(Error::internal)??;
        Ok(Self { batch: Vec::new(), state: State::Idle(Box::new(locked)), offset })
    }

    /// Returns how many bytes the upload has.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    ///
    /// A 507 if the disk is full.
    pub(crate) async fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        self.offset += bytes.len() as u64;
        while fill(&mut self.batch, &mut bytes) {
            self.write_batch().await.map_err(io_error)?;
        }
        Ok(())
    }

    /// Ends the request. Returns the offset.
    ///
    /// # Errors
    ///
    /// A 460 if the bytes do not have their checksum, and a 507 if the disk is full.
    pub(crate) async fn finish(mut self) -> Result<u64> {
        self.write_batch().await.map_err(io_error)?;
        let locked = self.settle().await.map_err(io_error)?;
        let is_right = spawn_blocking(move || locked.finish()).await.map_err(Error::internal)?;
        match is_right.map_err(io_error)? {
            true => Ok(self.offset),
            false => Err(Fault::Checksum.into()),
        }
    }

    /// Ends a request whose body has not arrived as a whole. Its bytes stay, unless they have a checksum.
    pub(crate) async fn stop(mut self) {
        if self.write_batch().await.is_ok()
            && let Ok(locked) = self.settle().await
        {
            let stopped = spawn_blocking(move || match locked.check {
                None => Ok(()),
                Some(_) => locked.undo(),
            });
            log(stopped.await);
        }
    }

    /// Removes the bytes of the request.
    pub(crate) async fn undo(mut self) {
        if let Ok(locked) = self.settle().await {
            log(spawn_blocking(move || locked.undo()).await);
        }
    }

    /// Begins to write the batch, after the one before is written.
    async fn write_batch(&mut self) -> io::Result<()> {
        let mut locked = self.settle().await?;
        let batch = mem::replace(&mut self.batch, mem::take(&mut locked.spare));
        self.state = State::Running(spawn_blocking(move || locked.write(batch)));
        Ok(())
    }

    /// Waits until the last batch is written.
    async fn settle(&mut self) -> io::Result<Box<Locked>> {
        match mem::replace(&mut self.state, State::Ended) {
            State::Idle(locked) => Ok(locked),
            State::Running(running) => {
                let (locked, written) = running.await?;
                match written {
                    Ok(()) => Ok(locked),
                    // What is written stays, if it has no checksum.
                    Err(error) if locked.check.is_none() => Err(error),
                    Err(error) => {
                        log(spawn_blocking(move || locked.undo()).await);
                        Err(error)
                    }
                }
            }
            State::Ended => Err(io::Error::other("the upload could not be written")),
        }
    }
}

impl Locked {
    fn open(upload: &Unfinished, offset: u64, checksum: Option<Checksum>) -> Result<Self> {
        let paths = upload.store.paths(&upload.id);
        let unknown = || Error::not_found("there is no such upload");
        let file = match OpenOptions::new().write(true).open(&paths.data) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(unknown()),
            Err(error) => return Err(io_error(error)),
        };
        file.try_lock().map_err(|_| Fault::Locked)?;
        // It may have been used or removed before it was locked.
        if paths.used.exists() {
            return Err(Fault::Used.into());
        }
        if !paths.record.exists() {
            return Err(unknown());
        }
        let mut file = file;
        let mut length = file.metadata()?.len();
        // A process was killed before it knew the checksum of these bytes.
        if let Some(from) = record::read::<u64>(&paths.from)? {
            file.set_len(from.min(length))?;
            fs::remove_file(&paths.from)?;
            length = from.min(length);
        }
        if length != offset {
            return Err(Fault::Offset.into());
        }
        if checksum.is_some() {
            record::write(&paths.from, &length).map_err(io_error)?;
        }
        file.seek(SeekFrom::Start(length))?;
        let check = checksum.map(Check::new);
        Ok(Self { paths, file, start: length, check, spare: Vec::new() })
    }

    fn write(mut self: Box<Self>, mut batch: Vec<u8>) -> (Box<Self>, io::Result<()>) {
        if let Err(error) = write(&mut self.file, &batch) {
            return (self, Err(error));
        }
        if let Some(check) = &mut self.check {
            check.update(&batch);
        }
        batch.clear();
        self.spare = batch;
        (self, Ok(()))
    }

    /// Returns whether the checksum is right, and removes the bytes if it is not.
    fn finish(mut self) -> io::Result<bool> {
        if let Some(check) = self.check.take() {
            if !check.matches() {
                return self.undo().map(|()| false);
            }
            fs::remove_file(&self.paths.from)?;
        }
        Ok(true)
    }

    fn undo(self) -> io::Result<()> {
        self.file.set_len(self.start)?;
        match fs::remove_file(&self.paths.from) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

fn log(ended: Result<io::Result<()>, tokio::task::JoinError>) {
    if let Err(error) | Ok(Err(error)) = ended.map_err(io::Error::other) {
        tracing::warn!(%error, "the bytes of an upload could not be ended");
    }
}
