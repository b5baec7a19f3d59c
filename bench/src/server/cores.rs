//! The cores that the server and the load run on.
//!
//! Processes are pinned by `taskset` of util-linux: the system call for a child that is about to
//! start needs `unsafe` in Rust.

use std::fmt;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Where server and load run.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cores {
    /// Each on a core of its own.
    Apart {
        server: usize,
        load: usize,
        /// Where a server's second worker runs: the load's core where there is no third.
        second: usize,
    },
    /// Wherever the system puts them.
    Loose { reason: &'static str },
}

impl Cores {
    /// Moves this process to a core of its own, and returns it with the one left to servers.
    pub(crate) fn claim() -> Self {
        let allowed = allowed().unwrap_or_default();
        let [server, load, ..] = allowed[..] else {
            return Self::Loose { reason: "there is only one" };
        };
        let second = allowed.get(2).copied().unwrap_or(load);
        let taskset = Command::new("taskset")
            .args(["--pid", "--cpu-list", &load.to_string(), &std::process::id().to_string()])
            .stdout(Stdio::null())
            .status();
        match taskset {
            Ok(status) if status.success() => Self::Apart { server, load, second },
            Ok(_) => Self::Loose { reason: "`taskset` was refused" },
            Err(_) => Self::Loose { reason: "`taskset` (util-linux) is not installed" },
        }
    }

    /// Returns the command that starts `program` where servers run.
    pub(crate) fn command_for_server(self, program: &Path) -> Command {
        self.command_for_workers(program, 1)
    }

    /// Returns the command that starts `program` where servers with so many workers run.
    pub(crate) fn command_for_workers(self, program: &Path, workers: usize) -> Command {
        let Self::Apart { server, second, .. } = self else {
            return Command::new(program);
        };
        let list = if workers == 1 { server.to_string() } else { format!("{server},{second}") };
        // `taskset` becomes the program, so the child's id is the server's.
        let mut command = Command::new("taskset");
        command.arg("--cpu-list").arg(list).arg(program);
        command
    }

    /// Says whether a server's second worker has a core of its own.
    pub(crate) fn second_worker(self) -> &'static str {
        match self {
            Self::Apart { load, second, .. } if second == load => {
                "the second worker shares a core with the load"
            }
            Self::Apart { .. } => "each worker has a core of its own",
            Self::Loose { .. } => "not pinned to cores",
        }
    }
}

impl fmt::Display for Cores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Apart { server, load, .. } => {
                write!(f, "server pinned to core {server}, load to core {load}")
            }
            Self::Loose { reason } => write!(f, "**not pinned to cores: {reason}**"),
        }
    }
}

/// Returns the cores that this process may use.
fn allowed() -> Option<Vec<usize>> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
    Some(parse_list(list.trim()))
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
