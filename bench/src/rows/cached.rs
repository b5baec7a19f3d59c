//! Calls that a cache answers: 32 connections that stay open and ask for one list, which both sides
//! compute once.

use std::{io, sync::LazyLock};

use super::work::watch;
use crate::clients::calls::Callers;
use crate::plan::Plan;
use crate::runs::pair::alternate;
use crate::serve::side::Endpoint;
use crate::serve::templates;
use crate::server::Cores;
use crate::table::{Line, Target};

const CONNECTIONS: u32 = 32;

const NUMBER: u32 = 7;
const BODY: &[u8] = br#"{"number":7}"#;

/// What both sides have to answer.
static LIST: LazyLock<Vec<u8>> =
    LazyLock::new(|| serde_json::to_vec(&templates::list_of(NUMBER)).unwrap_or_default());

pub(super) async fn measure(plan: &Plan, cores: Cores) -> io::Result<Vec<Line>> {
    let pairs = alternate("cached calls", plan, cores, async |server| {
        let path = server.side.path(Endpoint::Cached);
        let mut callers =
            Callers::expecting(server.address(), path, CONNECTIONS, BODY, LIST.as_slice());
        watch(plan, server, || callers.answered()).await
    })
    .await?;

    Ok(vec![
        Line::compared("cached calls per second, beside moka", 0, &pairs, |work| work.per_second())
            .with_target(Target::RatioAtLeast(0.95)),
        Line::compared("– server CPU per call, µs", 1, &pairs, |work| work.cpu_us_per_unit()),
    ])
}
