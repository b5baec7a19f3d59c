//! The machine that a run uses: what it is, and what it lets one process do.

use std::env;
use std::fs;
use std::io::{self, Read as _};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Below this port there are the well-known services of a machine.
const STABLE_PORTS_FROM: u16 = 12_000;

/// A port that is taken so many times in a row means that none is free.
const STABLE_PORT_TRIES: u32 = 1_000;

/// Where this program begins to try ports, and how many it has tried.
static FIRST_STABLE_PORT: OnceLock<u16> = OnceLock::new();
static STABLE_PORTS_TRIED: AtomicU16 = AtomicU16::new(0);

/// Returns the folder that cargo built this program into.
#[must_use]
pub fn target() -> PathBuf {
    let program = env::current_exe().unwrap_or_default();
    program.ancestors().nth(2).map(PathBuf::from).unwrap_or_default()
}

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

/// Returns a free address that stays free until its server is started, and while it is restarted:
/// the system gives such ports to no outgoing connection and to no server that asks for any port.
/// No two calls return the same address.
///
/// # Errors
///
/// Fails where all ports that were tried are taken.
pub fn stable_address() -> io::Result<SocketAddr> {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let lowest = range.split_whitespace().next().and_then(|port| port.parse().ok());
    let end = lowest.unwrap_or(32_768).max(STABLE_PORTS_FROM + 1);
    // Two programs that run at once begin somewhere else.
    let first = *FIRST_STABLE_PORT.get_or_init(|| random_u16().unwrap_or(0));
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for _ in 0..STABLE_PORT_TRIES {
        let next = first.wrapping_add(STABLE_PORTS_TRIED.fetch_add(1, Ordering::Relaxed));
        let port = STABLE_PORTS_FROM + next % (end - STABLE_PORTS_FROM);
        match TcpListener::bind(("127.0.0.1", port)) {
            Ok(listener) => return listener.local_addr(),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Returns the memory of a process that no file backs (`RssAnon`), in KiB; 0 where it has ended.
#[must_use]
pub fn memory_kib(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn random_u16() -> io::Result<u16> {
    let mut bytes = [0; 2];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(u16::from_ne_bytes(bytes))
}

fn first_word(path: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace().next().unwrap_or("?").to_owned()
}
