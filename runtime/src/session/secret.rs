//! The secret of signed and private cookies.

use std::{
    fmt, fs,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use cookie::Key;

use crate::error::{Error, Result};

/// The environment variable that holds the secret.
const VARIABLE: &str = "KIPO_SECRET";

/// The fewest bytes of a secret: as many as its shortest form needs for 128 random bits.
const BYTES_MIN: usize = 32;

/// The file of the data directory that holds the secret of a debug build.
const FILE: &str = "cookie-secret";

/// The secret that signs and encrypts cookies.
///
/// [`App::cookie_secret`](crate::App::cookie_secret) reads it from `KIPO_SECRET`. For a test, or for a
/// secret from elsewhere, it is a state of the app like any other.
///
/// # Examples
///
/// ```
/// use kipo::{App, CookieSecret};
///
/// let secret = CookieSecret::new("b7e0a1f0c58a4d1cbb0bd1bb6b0f24a9")?;
/// let _app = App::new().state(secret);
///
/// assert!(CookieSecret::new("swordfish").is_err());
/// # kipo::Result::<()>::Ok(())
/// ```
#[derive(Clone)]
pub struct CookieSecret(Key);

impl CookieSecret {
    /// Returns a secret from a text of at least 32 random bytes, such as `openssl rand -hex 32`
    /// prints.
    ///
    /// # Errors
    ///
    /// Returns a 500 if the text is shorter.
    pub fn new(text: &str) -> Result<Self> {
        Self::parse(text, "the secret").map_err(Error::internal)
    }

    fn parse(text: &str, name: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.len() >= BYTES_MIN {
            return Ok(Self(Key::derive_from(text.as_bytes())));
        }
        let length = text.len();
        Err(format!(
            "{name} has {length} bytes, and needs at least {BYTES_MIN} random ones: make it with \
             `openssl rand -hex 32`"
        ))
    }

    /// Returns the secret of this process.
    ///
    /// # Errors
    ///
    /// A sentence that says how to make a secret.
    pub(crate) fn of_environment(data_dir: &Path) -> Result<Self, String> {
        let value = std::env::var(VARIABLE).ok();
        Self::load(value.as_deref(), data_dir, cfg!(debug_assertions))
    }

    /// Returns the secret in the environment variable's value. Without one, a debug build makes a
    /// secret and keeps it in the data directory.
    ///
    /// # Errors
    ///
    /// A sentence that says how to make a secret.
    fn load(value: Option<&str>, data_dir: &Path, is_debug: bool) -> Result<Self, String> {
        match value {
            Some(text) => Self::parse(text, VARIABLE),
            None if is_debug => {
                let path = data_dir.join(FILE);
                let text = kept(&path).map_err(|error| format!("{}: {error}", path.display()))?;
                Self::parse(&text, &path.display().to_string())
            }
            None => Err(format!(
                "the app signs cookies and has no secret: set the environment variable {VARIABLE} \
                 to what `openssl rand -hex 32` prints, the same on all nodes"
            )),
        }
    }

    pub(super) fn key(&self) -> &Key {
        &self.0
    }
}

impl fmt::Debug for CookieSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CookieSecret(…)")
    }
}

/// Returns the secret in a file, which is made if it is missing.
fn kept(path: &Path) -> io::Result<String> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        read => return read,
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    // The file gets its name when it is whole, so a killed process leaves no half secret.
    let new = path.with_extension(std::process::id().to_string());
    let mut file =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    // Another process may have been faster: its secret stays.
    let _ = fs::hard_link(&new, path);
    fs::remove_file(&new)?;
    fs::read_to_string(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// Returns a folder of this test that does not exist.
    fn folder(name: &str) -> std::path::PathBuf {
        let folder =
            std::env::temp_dir().join(format!("kipo-secret-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        folder
    }

    #[test]
    fn a_debug_build_makes_a_secret_and_keeps_it() {
        let folder = folder("kept");
        let first = CookieSecret::load(None, &folder, true).unwrap();
        let again = CookieSecret::load(None, &folder, true).unwrap();
        assert_eq!(first.key(), again.key());
        let mode = fs::metadata(folder.join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        fs::write(folder.join(FILE), "short").unwrap();
        let error = CookieSecret::load(None, &folder, true).unwrap_err();
        assert!(error.contains("cookie-secret has 5 bytes"), "{error}");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_release_without_a_good_secret_is_an_error_that_says_how_to_make_one() {
        let folder = folder("release");
        let load = |value| CookieSecret::load(value, &folder, false);
        for value in [None, Some(""), Some("swordfish"), Some("0123456789012345678901234567890")] {
            let error = load(value).unwrap_err();
            assert!(error.contains("KIPO_SECRET"), "{error}");
            assert!(error.contains("`openssl rand -hex 32`"), "{error}");
        }
        let good = "01234567890123456789012345678901";
        let with_line = format!("{good}\n");
        assert_eq!(load(Some(good)).unwrap().key(), load(Some(&with_line)).unwrap().key());
        assert!(!folder.exists());
    }

    #[test]
    fn it_does_not_show_itself() {
        let secret = CookieSecret::new("01234567890123456789012345678901").unwrap();
        assert_eq!(format!("{secret:?}"), "CookieSecret(…)");
    }
}
