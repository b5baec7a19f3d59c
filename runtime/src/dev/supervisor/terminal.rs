//! What the person at the terminal reads: one line for each change.

use std::{
    io::{self, IsTerminal as _, Write as _},
    time::Duration,
};

use crate::dev::report::Report;

/// Says something; if nobody listens that is fine.
pub(super) fn say(text: &str) {
    let clear = if io::stdout().is_terminal() { "\r\x1b[2K" } else { "" };
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{clear}{text}").and_then(|()| out.flush());
}

/// Says what goes on, until the next word; only to a person.
pub(super) fn mutter(text: &str) {
    let mut out = io::stdout().lock();
    if out.is_terminal() {
        let _ = write!(out, "\r\x1b[2K{text}").and_then(|()| out.flush());
    }
}

/// Tells everything that is wrong, the first first. Where there are errors, warnings are only
/// counted.
pub(super) fn tell(reports: &[Report]) {
    let coloured = io::stderr().is_terminal();
    let (warnings, errors): (Vec<_>, Vec<_>) = reports.iter().partition(|report| report.warning);
    let told = if errors.is_empty() { &warnings } else { &errors };
    let mut err = io::stderr().lock();
    for report in told {
        let text = if coloured { report.to_string() } else { report.plain() };
        let _ = writeln!(err, "{text}\n");
    }
    if !errors.is_empty() && !warnings.is_empty() {
        let _ = writeln!(err, "and {} warnings\n", warnings.len());
    }
}

/// Returns a time as people say it.
pub(super) fn time(time: Duration) -> String {
    match time.as_millis() {
        ms @ 0..1000 => format!("{ms} ms"),
        _ => format!("{:.1} s", time.as_secs_f64()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_short() {
        assert_eq!(time(Duration::from_micros(4200)), "4 ms");
        assert_eq!(time(Duration::from_millis(1240)), "1.2 s");
    }
}
