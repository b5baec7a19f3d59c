//! What an application chooses when it connects.

use std::path::PathBuf;

/// How to connect, besides the address.
///
/// # Examples
///
/// ```
/// use kipo_redis::Options;
///
/// let options = Options::new().root_certificates("/etc/shop/ca.pem").assume_synced();
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Options {
    pub(crate) assume_synced: bool,
    pub(crate) root_certificates: Option<PathBuf>,
    pub(crate) client_certificate: Option<(PathBuf, PathBuf)>,
}

impl Options {
    /// Returns the options of an application that needs none of them.
    pub fn new() -> Self {
        Self::default()
    }

    /// States that the server has `appendonly yes` and `appendfsync always`. It counts only where
    /// the server does not let its clients read its settings (`CONFIG GET`), as with hosted ones:
    /// elsewhere the engine reads them.
    pub fn assume_synced(mut self) -> Self {
        self.assume_synced = true;
        self
    }

    /// Sets the file with the certificates (PEM) that the server's certificate has to be signed
    /// with. Without it, they are those that the system trusts.
    pub fn root_certificates(mut self, path: impl Into<PathBuf>) -> Self {
        self.root_certificates = Some(path.into());
        self
    }

    /// Sets the files with the certificate and the key (PEM) that the application shows to a server
    /// that verifies its clients.
    pub fn client_certificate(
        mut self,
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        self.client_certificate = Some((certificate.into(), key.into()));
        self
    }
}
