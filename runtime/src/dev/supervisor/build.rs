//! One run of `cargo build`: what it made, or what is wrong.

use std::{
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process_group};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};

use crate::dev::{
    report::{Kind, Report},
    supervisor::cargo::Cargo,
};

/// How much of what cargo says by itself is kept, in bytes.
const SAID_MAX: u64 = 64 * 1024;

/// A build that runs. Dropping it stops it, with the compilers that it started.
#[derive(Debug)]
pub(super) struct Build {
    group: Option<Pid>,
}

/// How a build ended.
#[derive(Debug)]
pub(super) struct Built {
    /// Where the binary is; nothing if there is none.
    pub(super) binary: Option<PathBuf>,
    /// What the compiler said, errors first.
    pub(super) reports: Vec<Report>,
    pub(super) took: Duration,
}

impl Build {
    /// Begins a build; `done` is called with its end, unless it is stopped before.
    pub(super) fn start(cargo: &Cargo, done: impl FnOnce(Built) + Send + 'static) -> Self {
        let began = Instant::now();
        let binary = cargo.binary().to_owned();
        let mut command = cargo.build();
        // A group of its own: to be stopped as a whole, and not by the terminal.
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => {
                let message = format!("cargo cannot be started: {error}");
                let reports = vec![Report::new(Kind::Compile, message)];
                done(Built { binary: None, reports, took: began.elapsed() });
                return Self { group: None };
            }
        };
        let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        tokio::spawn(async move {
            let (out, said) = (child.stdout.take(), child.stderr.take());
            let read = async {
                let mut messages = Messages::default();
                let Some(out) = out else { return messages };
                let mut lines = BufReader::new(out).lines();
                while let Ok(Some(line)) = lines.next_line().await {
                    messages.take(&line, &binary);
                }
                messages
            };
            let hear = async {
                let mut text = Vec::new();
                if let Some(mut said) = said {
                    let _ = (&mut said).take(SAID_MAX).read_to_end(&mut text).await;
                    // What is beyond is not kept, but a full pipe would stop the build.
                    let _ = tokio::io::copy(&mut said, &mut tokio::io::sink()).await;
                }
                String::from_utf8_lossy(&text).into_owned()
            };
            let (messages, said) = tokio::join!(read, hear);
            let Ok(status) = child.wait().await else { return };
            // Ended by a signal: it was stopped, and another one runs.
            if status.code().is_some() {
                done(messages.end(status.success(), &said, began.elapsed()));
            }
        });
        Self { group }
    }
}

