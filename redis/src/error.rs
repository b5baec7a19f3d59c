//! Why the engine could not connect.

use std::fmt;

/// The error of an engine that could not connect, or that found a server or contents that it cannot
/// work with. Its text is one sentence that says what would help, without any password.
///
/// # Examples
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use kipo_redis::{Options, RedisEngine};
///
/// let error = RedisEngine::connect("http://127.0.0.1", Options::new()).await.unwrap_err();
/// assert!(error.to_string().starts_with("the address of a Redis server begins with `redis://`"));
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectError(String);

impl ConnectError {
    pub(crate) fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConnectError {}
