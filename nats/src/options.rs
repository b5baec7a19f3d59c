//! What an application chooses when it connects.

use std::path::PathBuf;

/// How to connect, and what the server is to do.
///
/// # Examples
///
/// ```
/// use kipo_nats::Options;
///
/// let options = Options::new().prefix("shop").replicas(3).assume_synced();
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Options {
    pub(crate) prefix: String,
    pub(crate) replicas: Option<usize>,
    pub(crate) assume_synced: bool,
    pub(crate) credentials_file: Option<PathBuf>,
    pub(crate) root_certificates: Vec<PathBuf>,
    pub(crate) client_certificate: Option<(PathBuf, PathBuf)>,
}

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}

impl Options {
    /// Returns the options of an application that has the server's account for itself: the prefix
    /// `kipo`, and as many replicas as the cluster allows.
    pub fn new() -> Self {
        Self {
            prefix: "kipo".to_owned(),
            replicas: None,
            assume_synced: false,
            credentials_file: None,
            root_certificates: Vec::new(),
            client_certificate: None,
        }
    }

    /// Sets the first part of the names of all streams and subjects: 1 to 32 letters, digits and
    /// dashes. Applications that share an account of the server have a prefix each.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Sets how many servers store each stream: 1, 3 or 5. Without it, streams that exist stay as
    /// they are, and new ones have 3 replicas in a cluster and 1 on a server alone. A cluster that
    /// has fewer running servers is refused after a few seconds: one of two servers names 1 here.
    pub fn replicas(mut self, replicas: usize) -> Self {
        self.replicas = Some(replicas);
        self
    }

    /// States that every server has `jetstream { sync_interval: always }` in its configuration, so
    /// that an acknowledged message is on the disk. No server shows this setting to its clients, so
    /// the operator has to state it; without it the engine reaches
    /// [`Durability::Os`](kipo_topic::Durability::Os) only.
    pub fn assume_synced(mut self) -> Self {
        self.assume_synced = true;
        self
    }

    /// Sets the file with the credentials (`.creds`, a JWT and a seed) of the application's user.
    pub fn credentials_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.credentials_file = Some(path.into());
        self
    }

    /// Adds a file with certificates (PEM) that the certificates of the servers may be signed with,
    /// besides those that the system trusts.
    pub fn root_certificates(mut self, path: impl Into<PathBuf>) -> Self {
        self.root_certificates.push(path.into());
        self
    }

    /// Sets the files with the certificate and the key (PEM) that the application shows to servers
    /// that verify their clients.
    pub fn client_certificate(
        mut self,
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        self.client_certificate = Some((certificate.into(), key.into()));
        self
    }
}
