//! Runs that take turns: kipo, axum, kipo, axum.

use std::io;

use crate::plan::Plan;
use crate::serve::side::Side;
use crate::server::Cores;
use crate::server::Server;
use load::console::progress;

/// What two neighbouring runs gave.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair<T> {
    pub(crate) kipo: T,
    /// What Kipo is compared with.
    pub(crate) other: T,
}

/// Measures both sides in turns, each time with a server of its own.
pub(crate) async fn alternate<T>(
    name: &str,
    plan: &Plan,
    cores: Cores,
    measure: impl AsyncFn(&Server) -> io::Result<T>,
) -> io::Result<Vec<Pair<T>>> {
    alternate_between(name, plan, async |side| Server::start(side, cores).await, measure).await
}

/// Measures the servers that `start` starts for both sides, in turns.
pub(crate) async fn alternate_between<T>(
    name: &str,
    plan: &Plan,
    start: impl AsyncFn(Side) -> io::Result<Server>,
    measure: impl AsyncFn(&Server) -> io::Result<T>,
) -> io::Result<Vec<Pair<T>>> {
    let mut pairs = Vec::new();
    for round in 1..=plan.rounds {
        progress(format!("{name}, round {round} of {}", plan.rounds));
        let kipo = with_server(start(Side::Kipo).await?, &measure).await?;
        let other = with_server(start(Side::Axum).await?, &measure).await?;
        pairs.push(Pair { kipo, other });
    }
    Ok(pairs)
}

async fn with_server<T>(
    server: Server,
    measure: impl AsyncFn(&Server) -> io::Result<T>,
) -> io::Result<T> {
    let measured = measure(&server).await?;
    server.kill().await?;
    Ok(measured)
}
