//! Lends a complete upload to one call.
//!
//! The file is locked as long as the call has it. After a success it is used: its bytes go with the last
//! owner of the claim, and a small file stays, by which a repeated call gets the same outcome. After an error
//! the upload is there again.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use bytes::Bytes;
use tokio::{io::AsyncReadExt as _, task::spawn_blocking};

use super::{
    fault::Fault,
    record::{self, Paths, UsedRecord},
    store::{Found, Unfinished},
};
use crate::{
    action::{
        context::Context,
        input::{
            field::FileSetting,
            uploads::{
                media_type::{self, SNIFFED_BYTES},
                sink::UploadHead,
                stored_file::{Content, StoredFile},
                temporary::TemporaryFile,
                writer::Writer,
            },
        },
    },
    error::{Error, Result},
};

/// The largest output that is retained for a repeated call. A larger one is an error for it.
const OUTPUT_BYTES_MAX: usize = 64 << 10;

/// How many bytes of a file are read at once.
const READ_BYTES: usize = 256 << 10;

/// An upload that a call has.
#[derive(Debug)]
pub(crate) struct Claim {
    upload: Unfinished,
    paths: Paths,
    /// The idempotency key of the call.
    key: Option<String>,
    is_used: AtomicBool,
    /// Holds the lock.
    _file: File,
}

/// What a call gets for the reference of an upload.
#[derive(Debug)]
pub(crate) enum Used {
    /// The file.
    Now(Arc<Claim>),
    /// The output of the call that has used it, which had the same key.
    Before(Option<Bytes>),
}

impl Used {
    /// Claims an upload for a call with an idempotency key.
    ///
    /// # Errors
    ///
    /// A 409 if it is not complete or another call has used it, a 423 if another request has it, and a 422
    /// if it is that of another action or field.
    pub(crate) async fn claim(
        found: Found,
        action: &str,
        field: &str,
        key: Option<&str>,
    ) -> Result<Self> {
        let upload = match found {
            Found::Unfinished(upload) => upload,
            Found::Used(used) => {
                let is_same = used.action == action && key.is_some() && used.key.as_deref() == key;
                return match is_same && used.has_outcome {
                    true => Ok(Self::Before(used.output.map(Bytes::from))),
                    false => Err(Fault::Used.into()),
                };
            }
        };
        if upload.record.action != action || upload.record.field != field {
            return Err(Error::invalid(field, "must be an upload for this field"));
        }
        if !upload.is_complete() {
            return Err(Fault::Incomplete.into());
        }
        let key = key.map(str::to_owned);
        let claimed = spawn_blocking(move || Claim::lock(upload, key)).await;
        Ok(Self::Now(Arc::new(claimed.map_err(Error::internal)??)))
    }
}

impl Claim {
    fn lock(upload: Unfinished, key: Option<String>) -> Result<Self> {
        let paths = upload.store.paths(&upload.id);
        let file = OpenOptions::new().read(true).write(true).open(&paths.data)?;
        file.try_lock().map_err(|_| Fault::Locked)?;
        // Another call may have used it before it was locked.
        if paths.used.exists() {
            return Err(Fault::Used.into());
        }
        if !paths.record.exists()
            || paths.from.exists()
            || file.metadata()?.len() != upload.record.length
        {
            return Err(Fault::Incomplete.into());
        }
        Ok(Self { upload, paths, key, is_used: AtomicBool::new(false), _file: file })
    }

    pub(crate) fn length(&self) -> u64 {
        self.upload.record.length
    }

    /// Returns the file as a field takes it.
    ///
    /// # Errors
    ///
    /// Those of the sink of the field, and an internal error if the file cannot be read.
    pub(crate) async fn stored(
        self: &Arc<Self>,
        cx: &Context,
        setting: FileSetting,
    ) -> Result<StoredFile> {
        let (name, content_type) = (&self.upload.record.name, &self.upload.record.content_type);
        if setting.kind.begin.is_some() {
            let (kind, bytes_max) = (setting.kind, setting.bytes_max);
            let mut writer =
                Writer::begin(cx, kind, bytes_max, name, content_type.as_deref()).await?;
            let mut file = tokio::fs::File::open(&self.paths.data).await?;
            let mut bytes = vec![0; READ_BYTES];
            loop {
                match file.read(&mut bytes).await? {
                    0 => return writer.finish().await,
                    read => writer.write(&bytes[..read]).await?,
                }
            }
        }
        let claim = Arc::clone(self);
        let sniffed = spawn_blocking(move || claim.sniffed()).await.map_err(Error::internal)??;
        let path: PathBuf = self.paths.data.clone();
        let lent: Arc<Self> = Arc::clone(self);
        let head = UploadHead::new(name, content_type.as_deref());
        let content = Content::File(TemporaryFile::lent(path, lent));
        Ok(StoredFile::new(head, sniffed, self.length(), content))
    }

    /// Returns the type that the first bytes show.
    fn sniffed(&self) -> io::Result<Option<&'static str>> {
        let mut first = Vec::new();
        File::open(&self.paths.data)?.take(SNIFFED_BYTES as u64).read_to_end(&mut first)?;
        Ok(media_type::sniff(&first))
    }

    fn use_up(&self, outcome: Option<&Option<Bytes>>) -> io::Result<()> {
        let text = |json: &Bytes| String::from_utf8(json.to_vec()).ok();
        let output = outcome.and_then(Option::as_ref);
        self.is_used.store(true, Relaxed);
        let is_small = output.is_none_or(|json| json.len() <= OUTPUT_BYTES_MAX);
        let used = UsedRecord {
            owner: self.upload.record.owner.clone(),
            action: self.upload.record.action.clone(),
            key: self.key.clone(),
            output: output.filter(|_| is_small).and_then(text),
            has_outcome: outcome.is_some() && is_small,
        };
        record::write(&self.paths.used, &used)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // An action that has moved the file and then failed has it, and the upload is gone.
        if self.is_used.load(Relaxed) || !self.paths.data.exists() {
            self.upload.store.remove(&self.upload.id);
        }
    }
}

/// The uploads that one call has.
#[derive(Debug, Default)]
pub(crate) struct Claims(Vec<Arc<Claim>>);

impl Claims {
    pub(crate) fn push(&mut self, claim: Arc<Claim>) {
        self.0.push(claim);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Marks all uploads as used, before the caller reads that the call has succeeded. A repeated call with the
    /// same key gets `outcome`, or an error if there is none.
    pub(crate) async fn use_up(self, outcome: Option<Option<Bytes>>) {
        let used = spawn_blocking(move || {
            for claim in &self.0 {
                // The call has run: a repeated one does not find the upload.
                if let Err(error) = claim.use_up(outcome.as_ref()) {
                    tracing::warn!(%error, "what an action has used is not written");
                }
            }
        });
        if let Err(error) = used.await {
            tracing::warn!(%error, "uploads could not be marked as used");
        }
    }
}
