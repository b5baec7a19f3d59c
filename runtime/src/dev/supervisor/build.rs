//! One run of `cargo build`: the binary, or the errors.

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

/// How much of cargo's standard error is read into memory, in bytes.
const STDERR_BYTES_MAX: u64 = 64 * 1024;

/// A running build. Dropping it stops it, with the compilers that it started.
#[derive(Debug)]
pub(super) struct Build {
    group: Option<Pid>,
}

/// The result of a build.
#[derive(Debug)]
pub(super) struct Built {
    /// The path of the binary; `None` if the build failed.
    pub(super) binary: Option<PathBuf>,
    /// The diagnostics of the compiler, errors first.
    pub(super) reports: Vec<Report>,
    pub(super) elapsed: Duration,
}

impl Build {
    /// Starts a build. Calls `on_done` with its result, unless the build is stopped before.
    pub(super) fn start(cargo: &Cargo, on_done: impl FnOnce(Built) + Send + 'static) -> Self {
        let began = Instant::now();
        let binary = cargo.binary().to_owned();
        let mut command = cargo.build();
        // In a group of its own the build is stopped as a whole, and not by Ctrl-C.
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => {
                let message = format!("cargo cannot be started: {error}");
                let reports = vec![Report::new(Kind::Compile, message)];
                on_done(Built { binary: None, reports, elapsed: began.elapsed() });
                return Self { group: None };
            }
        };
        let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        tokio::spawn(async move {
            let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
            let read_messages = async {
                let mut messages = Messages::default();
                let Some(stdout) = stdout else { return messages };
                let mut lines = BufReader::new(stdout).lines();
                while let Ok(Some(line)) = lines.next_line().await {
                    messages.add_line(&line, &binary);
                }
                messages
            };
            let read_stderr = async {
                let mut text = Vec::new();
                if let Some(mut stderr) = stderr {
                    let _ = (&mut stderr).take(STDERR_BYTES_MAX).read_to_end(&mut text).await;
                    // The rest is read and dropped: a full pipe would block the build.
                    let _ = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
                }
                String::from_utf8_lossy(&text).into_owned()
            };
            let (messages, stderr) = tokio::join!(read_messages, read_stderr);
            let Ok(status) = child.wait().await else { return };
            // A build without an exit code was stopped by a signal: a newer one runs.
            if status.code().is_some() {
                on_done(messages.finish(status.success(), &stderr, began.elapsed()));
            }
        });
        Self { group }
    }
}

impl Drop for Build {
    fn drop(&mut self) {
        if let Some(group) = self.group {
            // This fails if cargo has already exited.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// The messages that cargo prints to standard output.
#[derive(Debug, Default)]
struct Messages {
    binary: Option<PathBuf>,
    errors: Vec<Report>,
    warnings: Vec<Report>,
}

/// The kinds of lines that matter here.
#[derive(Deserialize)]
#[serde(tag = "reason")]
enum Message {
    #[serde(rename = "compiler-message")]
    Diagnostic { message: Diagnostic },
    #[serde(rename = "compiler-artifact")]
    Artifact { target: Target, executable: Option<PathBuf> },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

/// A diagnostic of the compiler: <https://doc.rust-lang.org/rustc/json.html>
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
    fn add_line(&mut self, line: &str, binary: &str) {
        match serde_json::from_str(line) {
            Ok(Message::Diagnostic { message }) => self.add_diagnostic(message),
            Ok(Message::Artifact { target, executable: Some(executable) })
                if target.name == binary =>
            {
                self.binary = Some(executable);
            }
            // Build scripts can print other lines.
            Ok(_) | Err(_) => {}
        }
    }

    fn add_diagnostic(&mut self, diagnostic: Diagnostic) {
        let Diagnostic { level, message, rendered, spans } = diagnostic;
        let warning = level == "warning";
        // Such as "aborting due to 2 previous errors".
        let is_summary = spans.is_empty()
            && (message.starts_with("aborting due to") || message.ends_with("emitted"));
        if is_summary || !(warning || level.starts_with("error")) {
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
        // A package that is built twice, for example for a build script too, reports twice.
        if !reports.contains(&report) {
            reports.push(report);
        }
    }

    fn finish(self, success: bool, stderr: &str, elapsed: Duration) -> Built {
        let Self { binary, mut errors, warnings } = self;
        if !success && errors.is_empty() {
            // An error of cargo itself, for example in a manifest.
            let from = stderr.find("error").unwrap_or_default();
            let text = stderr[from..].trim();
            let first = text.lines().next().unwrap_or("the build failed");
            let first = first.trim_start_matches("error: ");
            errors.push(Report { rendered: text.to_owned(), ..Report::new(Kind::Compile, first) });
        }
        let binary = binary.filter(|_| success);
        Built { binary, reports: errors.into_iter().chain(warnings).collect(), elapsed }
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
    fn errors_come_first_and_summaries_are_left_out() {
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
            messages.add_line(&line, "app");
        }
        let built = messages.finish(false, "error: could not compile", Duration::ZERO);
        let reported: Vec<_> =
            built.reports.iter().map(|r| (r.message.as_str(), r.warning)).collect();
        assert_eq!(reported, [("mismatched types", false), ("oh", false), ("unused", true)]);
        assert_eq!(built.reports[0].line, Some(3));
        assert!(built.binary.is_none());
    }

    #[test]
    fn an_error_of_cargo_itself_is_reported() {
        let stderr = "    Updating x\nerror: failed to parse manifest\n\nCaused by:\n  x\n";
        let built = Messages::default().finish(false, stderr, Duration::ZERO);
        assert_eq!(built.reports[0].message, "failed to parse manifest");
        assert!(built.reports[0].rendered.ends_with("Caused by:\n  x"));
    }

    #[test]
    fn the_binary_is_the_one_of_the_app() {
        let artifact = |name: &str| {
            serde_json::json!({
                "reason": "compiler-artifact", "target": { "name": name },
                "executable": format!("/t/{name}"),
            })
            .to_string()
        };
        let mut messages = Messages::default();
        messages.add_line(&artifact("build-script-build"), "app");
        messages.add_line(&artifact("app"), "app");
        messages.add_line("{\"reason\":\"build-finished\",\"success\":true}", "app");
        let built = messages.finish(true, "", Duration::ZERO);
        assert_eq!(built.binary, Some("/t/app".into()));
    }
}
