//! More listeners: what a delivery costs, and what an idle listener does.

use std::io;
use std::time::Duration;

use load::console::progress;

use super::axis::Scale;
use super::chart::{Chart, Line};
use super::sides;
use crate::plan::Depth;
use crate::runs::idle::kib_per_listener;
use crate::serve::room::Order;
use crate::serve::side::Side;
use crate::server::open_files;
use crate::server::{Cores, Server};

const LISTENERS: [usize; 6] = [100, 300, 1_000, 3_000, 10_000, 30_000];

/// Where the slope of memory begins.
const FEW: usize = 20;

/// At most: above 50,000 listeners there is one message a second.
const DELIVERIES_PER_SECOND: usize = 50_000;

const SIDES: [Side; 3] = [Side::Kipo, Side::Axum, Side::Floor];

pub(super) async fn measure(
    cores: Cores,
    depth: Depth,
    machine: &str,
) -> io::Result<Vec<(&'static str, Chart)>> {
    let Depth { rounds, seconds, quick } = depth;
    let counts = open_files::possible(if quick { &[50, 100] } else { &LISTENERS });
    let window = Duration::from_secs(seconds);
    let cpu = sides::lines("listeners", &SIDES, &counts, rounds, async |side, count| {
        let per_second = (DELIVERIES_PER_SECOND / count).max(1);
        let per_second = u32::try_from(per_second).map_err(io::Error::other)?;
        let server = Server::start(side, cores).await?;
        sides::cpu_us(server, Order::one(per_second), count, window).await
    });
    let cpu = Chart {
        title: "A delivery, by the number of listeners",
        x_label: "listeners of one process (logarithmic)",
        y_label: "server CPU per delivery, µs",
        y_scale: Scale::Linear,
        lines: cpu.await,
        caption: [
            format!("50,000 deliveries a second; median of {rounds} × {seconds} s"),
            machine.to_owned(),
        ],
    };
    let memory = Chart {
        title: "Memory of an idle listener, by their number",
        x_label: "idle listeners of one process (logarithmic)",
        y_label: "user memory per listener, KiB",
        y_scale: Scale::Linear,
        lines: memory(cores, &counts).await,
        caption: [
            "RssAnon, once each listener has received ten messages".to_owned(),
            machine.to_owned(),
        ],
    };
    Ok(vec![("listeners-cpu", cpu), ("listeners-memory", memory)])
}

/// Measures memory with one server for each side: it has the same slope at each round.
async fn memory(cores: Cores, counts: &[usize]) -> Vec<Line> {
    let steps: Vec<usize> = std::iter::once(FEW).chain(counts.iter().copied()).collect();
    let mut lines = Vec::new();
    for side in SIDES {
        progress(format!("idle listeners: up to {}, {}", steps[steps.len() - 1], side.name()));
        let slopes = async {
            let server = Server::start(side, cores).await?;
            let slopes = kib_per_listener(&server, &steps).await?;
            server.kill().await?;
            Ok::<_, io::Error>(slopes)
        };
        match slopes.await {
            Ok(slopes) => {
                let counts = counts.iter().map(|&count| count as f64);
                let points = counts.zip(slopes).collect();
                lines.push(Line { name: sides::name(side), points });
            }
            Err(error) => progress(format!("  failed: {error}")),
        }
    }
    lines
}
