//! Memory per idle listener, at several numbers of listeners on one process.

use std::io;

use crate::plan::Plan;
use crate::runs::idle::kib_per_listener;
use crate::runs::pair::alternate;
use crate::server::Cores;
use crate::server::open_files;
use crate::table::{Line, Target, number};

pub(super) async fn measure(plan: &Plan, cores: Cores) -> io::Result<Vec<Line>> {
    let counts = open_files::possible(plan.idle);
    let pairs =
        alternate("memory", plan, cores, async |server| kib_per_listener(server, &counts).await)
            .await?;
    let lines = counts.iter().skip(1).enumerate().map(|(index, &count)| {
        let count = number(count as f64, 0);
        let what = format!("user memory per idle listener, {count} of them, KiB");
        Line::compared(&what, 1, &pairs, |slopes| slopes[index])
            .with_target(Target::KipoAtMost(2.0))
    });
    Ok(lines.collect())
}
