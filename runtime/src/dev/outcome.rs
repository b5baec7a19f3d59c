//! What came of a change or of a build, for the terminal, the panel and the tabs.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::dev::report::Report;

/// What was done about a change.
pub(crate) struct Acted {
    pub(crate) did: String,
    pub(crate) took: Duration,
    /// Everything that is wrong with the pages now.
    pub(crate) wrong: Vec<Report>,
}

/// A build, as the supervisor tells of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct LastBuild {
    /// The files that changed.
    what: String,
    ms: u64,
    ok: bool,
}

impl LastBuild {
    pub(crate) fn new(what: impl Into<String>, took: Duration, ok: bool) -> Self {
        Self { what: what.into(), ms: ms(took), ok }
    }
}

/// A change of pages that this process acted on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct LastChange {
    /// The files that changed.
    pub(super) what: String,
    pub(super) did: String,
    pub(super) ms: u64,
    pub(super) ok: bool,
}

/// Returns whole milliseconds, as everything that is shown has them.
pub(crate) fn ms(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}
