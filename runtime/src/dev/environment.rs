//! The environment variable of a supervised process.

use std::{env, path::PathBuf};

/// The environment variable that the supervisor sets for a process: the folder of the workspace.
pub(crate) const SUPERVISED: &str = "KIPO_SUPERVISED";

/// Returns the folder that relative paths of source files start from.
pub(crate) fn source_root() -> Option<PathBuf> {
    env::var_os(SUPERVISED).filter(|root| !root.is_empty()).map(PathBuf::from)
}
