//! Pages: 32 connections that stay open and ask for the chat's page, and for one with data.
//!
//! The chat's page is the same for everybody, and a framework may know that; the other one is
//! rendered for each request on both sides.

use std::io;

use super::work::watch;
use crate::clients::calls::Callers;
use crate::plan::Plan;
use crate::runs::pair::alternate;
use crate::server::Cores;
use crate::table::{Line, Target};

const CONNECTIONS: u32 = 32;

pub(super) async fn measure(plan: &Plan, cores: Cores) -> io::Result<Vec<Line>> {
    let mut lines = Vec::new();
    for (name, path) in [("the chat's page", "/"), ("a page with data", "/list")] {
        let pairs = alternate(name, plan, cores, async |server| {
            let mut callers = Callers::of_page(server.address(), path, CONNECTIONS);
            watch(plan, server, || callers.answered()).await
        })
        .await?;
        lines.extend([
            Line::compared(&format!("{name}, requests per second"), 0, &pairs, |work| {
                work.per_second()
            })
            .with_target(Target::RatioAtLeast(0.9)),
            Line::compared("– server CPU per request, µs", 1, &pairs, |work| {
                work.cpu_us_per_unit()
            }),
        ]);
    }
    Ok(lines)
}
