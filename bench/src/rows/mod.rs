//! The rows of the table, one file each.

mod cached;
mod calls;
mod fan_out;
mod form;
mod memory;
mod pages;
mod session;
mod sessions_memory;
mod upload;
mod work;

use std::io;

use crate::plan::{Plan, Row};
use crate::server::Cores;
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
            Row::Form => form::measure(plan, cores).await?,
            Row::Upload => upload::measure(plan, cores).await?,
            Row::Cached => cached::measure(plan, cores).await?,
            Row::Session => session::measure(plan, cores).await?,
            Row::SessionsMemory => sessions_memory::measure(plan, cores).await?,
        });
    }
    Ok(lines)
}
