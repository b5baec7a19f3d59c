//! Runs that take turns: kipo, axum, kipo, axum.

use std::io;

use crate::plan::Plan;
use crate::progress;
use crate::server::{Server, Side};
use load::machine::Cores;

/// What two neighbouring runs gave.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair<T> {
    pub(crate) kipo: T,
    pub(crate) axum: T,
}

/// Measures both sides in turns, each time with a server of its own.
pub(crate) async fn alternate<T>(
    name: &str,
    plan: &Plan,
    cores: Cores,
    measure: impl AsyncFn(Server) -> io::Result<T>,
) -> io::Result<Vec<Pair<T>>> {
    let mut pairs = Vec::new();
    for round in 1..=plan.rounds {
        progress(format_args!("{name}, round {round} of {}", plan.rounds));
        pairs.push(Pair {
            kipo: measure(Server::start(Side::Kipo, cores)?).await?,
            axum: measure(Server::start(Side::Axum, cores)?).await?,
        });
    }
    Ok(pairs)
}
