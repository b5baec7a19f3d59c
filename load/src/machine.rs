//! The machine that a run uses: what it is, and what it lets one process do.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::process::Command;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Returns one line about this machine: processor, cores, kernel, compiler, load average.
#[must_use]
pub fn describe() -> String {
    // All cores of the machine: this process may be pinned to one.
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cores = processors.lines().filter(|line| line.starts_with("processor")).count();
    let model = processors.lines().find(|line| line.starts_with("model name"));
    let processor =
        model.and_then(|line| Some(line.split_once(':')?.1.trim())).unwrap_or("unknown processor");
    let kernel = first_word("/proc/sys/kernel/osrelease");
    let load = first_word("/proc/loadavg");
    let compiler = Command::new("rustc").arg("--version").output().ok();
    let compiler = compiler
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .and_then(|text| Some(text.split_whitespace().nth(1)?.to_owned()))
        .unwrap_or_else(|| "?".to_owned());
    format!(
        "{processor}, {cores} cores, Linux {kernel}, Rust {compiler}, load average {load} at the start"
    )
}

/// Raises the soft limit on open files to the hard one, for this process and for the servers that
/// it starts. Returns the limit that holds then.
pub fn raise_open_files() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    // Where the system refuses it, the limit stays and is returned as it is.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// Returns an address of this machine that was free a moment ago.
///
/// # Errors
///
/// Fails where no port is free.
pub fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind(("127.0.0.1", 0))?.local_addr()
}

fn first_word(path: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace().next().unwrap_or("?").to_owned()
}
