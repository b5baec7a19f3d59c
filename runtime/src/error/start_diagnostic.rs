//! start-up errors: found all together, told all together, and then the process stops.

use std::fmt;

/// Something in the app's source that keeps it from starting.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct StartDiagnostic {
    /// Where: `actions/chat/send.rs:12`, or the name of a setting.
    pub(crate) place: String,
    /// What is wrong and what would be right.
    pub(crate) message: String,
}

impl StartDiagnostic {
    /// Returns A diagnostic at a place that is told as it stands.
    pub(crate) fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { place: place.into(), message: message.into() }
    }

    /// Returns A diagnostic at a line of a file.
    pub(crate) fn at(file: &str, line: u32, message: impl Into<String>) -> Self {
        Self::new(format!("{file}:{line}"), message)
    }
}

impl fmt::Display for StartDiagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}
