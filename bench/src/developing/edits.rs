//! How long it takes from saving a file to seeing it, in a real browser.
//!
//! The browser is driven from Node, so a script of the app's tests measures; this runs it.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use load::machine;

/// Measures and returns the table.
pub(crate) fn measure(quick: bool) -> io::Result<String> {
    let machine = machine::describe();
    let app = Path::new(env!("CARGO_MANIFEST_DIR")).join("../app");
    let mut script = Command::new("node");
    script.arg("tests/edits/measure.js").current_dir(app).stderr(Stdio::inherit());
    if quick {
        script.arg("--quick");
    }
    let output = script.output()?;
    match output.status.success() {
        true => Ok(format!("On {machine}.\n\n{}", String::from_utf8_lossy(&output.stdout))),
        false => Err(io::Error::other(format!("the script has failed: {}", output.status))),
    }
}
