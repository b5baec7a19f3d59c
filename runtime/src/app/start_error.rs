//! All errors of an app at start, as one error.

use std::fmt;

use crate::error::StartDiagnostic;

/// All errors of an app at start, one on each line.
///
/// # Examples
///
/// ```standalone_crate
/// let error = kipo::App::new().base("api/").site("example.org").router().unwrap_err();
/// assert_eq!(error.to_string().lines().count(), 2);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct StartError(pub(super) Vec<StartDiagnostic>);

impl StartError {
    #[cfg(all(feature = "dev", debug_assertions))]
    pub(crate) fn errors(&self) -> &[StartDiagnostic] {
        &self.0
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl fmt::Debug for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl std::error::Error for StartError {}
