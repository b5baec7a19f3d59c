//! Where an app puts uploads, and how many bytes of them.

use std::{
    env,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::Duration,
};

use sha2::{Digest as _, Sha256};

use super::{
    hex::hex,
    quota::{Quota, Reservation},
    resumable::{Bounds, Resumable, Sender},
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
    unfinished_expire_after: Duration,
    unfinished_max: usize,
    unfinished_per_caller_max: usize,
}

/// The default of [`UploadSettings::unfinished_expire_after`].
const UNFINISHED_EXPIRE_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// The default of [`UploadSettings::unfinished_max`].
const UNFINISHED_MAX: usize = 10_000;

/// The default of [`UploadSettings::unfinished_per_caller_max`].
const UNFINISHED_PER_CALLER_MAX: usize = 100;

/// The longest pause between two sweeps of uploads that have expired.
const SWEEP_PAUSE_MAX: Duration = Duration::from_secs(10 * 60);

/// The shortest pause between two sweeps.
const SWEEP_PAUSE_MIN: Duration = Duration::from_secs(1);

/// The folder of uploads that go on, in the folder of uploads.
const RESUMABLE: &str = "resumable";

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
        Self {
            bytes_max,
            bytes_per_caller_max,
            folder: None,
            unfinished_expire_after: UNFINISHED_EXPIRE_AFTER,
            unfinished_max: UNFINISHED_MAX,
            unfinished_per_caller_max: UNFINISHED_PER_CALLER_MAX,
        }
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

    /// Sets how long an upload that goes on stays after its last byte, if no action uses it. The default is
    /// one day.
    ///
    /// ```
    /// use std::time::Duration;
    /// use kipo::UploadSettings;
    ///
    /// let hour = UploadSettings::new().unfinished_expire_after(Duration::from_secs(3600));
    /// assert_ne!(hour, UploadSettings::new());
    /// ```
    #[must_use]
    pub fn unfinished_expire_after(mut self, time: Duration) -> Self {
        self.unfinished_expire_after = time;
        self
    }

    /// Sets how many uploads that go on may be there at once that no action has used. The default is
    /// 10,000. A request that begins one more is a 503. Their bytes have the bounds
    /// [`bytes_max`](Self::bytes_max) and [`bytes_per_caller_max`](Self::bytes_per_caller_max) of their own,
    /// and each counts with its whole length.
    ///
    /// ```
    /// use kipo::UploadSettings;
    ///
    /// assert_ne!(UploadSettings::new().unfinished_max(7), UploadSettings::new());
    /// ```
    #[must_use]
    pub fn unfinished_max(mut self, uploads: usize) -> Self {
        self.unfinished_max = uploads;
        self
    }

    /// Sets how many of them one session may have, or one address without a session. The default is 100. A
    /// request that begins one more is a 429.
    ///
    /// ```
    /// use kipo::UploadSettings;
    ///
    /// assert_ne!(UploadSettings::new().unfinished_per_caller_max(7), UploadSettings::new());
    /// ```
    #[must_use]
    pub fn unfinished_per_caller_max(mut self, uploads: usize) -> Self {
        self.unfinished_per_caller_max = uploads;
        self
    }

    /// Sets the folder of temporary files, and of uploads that go on. The default is `uploads` in the data directory, or the
    /// temporary folder of the system if the app has no data directory. Uploads that go on are in the data
    /// directory, which is made for them.
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
    resumable: Arc<Resumable>,
    sweep_pause: Duration,
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
        let UploadSettings { bytes_max, bytes_per_caller_max, unfinished_expire_after, .. } =
            settings;
        let quota = Quota::new(bytes_max, bytes_per_caller_max);
        let bounds = Bounds {
            bytes_max,
            bytes_per_caller_max,
            count_max: settings.unfinished_max,
            count_per_caller_max: settings.unfinished_per_caller_max,
        };
        let folder = settings.folder.clone().unwrap_or_else(|| data_dir.join(FOLDER));
        let resumable = Resumable::new(folder.join(RESUMABLE), unfinished_expire_after, bounds);
        Self {
            folder: settings.folder,
            data_dir: data_dir.to_owned(),
            made: OnceLock::new(),
            quota: Arc::new(quota),
            resumable: Arc::new(resumable),
            sweep_pause: (unfinished_expire_after / 4).clamp(SWEEP_PAUSE_MIN, SWEEP_PAUSE_MAX),
            identify,
        }
    }

    /// Returns the uploads that go on.
    pub(crate) fn resumable(&self) -> &Arc<Resumable> {
        &self.resumable
    }

    /// Returns who sends a request, for uploads that go on.
    pub(crate) async fn sender(&self, cx: &Context) -> Sender {
        let caller = Caller::of(Key::Session, cx, self.identify).await;
        let (kind, bytes) = caller.bytes();
        let digest = Sha256::new().chain_update([kind]).chain_update(bytes).finalize();
        let digest = hex(&digest);
        let owner = matches!(caller, Caller::Session(_)).then(|| digest.clone());
        Sender { owner, caller: digest }
    }

    /// Removes uploads that have expired, now and from time to time. Does not end.
    pub(crate) async fn sweep(&self) {
        loop {
            self.resumable.sweep().await;
            tokio::time::sleep(self.sweep_pause).await;
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

#[cfg(test)]
mod tests {
    use std::{fs, time::SystemTime};

    use tokio::time::sleep;

    use super::{super::resumable::Record, *};

    #[tokio::test(start_paused = true)]
    async fn an_upload_that_expires_while_the_server_runs_is_removed() {
        let folder = env::temp_dir().join(format!("kipo-test-expiry-{}", std::process::id()));
        let settings = UploadSettings::new().folder(&folder);
        let uploads = Arc::new(Uploads::open(settings, Path::new("none"), None));
        let record = Record {
            action: "a.B".to_owned(),
            field: "file".to_owned(),
            name: "a.txt".to_owned(),
            content_type: None,
            length: 3,
            metadata: String::new(),
            owner: None,
            caller: "ann".to_owned(),
        };
        let upload = uploads.resumable().begin(record).await.unwrap();
        let count = || fs::read_dir(folder.join(RESUMABLE)).unwrap().count();
        let sweeping = tokio::spawn(async move { uploads.sweep().await });
        sleep(SWEEP_PAUSE_MIN).await;
        assert_eq!(count(), 2);
        let file = folder.join(RESUMABLE).join(upload.id.to_string());
        let file = fs::File::options().write(true).open(file).unwrap();
        file.set_modified(SystemTime::now() - 2 * UNFINISHED_EXPIRE_AFTER).unwrap();
        sleep(2 * SWEEP_PAUSE_MAX).await;
        assert_eq!(count(), 0);
        sweeping.abort();
        fs::remove_dir_all(&folder).unwrap();
    }
}
