//! Lines for the person who runs the program.

use std::io::{self, Write as _};

/// Writes a line of the report to standard output.
pub fn print(line: impl AsRef<str>) {
    // A closed output is no reason to stop the run.
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{}", line.as_ref()).and_then(|()| out.flush());
}

/// Writes a line about the progress of the work to standard error.
pub fn progress(line: impl AsRef<str>) {
    // A closed output is no reason to stop the run.
    let _ = writeln!(io::stderr().lock(), "{}", line.as_ref());
}
