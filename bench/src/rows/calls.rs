//! Action calls: 32 connections that stay open, a small JSON object in, the same one out.
//!
//! The handler does nothing, so what is measured is all that stands between socket and handler.

use std::io;

use super::work::watch;
use crate::clients::calls::Callers;
use crate::plan::Plan;
use crate::runs::pair::alternate;
use crate::serve::side::Endpoint;
use crate::server::Cores;
use crate::table::{Line, Target};

/// Enough to keep the server's core busy while the load's core turns answers around.
const CONNECTIONS: u32 = 32;

const BODY: &[u8] = br#"{"id":4711,"text":"The quick brown fox jumps over the lazy dog."}"#;

pub(super) async fn measure(plan: &Plan, cores: Cores) -> io::Result<Vec<Line>> {
    let pairs = alternate("action calls", plan, cores, async |server| {
        let path = server.side.path(Endpoint::Echo);
        let mut callers = Callers::start(server.address(), path, CONNECTIONS, BODY);
        watch(plan, server, || callers.answered()).await
    })
    .await?;

    Ok(vec![
        Line::compared("action calls per second", 0, &pairs, |work| work.per_second())
            .with_target(Target::RatioAtLeast(0.9)),
        Line::compared("– server CPU per call, µs", 1, &pairs, |work| work.cpu_us_per_unit()),
        Line::compared("– server's core in use, %", 0, &pairs, |work| work.busy_percent())
            .without_ratio(),
        Line::compared("– load's core in use, %", 0, &pairs, |work| work.load_busy_percent())
            .without_ratio(),
    ])
}
