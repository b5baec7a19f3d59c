//! The machine underneath: which cores this process may use, and what to print about them.
//!
//! Pinning and limits go through `taskset` and `prlimit` of util-linux, because the system calls
//! behind them need `unsafe` in Rust.

use std::fmt;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Where server and load run.
#[derive(Clone, Copy, Debug)]
pub enum Cores {
    /// Each on a core of its own.
    Apart {
        /// The core of the server.
        server: usize,
        /// The core of the load.
        load: usize,
    },
    /// Wherever the system puts them.
    Loose {
        /// Why they are not pinned.
        reason: &'static str,
    },
}

impl Cores {
    /// Returns the command that starts `program` where servers run.
    pub fn command_for_server(self, program: &Path) -> Command {
        let Self::Apart { server, .. } = self else {
            return Command::new(program);
        };
        // `taskset` becomes the program, so the child's id is the server's.
        let mut command = Command::new("taskset");
        command.arg("--cpu-list").arg(server.to_string()).arg(program);
        command
    }
}

impl fmt::Display for Cores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Apart { server, load } => {
                write!(f, "server pinned to core {server}, load to core {load}")
            }
            Self::Loose { reason } => write!(f, "**not pinned to cores: {reason}**"),
        }
    }
}

/// Moves this process to a core of its own and says which one is left to servers.
pub fn claim() -> Cores {
    let allowed = status_of_self("Cpus_allowed_list:").map(|list| parse_list(&list));
    let [server, load, ..] = allowed.unwrap_or_default()[..] else {
        return Cores::Loose { reason: "there is only one" };
    };
    let taskset = Command::new("taskset")
        .args(["--pid", "--cpu-list", &load.to_string(), &std::process::id().to_string()])
        .stdout(Stdio::null())
        .status();
    match taskset {
        Ok(status) if status.success() => Cores::Apart { server, load },
        Ok(_) => Cores::Loose { reason: "`taskset` was refused" },
        Err(_) => Cores::Loose { reason: "`taskset` (util-linux) is not installed" },
    }
}

/// Lifts the soft limit on open files to the hard one, for this process and its servers.
///
/// Without `prlimit` the limit stays, and a row that needs more fails with the system's words.
pub fn raise_open_files() {
    let _ = Command::new("prlimit")
        .args(["--pid", &std::process::id().to_string(), "--nofile=unlimited:"])
        .stderr(Stdio::null())
        .status();
}

/// One line about this machine: processor, cores, kernel, compiler, how busy it already is.
pub fn describe() -> String {
    // Of the machine: this process may already be pinned to one.
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cores = processors.lines().filter(|line| line.starts_with("processor")).count();
    let processor = first_line_with("/proc/cpuinfo", "model name")
        .and_then(|line| Some(line.split_once(':')?.1.trim().to_owned()))
        .unwrap_or_else(|| "unknown processor".to_owned());
    let kernel = read_word("/proc/sys/kernel/osrelease", 0);
    let load = read_word("/proc/loadavg", 0);
    let compiler = Command::new("rustc").arg("--version").output().ok();
    let compiler = compiler
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .and_then(|text| Some(text.split_whitespace().nth(1)?.to_owned()))
        .unwrap_or_else(|| "?".to_owned());
    format!(
        "{processor}, {cores} cores, Linux {kernel}, Rust {compiler}, load average {load} at the start"
    )
}

fn status_of_self(key: &str) -> Option<String> {
    let line = first_line_with("/proc/self/status", key)?;
    Some(line[key.len()..].trim().to_owned())
}

fn first_line_with(path: &str, start: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    text.lines().find(|line| line.starts_with(start)).map(str::to_owned)
}

fn read_word(path: &str, n: usize) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace().nth(n).unwrap_or("?").to_owned()
}

/// Reads the kernel's list form: `0-2,5` is 0, 1, 2 and 5.
fn parse_list(list: &str) -> Vec<usize> {
    let ranges = list.split(',').filter_map(|part| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.trim().parse().ok()?..=last.trim().parse().ok()?)
    });
    ranges.flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(list: &str, expected: &[usize]) {
        assert_eq!(parse_list(list), expected);
    }

    #[test]
    fn lists_hold_ranges_and_single_cores() {
        check("0-2,5", &[0, 1, 2, 5]);
        check("7", &[7]);
        check("", &[]);
    }
}
