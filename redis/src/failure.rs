//! Why a command has no answer.

use std::fmt;

use kipo_topic::engine::EngineError;
use redis::RedisError;

/// Why a command has no answer.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The server's word for it; empty if it is not the server that refused.
    pub(crate) code: String,
    pub(crate) text: String,
}

impl Failure {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self { code: String::new(), text: text.into() }
    }

    /// Whether the server refused to append since the log has entries with higher numbers.
    pub(crate) fn is_smaller_id(&self) -> bool {
        self.text.contains("equal or smaller than the target stream top item")
    }

    pub(crate) fn is_wrong_type(&self) -> bool {
        self.code == "WRONGTYPE" || self.text.contains("WRONGTYPE")
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = if self.code.is_empty() || self.text.is_empty() { "" } else { " " };
        write!(f, "{}{separator}{}", self.code, self.text)
    }
}

impl From<&RedisError> for Failure {
    fn from(error: &RedisError) -> Self {
        match error.code() {
            Some(code) => {
                let text = error.detail().unwrap_or_default().to_owned();
                Self { code: code.to_owned(), text }
            }
            None => Self::new(error.to_string()),
        }
    }
}

impl From<Failure> for EngineError {
    fn from(failure: Failure) -> Self {
        Self::unavailable(failure)
    }
}
