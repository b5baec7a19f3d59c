//! One line for each server: it measures them in turns at each value of x.

use std::io;
use std::time::Duration;

use load::console::progress;

use super::chart::Line;
use crate::runs::fan_out::fan_out;
use crate::serve::room::Order;
use crate::serve::side::Side;
use crate::server::Server;
use crate::table::{median, sorted};

/// Measures each side at each value, `rounds` times in turns, and returns lines of the medians.
///
/// A value at which no run succeeds is reported and left out: the other points are still true.
pub(super) async fn lines(
    what: &str,
    sides: &[Side],
    values: &[usize],
    rounds: usize,
    measure: impl AsyncFn(Side, usize) -> io::Result<f64>,
) -> Vec<Line> {
    let mut lines: Vec<_> =
        sides.iter().map(|&side| Line { name: name(side), points: Vec::new() }).collect();
    for &value in values {
        let mut runs = vec![Vec::new(); sides.len()];
        for round in 1..=rounds {
            for (&side, runs) in sides.iter().zip(&mut runs) {
                progress(format!("{what}: {value}, {}, {round} of {rounds}", side.name()));
                match measure(side, value).await {
                    Ok(result) => runs.push(result),
                    Err(error) => progress(format!("  failed: {error}")),
                }
            }
        }
        for (line, runs) in lines.iter_mut().zip(runs) {
            if !runs.is_empty() {
                line.points.push((value as f64, median(&sorted(runs.into_iter()))));
            }
        }
    }
    lines
}

/// Runs a server, and returns what a delivery costs it, in µs of CPU. Reports deliveries that never came:
/// a cost without them is too good.
pub(super) async fn cpu_us(
    server: Server,
    order: Order,
    listeners: usize,
    window: Duration,
) -> io::Result<f64> {
    let run = fan_out(&server, order, listeners, window).await?;
    server.kill().await?;
    if run.lost > 0 {
        progress(format!("  {} deliveries never came", run.lost));
    }
    Ok(run.cpu_us)
}

/// Returns what a line is called.
pub(super) fn name(side: Side) -> &'static str {
    match side {
        Side::Kipo => "Kipo",
        Side::Axum => "axum by hand",
        Side::Floor => "one write(2) per delivery",
        Side::Nchan => "nchan",
        Side::Centrifugo => "Centrifugo",
    }
}
