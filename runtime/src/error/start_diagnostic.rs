//! Errors at start: the app collects all of them, reports them together and stops.

use std::fmt;

/// One error at start: something in the app's source or settings that must be corrected.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct StartDiagnostic {
    /// `actions/chat/send.rs:12`, or the name of a setting.
    pub(crate) location: String,
    /// What is wrong, and how to correct it.
    pub(crate) message: String,
}

impl StartDiagnostic {
    /// Returns a diagnostic whose location is shown as it is given.
    pub(crate) fn new(location: impl Into<String>, message: impl Into<String>) -> Self {
        Self { location: location.into(), message: message.into() }
    }

    /// Returns a diagnostic at a line of a file.
    pub(crate) fn at(file: &str, line: u32, message: impl Into<String>) -> Self {
        Self::new(format!("{file}:{line}"), message)
    }
}

impl fmt::Display for StartDiagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.location, self.message)
    }
}
