//! The diagnostics that users read: each `ui/<error>.rs` has one or more errors, and the file beside
//! it has what the compiler prints. `TRYBUILD=overwrite` rewrites these files. Parts of the text are
//! rustc's, so the test compares it only under the version of rustc that wrote it.

use std::process::Command;

const RUSTC: &str = "rustc 1.95.0 ";

#[test]
fn every_diagnostic_reads_well() {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output().unwrap();
    if version.stdout.starts_with(RUSTC.as_bytes()) {
        trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
    }
}
