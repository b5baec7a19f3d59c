//! How long `app` takes to compile: all of it, and after one line of an action changed.
//!
//! Works on a copy of the repository with a target folder of its own, so that nothing is compiled
//! before and nothing is left behind.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::table::{median, sorted};
use load::console::progress;
use load::machine;

/// The action whose body gets one more line.
const ACTION: &str = "app/actions/chat/send.rs";

/// The line of that file after which it goes.
const BODY_STARTS: &str = "async fn call(";

/// What is not part of the sources.
const NOT_COPIED: [&str; 3] = [".git", "node_modules", "target"];

const REBUILDS: u32 = 5;

/// Measures and returns the table.
pub(crate) fn measure() -> io::Result<String> {
    let machine = machine::describe();
    let scratch = Scratch::new()?;
    progress("fetching what is missing");
    // Downloads depend on the network, which is not what is measured.
    scratch.cargo(&["fetch", "--locked"])?;

    progress("a cold debug build");
    let start = Instant::now();
    let output = scratch.cargo(&["build", "--locked", "-p", "app", "-j", "2"])?;
    let cold = start.elapsed();
    let crates = compiled(&output);

    let mut rebuilds = Vec::new();
    for round in 1..=REBUILDS {
        progress(format!("rebuild {round} of {REBUILDS}"));
        rebuilds.push(scratch.rebuild(round)?.as_secs_f64());
    }
    let rebuilds = sorted(rebuilds.into_iter());

    Ok(format!(
        "`cargo build -p app -j 2` on {machine}.\n\n\
         | debug build of `app` | |\n\
         |---|--:|\n\
         | cold, sources already downloaded, s | {cold:.1} |\n\
         | crates compiled | {crates} |\n\
         | after one line of an action changed, median of {REBUILDS}, s | {rebuild:.2} |\n",
        cold = cold.as_secs_f64(),
        rebuild = median(&rebuilds),
    ))
}

/// A copy of the repository in a folder for temporary files; dropping it removes it.
struct Scratch {
    folder: PathBuf,
}

impl Scratch {
    fn new() -> io::Result<Self> {
        let name = format!("kipo-bench-build-{}", std::process::id());
        let scratch = Self { folder: std::env::temp_dir().join(name) };
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        copy_folder(&repository, &scratch.folder)?;
        Ok(scratch)
    }

    /// Changes one line of the action and builds again.
    fn rebuild(&self, round: u32) -> io::Result<Duration> {
        let path = self.folder.join(ACTION);
        let source = fs::read_to_string(&path)?;
        let changed = with_line_in_body(&source, &format!("std::hint::black_box({round});"));
        let changed = changed.ok_or_else(|| {
            io::Error::other(format!("{ACTION} has no line with `{BODY_STARTS}`"))
        })?;
        fs::write(&path, changed)?;
        let start = Instant::now();
        let output = self.cargo(&["build", "--locked", "-p", "app", "-j", "2"])?;
        let elapsed = start.elapsed();
        match compiled(&output) {
            0 => Err(io::Error::other("the change was not noticed")),
            _ => Ok(elapsed),
        }
    }

    /// Runs cargo on the copy as if from a fresh shell.
    fn cargo(&self, arguments: &[&str]) -> io::Result<Output> {
        let mut command = Command::new("cargo");
        for (name, _) in std::env::vars_os().filter(|(name, _)| set_by_cargo(name)) {
            command.env_remove(name);
        }
        let output = command
            .args(arguments)
            .current_dir(&self.folder)
            .env("CARGO_TARGET_DIR", self.folder.join("target"))
            .env("CARGO_TERM_COLOR", "never")
            .stdin(Stdio::null())
            .output()?;
        if output.status.success() {
            Ok(output)
        } else {
            let text = String::from_utf8_lossy(&output.stderr);
            Err(io::Error::other(format!("cargo {}:\n{text}", arguments.join(" "))))
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Where it cannot be removed, the system's own cleaning of temporary files will.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if NOT_COPIED.iter().any(|skipped| name == *skipped) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &to.join(name))?;
        } else {
            fs::copy(entry.path(), to.join(name))?;
        }
    }
    Ok(())
}

/// Whether `cargo run` set this variable for this process; with it, build scripts run again.
fn set_by_cargo(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|start| name.starts_with(start))
        || ["CARGO", "CARGO_CRATE_NAME", "CARGO_BIN_NAME", "LD_LIBRARY_PATH"].contains(&&*name)
}

/// Returns how many packages cargo says it compiled.
fn compiled(output: &Output) -> usize {
    let text = String::from_utf8_lossy(&output.stderr);
    text.lines().filter(|line| line.trim_start().starts_with("Compiling ")).count()
}

/// Adds a line to the start of the action's body.
fn with_line_in_body(source: &str, line: &str) -> Option<String> {
    let body = source.find(BODY_STARTS)?;
    let brace = body + source[body..].find("{\n")? + 2;
    let (before, after) = source.split_at(brace);
    Some(format!("{before}        {line}\n{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_goes_into_the_body() {
        let source = "impl A {\n    async fn call(self) -> R {\n        ok()\n    }\n}\n";
        let expected =
            "impl A {\n    async fn call(self) -> R {\n        x;\n        ok()\n    }\n}\n";
        assert_eq!(with_line_in_body(source, "x;").as_deref(), Some(expected));
        assert_eq!(with_line_in_body("fn other() {\n}\n", "x;"), None);
    }
}
