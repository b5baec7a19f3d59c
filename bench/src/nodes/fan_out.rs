//! Fan-out on one node with an engine behind it, beside the same topic in memory: a listener costs
//! a position in both.

use std::io;
use std::time::Duration;

use load::console::progress;

use super::servers::Servers;
use crate::plan::Depth;
use crate::runs::fan_out::fan_out;
use crate::runs::pair::Pair;
use crate::serve::room::Order;
use crate::serve::side::Side;
use crate::server::{Cores, Server};
use crate::table::{Line, Target, number};

const PACE: Order = Order::one(50);

/// Measures and returns the lines.
pub(super) async fn measure(
    servers: &Servers,
    cores: Cores,
    depth: Depth,
) -> io::Result<Vec<Line>> {
    let (listeners, window) =
        (if depth.quick { 100 } else { 1_000 }, Duration::from_secs(depth.seconds));
    let mut pairs = Vec::new();
    for round in 1..=depth.rounds {
        progress(format!("fan-out, round {round} of {}", depth.rounds));
        let node = Server::start_node(&servers.url(), cores).await?;
        let kipo = fan_out(&node, PACE, listeners, window).await?;
        node.kill().await?;
        let server = Server::start(Side::Kipo, cores).await?;
        let other = fan_out(&server, PACE, listeners, window).await?;
        server.kill().await?;
        pairs.push(Pair { kipo, other });
    }
    let lost = pairs.iter().map(|pair| pair.kipo.lost + pair.other.lost).sum::<u64>();
    if lost > 0 {
        return Err(io::Error::other(format!("{} deliveries never came", number(lost as f64, 0))));
    }
    let count = number(listeners as f64, 0);
    let what = format!("{count} listeners on one node: its CPU per delivery, µs");
    Ok(vec![
        Line::compared(&what, 2, &pairs, |run| run.cpu_us).with_target(Target::RatioAtMost(1.1)),
        Line::compared("– p50 of publish → received, µs", 0, &pairs, |run| run.p50_us),
        Line::compared("– p99", 0, &pairs, |run| run.p99_us),
    ])
}
