//! More worker threads: what a delivery costs, and how much one process sends.

use std::io;
use std::time::{Duration, Instant};

use super::axis::Scale;
use super::chart::Chart;
use super::sides;
use crate::clients::drains::Drains;
use crate::plan::Depth;
use crate::serve::room::Order;
use crate::serve::side::{Endpoint, Side};
use crate::server::{Cores, Server};

const WORKERS: [usize; 2] = [1, 2];

const SIDES: [Side; 2] = [Side::Kipo, Side::Axum];

/// 50 messages a second to 1,000 listeners.
const PACED: Order = Order::one(50);

const UNPACED: Order = Order { publishers: 4, ..Order::one(0) };

/// Publishers and listeners find their pace within this.
const WARM_UP: Duration = Duration::from_secs(1);

pub(super) async fn measure(
    cores: Cores,
    depth: Depth,
    machine: &str,
) -> io::Result<Vec<(&'static str, Chart)>> {
    let Depth { rounds, seconds, quick } = depth;
    let listeners = if quick { 100 } else { 1_000 };
    let window = Duration::from_secs(seconds);
    let cpu = sides::lines("workers, paced", &SIDES, &WORKERS, rounds, async |side, workers| {
        let server = Server::start_with_workers(side, workers, cores).await?;
        sides::cpu_us(server, PACED, listeners, window).await
    });
    let cpu = cpu.await;
    let sent = sides::lines("workers, unpaced", &SIDES, &WORKERS, rounds, async |side, workers| {
        let server = Server::start_with_workers(side, workers, cores).await?;
        let rate = bytes_per_second(&server, listeners, window).await?;
        server.kill().await?;
        Ok(rate / 1e6)
    });
    let second = cores.second_worker();
    let cpu = Chart {
        title: "A delivery, by the number of worker threads",
        x_label: "worker threads (logarithmic)",
        y_label: "server CPU per delivery, µs",
        y_scale: Scale::Linear,
        lines: cpu,
        caption: [
            format!(
                "{listeners} listeners, 50 messages a second; median of {rounds} × {seconds} s; {second}"
            ),
            machine.to_owned(),
        ],
    };
    let sent = Chart {
        title: "What one process sends, by the number of worker threads",
        x_label: "worker threads (logarithmic)",
        y_label: "MB per second, to all listeners",
        y_scale: Scale::Linear,
        lines: sent.await,
        caption: [
            format!(
                "{listeners} listeners, four publishers as fast as they can; \
             median of {rounds} × {seconds} s; {second}"
            ),
            machine.to_owned(),
        ],
    };
    Ok(vec![("workers-cpu", cpu), ("workers-throughput", sent)])
}

/// Has a server publish as fast as it can to listeners that cost little, and returns what it sends.
async fn bytes_per_second(server: &Server, count: usize, window: Duration) -> io::Result<f64> {
    let path = server.side.path(Endpoint::Listen);
    let drains = Drains::open(server.address(), path, count).await?;
    server.publish(&UNPACED).await?;
    tokio::time::sleep(WARM_UP).await;
    let (start, before) = (Instant::now(), drains.bytes()?);
    tokio::time::sleep(window).await;
    let rate = (drains.bytes()? - before) as f64 / start.elapsed().as_secs_f64();
    server.stop_publishing().await?;
    Ok(rate)
}
