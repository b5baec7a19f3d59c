//! What users read when they are wrong: `ui/<mistake>.rs` and, beside it, what is printed.
//! `TRYBUILD=overwrite` writes the latter anew. The words are rustc's in part, so they are
//! compared only under the version that they were written with.

use std::process::Command;

const RUSTC: &str = "rustc 1.95.0 ";

#[test]
fn every_mistake_reads_well() {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output().unwrap();
    if version.stdout.starts_with(RUSTC.as_bytes()) {
        trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
    }
}
