//! What the kernel knows of a running process: its time on a core, its memory, its files.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

/// The unit of times in `/proc/<pid>/stat`: `USER_HZ`, which is 100 on every platform of Rust's.
const TICKS_PER_SECOND: u64 = 100;

/// The unit of `st_blocks`.
const BLOCK_BYTES: u64 = 512;

/// The processor time that all threads of a process used.
///
/// The kernel derives the sum from exact run times, so it is good to one tick of 10 ms however
/// short the single stretches were. It divides the sum by what each tick found running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CpuTime {
    /// In the program itself and its libraries.
    pub(crate) user: Duration,
    /// In the kernel: system calls, and what the network does in them.
    pub(crate) kernel: Duration,
}

impl CpuTime {
    pub(crate) fn total(self) -> Duration {
        self.user + self.kernel
    }
}

/// Returns the processor time of a process, by mode.
pub(crate) fn cpu_time_by_mode(id: u32) -> io::Result<CpuTime> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat"))?;
    parse_cpu_time(&stat).ok_or_else(|| io::Error::other("/proc/<pid>/stat has another form"))
}

/// Returns the processor time of a process in both modes.
pub(crate) fn cpu_time(id: u32) -> io::Result<Duration> {
    cpu_time_by_mode(id).map(CpuTime::total)
}

/// Returns the memory of a process that no file backs (`RssAnon` and `RssShmem`), in bytes: heap,
/// stacks and what nginx shares among its workers, without program text and without the kernel's
/// socket buffers.
pub(crate) fn memory(id: u32) -> io::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    parse_memory(&status)
        .ok_or_else(|| io::Error::other("/proc/<pid>/status has no RssAnon and RssShmem"))
}

/// Returns how many files and sockets a process has open.
pub(crate) fn open_files(id: u32) -> io::Result<usize> {
    Ok(fs::read_dir(format!("/proc/{id}/fd"))?.count())
}

/// Returns the bytes that the files below a folder take on disk.
pub(crate) fn disk_bytes(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() {
            disk_bytes(&entry.path())?
        } else {
            metadata.blocks() * BLOCK_BYTES
        };
    }
    Ok(bytes)
}

fn parse_cpu_time(stat: &str) -> Option<CpuTime> {
    // The second field is the program's name in brackets and may itself hold spaces and brackets.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11);
    let mut next = || {
        let ticks: u64 = fields.next()?.parse().ok()?;
        Some(Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND))
    };
    Some(CpuTime { user: next()?, kernel: next()? })
}

fn parse_memory(status: &str) -> Option<u64> {
    let kib = |name: &str| {
        let value = status.lines().find_map(|line| line.strip_prefix(name))?;
        value.trim().strip_suffix(" kB")?.parse::<u64>().ok()
    };
    Some((kib("RssAnon:")? + kib("RssShmem:")?) * 1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_spaces_does_not_shift_the_fields() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 1 0 9 1 1";
        let time = parse_cpu_time(stat).unwrap();
        assert_eq!(
            (time.user, time.kernel),
            (Duration::from_millis(2_500), Duration::from_millis(500))
        );
        assert_eq!(time.total(), Duration::from_secs(3));
    }

    #[test]
    fn memory_is_without_files_and_in_bytes() {
        let status = "VmRSS:\t    2148 kB\nRssAnon:\t     512 kB\nRssFile:\t    1536 kB\n\
                      RssShmem:\t     100 kB\n";
        assert_eq!(parse_memory(status), Some(612 * 1_024));
    }
}