impl Drop for Build {
    fn drop(&mut self) {
        if let Some(group) = self.group {
            // It may have ended by itself.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

#[derive(Debug, Default)]
struct Messages {
    binary: Option<PathBuf>,
    errors: Vec<Report>,
    warnings: Vec<Report>,
}

/// A line that cargo prints, as far as it is asked for.
#[derive(Deserialize)]
#[serde(tag = "reason")]
enum Message {
    #[serde(rename = "compiler-message")]
    Said { message: Diagnostic },
    #[serde(rename = "compiler-artifact")]
    Made { target: Target, executable: Option<PathBuf> },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

/// <https://doc.rust-lang.org/rustc/json.html>
#[derive(Deserialize)]
struct Diagnostic {
    level: String,
    message: String,
    rendered: Option<String>,
    spans: Vec<Span>,
}

#[derive(Deserialize)]
struct Span {
    file_name: String,
    line_start: usize,
    column_start: usize,
    is_primary: bool,
}

impl Messages {
    fn take(&mut self, line: &str, binary: &str) {
        match serde_json::from_str(line) {
            Ok(Message::Said { message }) => self.diagnostic(message),
            Ok(Message::Made { target, executable: Some(executable) }) if target.name == binary => {
                self.binary = Some(executable);
            }
            // What a build script prints goes the same way.
            Ok(_) | Err(_) => {}
        }
    }

    fn diagnostic(&mut self, diagnostic: Diagnostic) {
        let Diagnostic { level, message, rendered, spans } = diagnostic;
        let warning = level == "warning";
        // Sums such as "aborting due to 2 previous errors".
        let is_sum = spans.is_empty()
            && (message.starts_with("aborting due to") || message.ends_with("emitted"));
        if is_sum || !(warning || level.starts_with("error")) {
            return;
        }
        let span = spans.iter().find(|span| span.is_primary).or(spans.first());
        let report = Report {
            file: span.map(|span| span.file_name.clone()),
            line: span.map(|span| span.line_start),
            column: span.map(|span| span.column_start),
            rendered: rendered.unwrap_or_default(),
            warning,
            ..Report::new(Kind::Compile, message)
        };
        let reports = if warning { &mut self.warnings } else { &mut self.errors };
        // A package that is built twice, for a build script say, tells everything twice.
        if !reports.contains(&report) {
            reports.push(report);
        }
    }

    fn end(self, success: bool, said: &str, took: Duration) -> Built {
        let Self { binary, mut errors, warnings } = self;
        if !success && errors.is_empty() {
            // Cargo's own complaint, about a manifest say.
            let from = said.find("error").unwrap_or_default();
            let text = said[from..].trim();
            let first = text.lines().next().unwrap_or("the build failed");
            let first = first.trim_start_matches("error: ");
            errors.push(Report { rendered: text.to_owned(), ..Report::new(Kind::Compile, first) });
        }
        let binary = binary.filter(|_| success);
        Built { binary, reports: errors.into_iter().chain(warnings).collect(), took }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(level: &str, text: &str, line: Option<usize>) -> String {
        let spans = line.map(|line| {
            serde_json::json!({
                "file_name": "app/actions/a.rs", "line_start": line, "column_start": 5,
                "is_primary": true,
            })
        });
        serde_json::json!({
            "reason": "compiler-message",
            "message": {
                "level": level, "message": text, "rendered": format!("{level}: {text}\n"),
                "spans": spans.into_iter().collect::<Vec<_>>(),
            },
        })
        .to_string()
    }

    #[test]
    fn errors_come_first_and_sums_are_left_out() {
        let mut messages = Messages::default();
        for line in [
            message("warning", "unused", Some(1)),
            message("error", "mismatched types", Some(3)),
            message("error", "mismatched types", Some(3)),
            message("error: internal compiler error", "oh", None),
            message("error", "aborting due to 2 previous errors", None),
            message("warning", "1 warning emitted", None),
            message("failure-note", "Some errors have detailed explanations", None),
            "not JSON".to_owned(),
        ] {
            messages.take(&line, "app");
        }
        let built = messages.end(false, "error: could not compile", Duration::ZERO);
        let told: Vec<_> = built.reports.iter().map(|r| (r.message.as_str(), r.warning)).collect();
        assert_eq!(told, [("mismatched types", false), ("oh", false), ("unused", true)]);
        assert_eq!(built.reports[0].line, Some(3));
        assert!(built.binary.is_none());
    }

    #[test]
    fn what_cargo_itself_says_is_an_error_too() {
        let said = "    Updating x\nerror: failed to parse manifest\n\nCaused by:\n  x\n";
        let built = Messages::default().end(false, said, Duration::ZERO);
        assert_eq!(built.reports[0].message, "failed to parse manifest");
        assert!(built.reports[0].rendered.ends_with("Caused by:\n  x"));
    }

    #[test]
    fn the_binary_is_the_one_that_was_asked_for() {
        let artifact = |name: &str| {
            serde_json::json!({
                "reason": "compiler-artifact", "target": { "name": name },
                "executable": format!("/t/{name}"),
            })
            .to_string()
        };
        let mut messages = Messages::default();
        messages.take(&artifact("build-script-build"), "app");
        messages.take(&artifact("app"), "app");
        messages.take("{\"reason\":\"build-finished\",\"success\":true}", "app");
        let built = messages.end(true, "", Duration::ZERO);
        assert_eq!(built.binary, Some("/t/app".into()));
    }
}
