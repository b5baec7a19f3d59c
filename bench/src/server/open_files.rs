//! How many files a process may have open, which bounds its listeners.

use load::console::progress;
use load::machine;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Enough for 30,000 listeners.
const WANTED: u64 = 40_000;

/// Files of a process that are no listeners.
const OTHERS: u64 = 200;

/// Raises the limit on open files for this process and for the servers that it starts, above the
/// hard limit where the system lets this user do so.
pub(crate) fn raise() {
    if getrlimit(Resource::Nofile).maximum.is_some_and(|maximum| maximum < WANTED) {
        // Only a privileged process may. For the others the hard limit stays.
        let raised = Rlimit { current: Some(WANTED), maximum: Some(WANTED) };
        let _ = setrlimit(Resource::Nofile, raised);
    }
    machine::raise_open_files();
}

/// Returns the counts of listeners that the limit allows, and reports the others.
pub(crate) fn possible(counts: &[usize]) -> Vec<usize> {
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let (possible, others): (Vec<_>, Vec<_>) =
        counts.iter().partition(|count| **count as u64 + OTHERS <= limit);
    for count in others {
        progress(format!("left out: {count} listeners, since {limit} files may be open"));
    }
    possible
}
