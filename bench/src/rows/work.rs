//! What a server does in the window of a measurement.

use std::{
    io,
    time::{Duration, Instant},
};

use crate::{
    plan::Plan,
    server::{Server, process},
};

/// What a server did in a stretch of time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Work {
    /// Answers or deliveries, as counted by the load.
    pub(super) units: u64,
    pub(super) cpu: Duration,
    /// How much of `cpu` was outside the kernel.
    pub(super) user_cpu: Duration,
    /// Processor time of the load itself.
    pub(super) load_cpu: Duration,
    pub(super) wall: Duration,
}

impl Work {
    pub(super) fn per_second(&self) -> f64 {
        self.units as f64 / self.wall.as_secs_f64()
    }

    pub(super) fn cpu_us_per_unit(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.units as f64
    }

    /// As [`cpu_us_per_unit`](Self::cpu_us_per_unit), without the kernel's part.
    pub(super) fn user_us_per_unit(&self) -> f64 {
        self.user_cpu.as_secs_f64() * 1e6 / self.units as f64
    }

    /// Returns how much of one core the server used, in percent.
    pub(super) fn busy_percent(&self) -> f64 {
        self.cpu.as_secs_f64() * 100.0 / self.wall.as_secs_f64()
    }

    /// Returns how much of one core the load used, in percent: near 100, it is the load that
    /// limits the rate.
    pub(super) fn load_busy_percent(&self) -> f64 {
        self.load_cpu.as_secs_f64() * 100.0 / self.wall.as_secs_f64()
    }
}

/// Lets the load warm up, then watches the server for the plan's window.
pub(super) async fn watch(
    plan: &Plan,
    server: &Server,
    mut count: impl FnMut() -> io::Result<u64>,
) -> io::Result<Work> {
    tokio::time::sleep(plan.warm_up).await;
    let own = std::process::id();
    let start = Instant::now();
    let (units, cpu, load_cpu) = (count()?, server.cpu_time_by_mode()?, process::cpu_time(own)?);
    tokio::time::sleep(plan.window).await;
    let units = count()? - units;
    let cpu_now = server.cpu_time_by_mode()?;
    let work = Work {
        units,
        cpu: cpu_now.total() - cpu.total(),
        user_cpu: cpu_now.user - cpu.user,
        load_cpu: process::cpu_time(own)? - load_cpu,
        wall: start.elapsed(),
    };
    match work.units {
        0 => Err(io::Error::other(format!("the {} server did nothing", server.side.name()))),
        _ => Ok(work),
    }
}
