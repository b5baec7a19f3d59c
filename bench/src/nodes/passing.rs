//! From publishing on one node to reading on another, beside a subscription of the engine's own
//! client.

use std::io;
use std::time::Duration;

use kipo::topic::Next;
use load::{console::progress, engine::Kind};
use tokio::time::{MissedTickBehavior, timeout};

use super::bare::{Bare, Following};
use super::node::{Node, Said, stamp_us};
use super::servers::Servers;
use crate::plan::Depth;
use crate::runs::pair::Pair;
use crate::serve::room;
use crate::table::{Line, Target, percentile, sorted};

/// Messages per second: each finds idle connections.
const PACE: u32 = 200;

/// How long a listener waits for the first message before another one is published.
const FIRST: Duration = Duration::from_millis(200);

/// Longer than a round takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// The times from publishing to reading in µs, sorted.
type Delays = Vec<f64>;

/// Measures and returns the lines.
pub(super) async fn measure(servers: &Servers, depth: Depth) -> io::Result<Vec<Line>> {
    let (url, count) = (servers.url(), depth.seconds * u64::from(PACE));
    let bare = Bare::connect(servers).await?;
    let (mut stored, mut published) = (Vec::new(), Vec::new());
    for round in 1..=depth.rounds {
        progress(format!("from node to node, round {round} of {}", depth.rounds));
        let kipo = by_nodes(&url, round as u64, count).await?;
        let other = by_bare_clients(&bare, Following::stored(servers).await?, count).await?;
        if servers.kind == Kind::Nats {
            let following = Following::published(servers).await?;
            let other = by_bare_clients(&bare, following, count).await?;
            published.push(Pair { kipo: kipo.clone(), other });
        }
        stored.push(Pair { kipo, other });
    }
    let [p50, p99] = [0.5, 0.99].map(|part| move |delays: &Delays| percentile(delays, part));
    let target = Target::RatioAtMost(1.5);
    let mut lines = vec![
        Line::compared("published on A → read on B: p50, µs", 0, &stored, p50).with_target(target),
        Line::compared("– p99", 0, &stored, p99).with_target(target),
    ];
    if !published.is_empty() {
        let what =
            "– p50 beside a subscription without JetStream, which does not wait for the disks";
        lines.push(Line::compared(what, 0, &published, p50));
    }
    Ok(lines)
}

async fn by_nodes(url: &str, key: u64, count: u64) -> io::Result<Delays> {
    let (one, two) = (Node::connect(url).await?, Node::connect(url).await?);
    let (here, there) = (one.topic(key), two.topic(key));
    let mut listener = there.subscribe(None).await.map_err(io::Error::other)?;
    let delays = delays(
        count,
        async || here.publish(&Said::now()).await.map(drop).map_err(io::Error::other),
        async || match listener.next().await {
            Next::Message(message) => Ok(vec![message.data().as_bytes().to_vec()]),
            other => Err(io::Error::other(format!("a listener read {other:?}"))),
        },
    )
    .await?;
    drop(listener);
    one.close().await;
    two.close().await;
    Ok(delays)
}

async fn by_bare_clients(bare: &Bare, mut following: Following, count: u64) -> io::Result<Delays> {
    delays(count, async || bare.publish(Said::payload()).await, async || following.next().await)
        .await
}

/// Publishes at a pace, and reads so many messages.
async fn delays(
    count: u64,
    publish: impl AsyncFn() -> io::Result<()>,
    mut next: impl AsyncFnMut() -> io::Result<Vec<Vec<u8>>>,
) -> io::Result<Delays> {
    let first = async {
        // The servers of a cluster learn one after the other that somebody listens.
        loop {
            publish().await?;
            if let Ok(read) = timeout(FIRST, next()).await {
                return read.map(drop);
            }
        }
    };
    timeout(PATIENCE, first).await??;
    let start_us = room::now_us();
    let publishing = async {
        let mut pace = tokio::time::interval(Duration::from_secs(1) / PACE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for _ in 0..count {
            pace.tick().await;
            publish().await?;
        }
        Ok::<_, io::Error>(())
    };
    let reading = async {
        let mut delays = Vec::new();
        while (delays.len() as u64) < count {
            for payload in next().await? {
                let (at, now) = (stamp_us(&payload)?, room::now_us());
                if at >= start_us {
                    delays.push(now.saturating_sub(at) as f64);
                }
            }
        }
        Ok::<_, io::Error>(delays)
    };
    let both = async { tokio::try_join!(publishing, reading) };
    let ((), delays) = timeout(PATIENCE, both).await??;
    Ok(sorted(delays.into_iter()))
}
