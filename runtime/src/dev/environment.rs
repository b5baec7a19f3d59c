//! What the environment of a supervised process says.

use std::{env, path::PathBuf};

/// The environment variable that tells a process that it is supervised.
pub(crate) const SUPERVISED: &str = "KIPO_SUPERVISED";

/// Returns the folder that relative places of the source lie below.
pub(crate) fn source_root() -> Option<PathBuf> {
    env::var_os(SUPERVISED).filter(|root| !root.is_empty()).map(PathBuf::from)
}
