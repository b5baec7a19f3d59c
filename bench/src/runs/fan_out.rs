//! One run of fan-out: a server, its listeners, and publishers that are given an order.

use std::io;
use std::time::{Duration, Instant};

use crate::clients::listeners::Listeners;
use crate::serve::room::Order;
use crate::serve::side::Endpoint;
use crate::server::Server;

/// The last listeners may subscribe a moment after their response heads have left.
const SUBSCRIBING: Duration = Duration::from_millis(500);

/// What a run gave.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    /// The server's processor time for each delivery.
    pub(crate) cpu_us: f64,
    pub(crate) per_second: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    /// Deliveries that never came.
    pub(crate) lost: u64,
    /// How often a listener was told that messages are missing.
    pub(crate) gaps: u64,
}

/// Has a server publish to so many listeners, and watches it for a while.
pub(crate) async fn fan_out(
    server: &Server,
    order: Order,
    count: usize,
    window: Duration,
) -> io::Result<Run> {
    let mut listeners = Listeners::new(server.address(), server.side.path(Endpoint::Listen));
    listeners.grow_to(count).await?;
    tokio::time::sleep(SUBSCRIBING).await;
    server.publish(&order).await?;
    tokio::time::sleep(Duration::from_millis(800)).await;
    listeners.clear_delays();
    let start = Instant::now();
    let (before, cpu) = (listeners.seen()?.received, server.cpu_time()?);
    tokio::time::sleep(window).await;
    let units = (listeners.seen()?.received - before).max(1) as f64;
    let (used, wall) = (server.cpu_time()? - cpu, start.elapsed());
    let (p50_us, p99_us) = (listeners.delay_us(0.5), listeners.delay_us(0.99));
    let expected = server.stop_publishing().await? * count as u64;
    let seen = listeners.settle(expected).await?;
    if seen.disordered > 0 {
        let name = server.side.name();
        return Err(io::Error::other(format!("messages of {name} came twice or out of order")));
    }
    Ok(Run {
        cpu_us: used.as_secs_f64() * 1e6 / units,
        per_second: units / wall.as_secs_f64(),
        p50_us,
        p99_us,
        lost: expected.saturating_sub(seen.received),
        gaps: seen.gaps,
    })
}
