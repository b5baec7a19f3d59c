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
mod upload_nginx;
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
            Row::Upload => {
                let mut lines = upload::measure(plan, cores).await?;
                lines.extend(upload_nginx::measure(plan, cores).await?);
                lines
            }
            Row::Cached => cached::measure(plan, cores).await?,
            Row::Session => session::measure(plan, cores).await?,
            Row::SessionsMemory => sessions_memory::measure(plan, cores).await?,
        });
    }
    Ok(lines)
}
