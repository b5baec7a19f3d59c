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
        // Only a process with `CAP_SYS_RESOURCE` may. For the others the hard limit stays.
        let raised = Rlimit { current: Some(WANTED), maximum: Some(WANTED) };
        let _ = setrlimit(Resource::Nofile, raised);
    }
    machine::raise_open_files();
}

/// Returns these counts of listeners, from few to many. Those above what the limit allows are
/// replaced by one that it does allow, and reported.
pub(crate) fn possible(counts: &[usize]) -> Vec<usize> {
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let possible = within(limit, counts);
    if let Some(wanted) = counts.last()
        && !possible.contains(wanted)
    {
        let most = possible.last().copied().unwrap_or_default();
        progress(format!("{most} listeners and not {wanted}, since {limit} files may be open"));
    }
    possible
}

fn within(limit: u64, counts: &[usize]) -> Vec<usize> {
    let most = usize::try_from(limit.saturating_sub(OTHERS)).unwrap_or(usize::MAX);
    let mut possible: Vec<_> = counts.iter().copied().filter(|count| *count <= most).collect();
    // Thousands: the number stands in a table.
    let rounded = most - most % 1_000;
    if possible.len() < counts.len() && possible.iter().all(|count| *count < rounded) {
        possible.push(rounded);
    }
    possible
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_above_the_limit_become_the_largest_that_it_allows() {
        assert_eq!(within(40_000, &[100, 10_000, 30_000]), [100, 10_000, 30_000]);
        assert_eq!(within(20_000, &[100, 10_000, 30_000]), [100, 10_000, 19_000]);
        assert_eq!(within(10_300, &[100, 10_000, 30_000]), [100, 10_000]);
        assert_eq!(within(1_024, &[100, 10_000, 30_000]), [100]);
        assert!(within(u64::MAX, &[30_000]).contains(&30_000));
    }
}
