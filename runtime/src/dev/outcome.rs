//! The outcome of an edit or of a build, for the terminal, the panel and the tabs.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::dev::report::Report;

/// The outcome of reading changed pages.
pub(crate) struct ReloadOutcome {
    /// What the tabs did (`morphed`), or how many errors the pages have (`2 errors`).
    pub(crate) result: String,
    pub(crate) elapsed: Duration,
    /// All current errors of the pages.
    pub(crate) errors: Vec<Report>,
}

/// The last build, as the panel shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct LastBuild {
    /// The files that changed.
    what: String,
    ms: u64,
    ok: bool,
}

impl LastBuild {
    pub(crate) fn new(what: impl Into<String>, elapsed: Duration, ok: bool) -> Self {
        Self { what: what.into(), ms: ms(elapsed), ok }
    }
}

/// A change of pages in this process, as the panel shows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct LastChange {
    /// The files that changed.
    pub(super) what: String,
    /// The result of a [`ReloadOutcome`].
    pub(super) did: String,
    pub(super) ms: u64,
    pub(super) ok: bool,
}

/// Returns a duration in whole milliseconds, the unit of the terminal and the panel.
pub(crate) fn ms(elapsed: Duration) -> u64 {
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}

/// Returns a number with its noun: `1 error`, `2 errors`.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular() {
        assert_eq!(counted(1, "error"), "1 error");
        assert_eq!(counted(2, "error"), "2 errors");
        assert_eq!(counted(0, "warning"), "0 warnings");
    }
}
