//! What is known of the process itself. The names are those that all libraries of Prometheus use.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::metrics::{
    family::Kind,
    registry::{Desc, Metrics},
};

const BUILD: Desc =
    Desc { name: "kipo_build_info", help: "The version of Kipo. Its number is always 1." };
const STARTED: Desc = Desc {
    name: "process_start_time_seconds",
    help: "When the process began to count, in seconds since 1970.",
};

/// Registers the version of Kipo, and what the system knows of the process.
pub(crate) fn register(metrics: &Metrics) {
    metrics.read(BUILD, Kind::Gauge, &[("version", env!("CARGO_PKG_VERSION"))], || 1.0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    metrics.read(STARTED, Kind::Gauge, &[], move || now);
    #[cfg(target_os = "linux")]
    linux::register(metrics);
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;

    use rustix::process::{Resource, getrlimit};

    use crate::metrics::{
        family::Kind,
        registry::{Desc, Metrics},
    };

    const MEMORY: Desc = Desc {
        name: "process_resident_memory_bytes",
        help: "Memory of the process that is in RAM.",
    };
    const CPU: Desc = Desc {
        name: "process_cpu_seconds_total",
        help: "Time that the process has used processors, of itself and of the system.",
    };
    const OPEN_FILES: Desc =
        Desc { name: "process_open_fds", help: "Open files and sockets of the process." };
    const OPEN_FILES_MAX: Desc =
        Desc { name: "process_max_fds", help: "How many files and sockets the process may open." };

    /// How many ticks are a second in `/proc`: the same on all systems that Rust supports.
    const TICKS_PER_SECOND: f64 = 100.0;

    pub(super) fn register(metrics: &Metrics) {
        metrics.read(MEMORY, Kind::Gauge, &[], || memory().unwrap_or_default());
        metrics.read(CPU, Kind::Counter, &[], || cpu().unwrap_or_default());
        metrics.read(OPEN_FILES, Kind::Gauge, &[], open_files);
        let max = || getrlimit(Resource::Nofile).current.map_or(f64::INFINITY, |max| max as f64);
        metrics.read(OPEN_FILES_MAX, Kind::Gauge, &[], max);
    }

    fn memory() -> Option<f64> {
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kib: f64 = line.split_whitespace().next()?.parse().ok()?;
        Some(kib * 1024.0)
    }

    fn cpu() -> Option<f64> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        // The name of the program, in parentheses, may hold spaces. The fields after it are the third
        // and so on; the times are the 14th and the 15th (proc_pid_stat(5)).
        let (_, fields) = stat.rsplit_once(") ")?;
        let times: Vec<f64> =
            fields.split(' ').skip(11).take(2).filter_map(|field| field.parse().ok()).collect();
        (times.len() == 2).then(|| times.iter().sum::<f64>() / TICKS_PER_SECOND)
    }

    fn open_files() -> f64 {
        // Since Linux 6.2 the size of the folder is their number, which costs less than to list it.
        let counted = fs::metadata("/proc/self/fd").map_or(0, |folder| folder.len());
        if counted > 0 {
            return counted as f64;
        }
        fs::read_dir("/proc/self/fd").map_or(0.0, |entries| entries.count() as f64)
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn the_system_knows_the_process() {
            let bytes = memory().unwrap();
            assert!((1e6..1e12).contains(&bytes), "{bytes}");
            let began = std::time::Instant::now();
            while cpu().unwrap() < 0.02 {
                assert!(began.elapsed().as_secs() < 60, "no time has passed");
            }
            let before = open_files();
            let _file = fs::File::open("/proc/self/stat").unwrap();
            assert!((3.0..100_000.0).contains(&before), "{before}");
        }
    }
}
