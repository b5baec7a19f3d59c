//! Where the crate is that is being compiled.

use std::{env, path::PathBuf};

/// Returns the folder of the crate, which cargo passes to the compiler.
pub(crate) fn crate_root() -> PathBuf {
    env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default().into()
}
