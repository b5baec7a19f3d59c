//! Where an app puts uploads, and how many bytes of them.

use std::{
    env,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use super::{
    quota::{Quota, Reservation},
    temporary::{self, Folder},
};
use crate::{
    action::{
        context::Context,
        limits::{Caller, Identify, Key},
    },
    error::{Error, Result},
};

/// Where an app has the temporary files of its uploads, and how many bytes of them at once.
///
/// # Examples
///
/// ```
/// use kipo::{App, UploadSettings};
///
/// let uploads = UploadSettings::new().bytes_max(20 << 30).bytes_per_caller_max(2 << 30);
/// assert_ne!(uploads, UploadSettings::new());
/// let _app = App::new().uploads(uploads);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadSettings {
    bytes_max: u64,
    bytes_per_caller_max: u64,
    folder: Option<PathBuf>,
}

/// The default of [`UploadSettings::bytes_max`].
const BYTES_MAX: u64 = 4 << 30;

/// The default of [`UploadSettings::bytes_per_caller_max`]: a quarter of all.
const BYTES_PER_CALLER_MAX: u64 = 1 << 30;

/// The folder in the data directory.
const FOLDER: &str = "uploads";

impl UploadSettings {
    /// Returns the default settings.
    #[must_use]
    pub fn new() -> Self {
        let (bytes_max, bytes_per_caller_max) = (BYTES_MAX, BYTES_PER_CALLER_MAX);
        Self { bytes_max, bytes_per_caller_max, folder: None }
    }

    /// Sets how many bytes the uploads of all requests have at once on one node. The default is 4 GiB. A
    /// request that needs more is a 503 with `Retry-After`, before its first byte is stored if it has a
    /// `Content-Length`.
    #[must_use]
    pub fn bytes_max(mut self, bytes: u64) -> Self {
        self.bytes_max = bytes;
        self
    }

    /// Sets how many bytes the uploads of one session have at once, or those of one address without a
    /// session. The default is 1 GiB. A request that needs more is a 429 with `Retry-After`.
    #[must_use]
    pub fn bytes_per_caller_max(mut self, bytes: u64) -> Self {
        self.bytes_per_caller_max = bytes;
        self
    }

    /// Sets the folder of temporary files. The default is `uploads` in the data directory, or the
    /// temporary folder of the system if the app has no data directory.
    ///
    /// [`Upload::save_to`](crate::Upload::save_to) is fast in the file system of this folder.
    #[must_use]
    pub fn folder(mut self, path: impl Into<PathBuf>) -> Self {
        self.folder = Some(path.into());
        self
    }
}

impl Default for UploadSettings {
    fn default() -> Self {
        Self::new()
    }
}

/// The uploads of one app.
#[derive(Debug)]
pub(crate) struct Uploads {
    /// `None` is the folder of the data directory, or that of the system.
    folder: Option<PathBuf>,
    data_dir: PathBuf,
    /// Made with the first file.
    made: OnceLock<Arc<Folder>>,
    quota: Arc<Quota>,
    identify: Option<Identify>,
}

impl Uploads {
    /// Returns the uploads of an app, and removes what a killed process has left.
    pub(crate) fn open(
        settings: UploadSettings,
        data_dir: &Path,
        identify: Option<Identify>,
    ) -> Self {
        match &settings.folder {
            Some(folder) => temporary::sweep(folder),
            None => {
                temporary::sweep(&data_dir.join(FOLDER));
                temporary::sweep(&env::temp_dir());
            }
        }
        let quota = Quota::new(settings.bytes_max, settings.bytes_per_caller_max);
        Self {
            folder: settings.folder,
            data_dir: data_dir.to_owned(),
            made: OnceLock::new(),
            quota: Arc::new(quota),
            identify,
        }
    }

    /// Reserves bytes for a request before it is read.
    ///
    /// # Errors
    ///
    /// Those of [`Reservation::cover`].
    pub(crate) async fn reserve(&self, cx: &Context, bytes: u64) -> Result<Reservation> {
        let caller = Caller::of(Key::Session, cx, self.identify).await;
        let mut reservation = self.quota.reservation(caller);
        reservation.cover(bytes).map(|()| reservation)
    }

    /// Returns the folder of this process.
    pub(super) async fn folder(&self) -> Result<Arc<Folder>> {
        if let Some(folder) = self.made.get() {
            return Ok(Arc::clone(folder));
        }
        let (folder, data_dir) = (self.folder.clone(), self.data_dir.clone());
        let make = move || match folder {
            Some(folder) => Folder::make(&folder),
            None if data_dir.is_dir() => Folder::make(&data_dir.join(FOLDER)),
            None => Folder::make(&env::temp_dir()),
        };
        let made = tokio::task::spawn_blocking(make).await;
        let made = made.map_err(Error::internal)?.map_err(Error::internal)?;
        // Two requests may make one each: the other is removed again.
        Ok(Arc::clone(self.made.get_or_init(|| Arc::new(made))))
    }
}
