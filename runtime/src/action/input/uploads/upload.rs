//! A file that a caller sends.

use std::{
    borrow::Cow,
    env,
    fs::{self, File},
    io::{self, Cursor, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};
use tokio::{io::AsyncRead, task::spawn_blocking};

use super::{
    field::{FileFacts, FileField, FileKind},
    hex::hex,
    media_type::{self, size_in_words},
    parts::{self, Held},
    sink::UploadHead,
    stored_file::{Content, StoredFile},
    temporary::{Folder, TemporaryFile},
};
use crate::error::{Code, Error, Result};

/// A file that a caller sends: the type of a field of an action. `Option<Upload>` is a file that may be
/// missing, and `Vec<Upload>` is any number of files.
///
/// The file arrives in a temporary file, which only this user can read, and which is removed when the
/// upload is dropped: after the action, after an error or a panic, or when the client leaves. It is never
/// whole in memory. [`save_to`](Self::save_to) and [`into_file`](Self::into_file) retain it.
///
/// An action with such a field takes `multipart/form-data`, or the reference of a file that has arrived
/// [before](crate::guide::uploads#uploads-that-go-on), within [`Limits::file_bytes_max`] and the
/// other limits of files. The rule `file(…)` checks its size and its type. See the
/// [guide](crate::guide::uploads).
///
/// [`Limits::file_bytes_max`]: crate::Limits::file_bytes_max
///
/// # Examples
///
/// ```
/// use kipo::{Action, Context, Result, Upload, action};
///
/// /// Stores a photo.
/// #[action]
/// async fn store(
///     #[validate(file(bytes_max = 5 << 20, types("image/png", "image/jpeg")))] photo: Upload,
/// ) -> Result<String> {
///     let path = std::env::temp_dir().join("kipo-photo");
///     let text = format!("{} has {} bytes", photo.name(), photo.size());
///     photo.save_to(path).await?;
///     Ok(text)
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let photo = Upload::new("sea.png", "image/png", &b"\x89PNG\r\n\x1a\n"[..]);
/// let text = Store { photo }.call(Context::test()).await.unwrap();
/// assert_eq!(text, "sea.png has 8 bytes");
/// # });
/// ```
#[derive(Debug)]
pub struct Upload(Held);

impl Upload {
    /// Returns an upload that is in memory, for tests.
    #[must_use]
    pub fn new(name: &str, content_type: &str, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let head = UploadHead::new(name, Some(content_type));
        let (sniffed, size) = (media_type::sniff(&bytes), bytes.len() as u64);
        Self(Held::new(StoredFile::new(head, sniffed, size, Content::Memory(bytes)), None))
    }

    /// Returns the name of the file, as text for people: the last segment of the name that the sender gives,
    /// without control characters and marks of direction, and at most 255 bytes. A file without a name is
    /// `file`.
    ///
    /// Two uploads may have the same name, and an attacker chooses it: store files under names of your own.
    ///
    /// ```
    /// let upload = kipo::Upload::new("../../etc/passwd", "text/plain", "x");
    /// assert_eq!(upload.name(), "passwd");
    /// ```
    #[must_use]
    pub fn name(&self) -> &str {
        &self.stored().head.name
    }

    /// Returns the type that the sender declares, without parameters, such as `image/png`.
    #[must_use]
    pub fn declared_type(&self) -> Option<&str> {
        self.stored().head.declared.as_deref()
    }

    /// Returns the type that the first bytes show, if they show one: of images, sound, films, PDF, archives,
    /// fonts, programs and HTML. Text shows none.
    ///
    /// ```
    /// let upload = kipo::Upload::new("cat.png", "image/png", "<script>alert(1)</script>");
    /// assert_eq!(upload.sniffed_type(), Some("text/html"));
    /// ```
    #[must_use]
    pub fn sniffed_type(&self) -> Option<&'static str> {
        self.stored().sniffed
    }

    /// Returns the type that the first bytes show, or else the declared one, or
    /// `application/octet-stream`.
    #[must_use]
    pub fn content_type(&self) -> &str {
        let declared = self.declared_type();
        self.sniffed_type().or(declared).unwrap_or("application/octet-stream")
    }

    /// Returns the size in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.stored().size
    }

    /// Computes the SHA-256 of the content. The first call reads the file, about a second for each GiB; the
    /// next ones return the same digest.
    ///
    /// # Errors
    ///
    /// Returns an internal error if the temporary file cannot be read.
    ///
    /// # Cancel safety
    ///
    /// Safe.
    ///
    /// # Examples
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let upload = kipo::Upload::new("a", "text/plain", "abc");
    /// assert_eq!(upload.sha256().await.unwrap()[..4], [0xba, 0x78, 0x16, 0xbf]);
    /// # });
    /// ```
    pub async fn sha256(&self) -> Result<[u8; 32]> {
        self.stored().sha256().await
    }

    /// Computes the SHA-256 as 64 hexadecimal digits, as [`sha256`](Self::sha256) does.
    ///
    /// # Errors
    ///
    /// Returns an internal error if the temporary file cannot be read.
    ///
    /// # Cancel safety
    ///
    /// Safe.
    ///
    /// # Examples
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let upload = kipo::Upload::new("a", "text/plain", "abc");
    /// assert!(upload.sha256_hex().await.unwrap().starts_with("ba7816bf"));
    /// # });
    /// ```
    pub async fn sha256_hex(&self) -> Result<String> {
        Ok(hex(&self.sha256().await?))
    }

    /// Returns a reader from the first byte on. Each call begins anew.
    ///
    /// # Errors
    ///
    /// Returns an internal error if the temporary file cannot be opened.
    ///
    /// # Cancel safety
    ///
    /// Safe.
    ///
    /// # Examples
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// use tokio::io::AsyncReadExt as _;
    ///
    /// let upload = kipo::Upload::new("a.txt", "text/plain", "one two");
    /// let mut word = [0; 3];
    /// upload.reader().await?.read_exact(&mut word).await?;
    /// assert_eq!(&word, b"one");
    /// # kipo::Result::<()>::Ok(()) }).unwrap();
    /// ```
    pub async fn reader(&self) -> Result<Box<dyn AsyncRead + Send + Unpin>> {
        Ok(match &self.stored().content {
            Content::File(file) => Box::new(tokio::fs::File::open(file.path()).await?),
            Content::Memory(bytes) => Box::new(Cursor::new(bytes.clone())),
            Content::Sink(_) | Content::TooLarge => return Err(no_file()),
        })
    }

    /// Returns the content, if it has at most `limit` bytes.
    ///
    /// # Errors
    ///
    /// Returns a 413 if the file is larger, and an internal error if it cannot be read.
    ///
    /// # Cancel safety
    ///
    /// Safe.
    ///
    /// # Examples
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let upload = kipo::Upload::new("a.txt", "text/plain", "one two");
    /// assert_eq!(upload.bytes(1 << 10).await.unwrap(), "one two");
    /// assert_eq!(upload.bytes(3).await.unwrap_err().code(), kipo::Code::PayloadTooLarge);
    /// # });
    /// ```
    pub async fn bytes(&self, limit: usize) -> Result<Bytes> {
        if self.size() > limit as u64 {
            let limit = size_in_words(limit as u64);
            return Err(Error::new(
                Code::PayloadTooLarge,
                format!("the file is larger than {limit}"),
            ));
        }
        match &self.stored().content {
            Content::File(file) => Ok(tokio::fs::read(file.path()).await?.into()),
            Content::Memory(bytes) => Ok(bytes.clone()),
            Content::Sink(_) | Content::TooLarge => Err(no_file()),
        }
    }

    /// Moves the file to a path, in place of a file that is there. It is on the disk when this returns.
    ///
    /// In the file system of the temporary files this is a rename. Otherwise the bytes are copied, and the
    /// path has the file only when it is whole. Only this user can read it (mode 0600).
    ///
    /// # Errors
    ///
    /// Returns an internal error if the file cannot be moved, such as to a folder that does not exist. The
    /// upload is gone then.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the file is moved or removed.
    ///
    /// # Examples
    ///
    /// See [`Upload`].
    pub async fn save_to(self, path: impl Into<PathBuf>) -> Result<()> {
        let path = path.into();
        let saved = spawn_blocking(move || match &self.stored().content {
            Content::File(file) => moved(file, &path),
            Content::Memory(bytes) => fs::write(&path, bytes),
            Content::Sink(_) | Content::TooLarge => Err(io::Error::other(NO_FILE)),
        });
        Ok(saved.await.map_err(Error::internal)??)
    }

    /// Returns the open file, at its first byte. It has no name any more, so it is removed when it is closed.
    ///
    /// # Errors
    ///
    /// Returns an internal error if the temporary file cannot be opened.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the file is removed.
    ///
    /// # Examples
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let upload = kipo::Upload::new("a.txt", "text/plain", "one two");
    /// let file = upload.into_file().await.unwrap();
    /// assert_eq!(std::io::read_to_string(file).unwrap(), "one two");
    /// # });
    /// ```
    pub async fn into_file(self) -> Result<File> {
        let opened = spawn_blocking(move || match &self.stored().content {
            Content::File(file) => File::options().read(true).write(true).open(file.path()),
            Content::Memory(bytes) => {
                let file = Arc::new(Folder::make(&env::temp_dir())?).file();
                file.create()?.write_all(bytes)?;
                File::options().read(true).write(true).open(file.path())
            }
            Content::Sink(_) | Content::TooLarge => Err(io::Error::other(NO_FILE)),
        });
        Ok(opened.await.map_err(Error::internal)??)
    }

    fn stored(&self) -> &StoredFile {
        self.0.file()
    }
}

/// Moves a file, and puts it on the disk.
fn moved(file: &TemporaryFile, target: &Path) -> io::Result<()> {
    File::open(file.path())?.sync_all()?;
    match fs::rename(file.path(), target) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => copied(file, target),
        renamed => renamed,
    }
}

/// Copies a file to another file system: to a temporary file beside the target, and then to its name.
fn copied(file: &TemporaryFile, target: &Path) -> io::Result<()> {
    let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty());
    let copy = Arc::new(Folder::make(parent.unwrap_or(Path::new(".")))?).file();
    let mut written = copy.create()?;
    io::copy(&mut File::open(file.path())?, &mut written)?;
    written.sync_all()?;
    fs::rename(copy.path(), target)
}

const NO_FILE: &str = "the upload is in a sink, or larger than its rule allows";

fn no_file() -> Error {
    Error::internal(NO_FILE)
}

impl FileField for Upload {
    const KIND: FileKind = FileKind::TEMPORARY;

    fn files(&self) -> Vec<FileFacts<'_>> {
        vec![FileFacts(self.stored())]
    }
}

impl<'de> Deserialize<'de> for Upload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parts::deserialize(deserializer).map(Self)
    }
}

impl JsonSchema for Upload {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Upload".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "binary" })
    }
}
