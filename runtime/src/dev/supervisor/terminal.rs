//! What the supervisor prints to the terminal: one line for each change, and the errors.

use std::{
    io::{self, IsTerminal as _, Write as _},
    time::Duration,
};

use crate::dev::{outcome::counted, report::Report};

/// Prints one line. A closed standard output is no error.
pub(super) fn print_line(text: &str) {
    let clear = if io::stdout().is_terminal() { "\r\x1b[2K" } else { "" };
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{clear}{text}").and_then(|()| out.flush());
}

/// Prints a text that the next line replaces; only to a terminal.
pub(super) fn print_progress(text: &str) {
    let mut out = io::stdout().lock();
    if out.is_terminal() {
        let _ = write!(out, "\r\x1b[2K{text}").and_then(|()| out.flush());
    }
}

/// Prints reports to standard error. If there are errors, it prints only the number of warnings.
pub(super) fn print_reports(reports: &[Report]) {
    let coloured = io::stderr().is_terminal();
    let (warnings, errors): (Vec<_>, Vec<_>) = reports.iter().partition(|report| report.warning);
    let printed = if errors.is_empty() { &warnings } else { &errors };
    let mut err = io::stderr().lock();
    for report in printed {
        let text = if coloured { report.to_string() } else { report.plain() };
        let _ = writeln!(err, "{text}\n");
    }
    if !errors.is_empty() && !warnings.is_empty() {
        let _ = writeln!(err, "and {}\n", counted(warnings.len(), "warning"));
    }
}

/// Returns a duration as text: `4 ms`, `1.2 s`.
pub(super) fn duration(duration: Duration) -> String {
    match duration.as_millis() {
        ms @ 0..1000 => format!("{ms} ms"),
        _ => format!("{:.1} s", duration.as_secs_f64()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_short() {
        assert_eq!(duration(Duration::from_micros(4200)), "4 ms");
        assert_eq!(duration(Duration::from_millis(1240)), "1.2 s");
    }
}
