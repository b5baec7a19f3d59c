//! The rows of the table, one file each.

mod calls;
mod fan_out;
mod memory;
mod pages;

use std::io;
use std::time::{Duration, Instant};

use crate::cores::Cores;
use crate::plan::{Plan, Row};
use crate::process;
use crate::server::Server;
use crate::table::Line;

/// Measures the rows of a plan, one after the other.
pub(crate) async fn run(plan: &Plan, cores: Cores) -> io::Result<Vec<Line>> {
    let mut lines = Vec::new();
    for row in &plan.rows {
        lines.extend(match row {
            Row::Calls => calls::measure(plan, cores).await?,
            Row::Pages => pages::measure(plan, cores).await?,
            Row::FanOut => fan_out::measure(plan, cores).await?,
            Row::Memory => memory::measure(plan, cores).await?,
        });
    }
    Ok(lines)
}

/// What a server did in a stretch of time.
#[derive(Clone, Copy, Debug)]
struct Work {
    /// Answers or deliveries, as counted by the load.
    units: u64,
    cpu: Duration,
    /// Processor time of the load itself.
    load_cpu: Duration,
    wall: Duration,
}

impl Work {
    fn per_second(&self) -> f64 {
        self.units as f64 / self.wall.as_secs_f64()
    }

    fn cpu_us_per_unit(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.units as f64
    }

    /// Returns how much of one core the server used, in percent.
    fn busy_percent(&self) -> f64 {
        self.cpu.as_secs_f64() * 100.0 / self.wall.as_secs_f64()
    }

    /// Returns how much of one core the load used, in percent: near 100, it is the load that
    /// limits the rate.
    fn load_busy_percent(&self) -> f64 {
        self.load_cpu.as_secs_f64() * 100.0 / self.wall.as_secs_f64()
    }
}

/// Lets the load warm up, then watches the server for the plan's window.
async fn watch(
    plan: &Plan,
    server: &Server,
    mut count: impl FnMut() -> io::Result<u64>,
) -> io::Result<Work> {
    tokio::time::sleep(plan.warm_up).await;
    let own = std::process::id();
    let start = Instant::now();
    let (units, cpu, load_cpu) = (count()?, server.cpu_time()?, process::cpu_time(own)?);
    tokio::time::sleep(plan.window).await;
    let work = Work {
        units: count()? - units,
        cpu: server.cpu_time()? - cpu,
        load_cpu: process::cpu_time(own)? - load_cpu,
        wall: start.elapsed(),
    };
    match work.units {
        0 => Err(io::Error::other(format!("the {} server did nothing", server.side.name()))),
        _ => Ok(work),
    }
}
