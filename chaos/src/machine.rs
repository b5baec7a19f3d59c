//! What the machine lets one process do.

use std::{io, io::Write as _, net::SocketAddr};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors for everything that is not a listener.
const FILES_SPARE: u64 = 500;

/// Raises the number of files that may be open to what this user may have, for this process and
/// the servers it starts. Returns how many listeners that allows.
pub(crate) fn raise_open_files() -> usize {
    let limit = getrlimit(Resource::Nofile);
    // Where it is refused the limit stays as it is, and is what is told.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from(files.saturating_sub(FILES_SPARE)).unwrap_or(usize::MAX)
}

/// Returns an address of this machine that was free a moment ago.
pub(crate) fn free_address() -> io::Result<SocketAddr> {
    std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()
}

/// Says something to whoever runs this.
pub(crate) fn say(text: impl AsRef<str>) {
    // If nobody reads it that is fine.
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{}", text.as_ref()).and_then(|()| out.flush());
}
