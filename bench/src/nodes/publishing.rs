//! Publishers that wait for each acknowledgement, on one node and on two, beside as many that use
//! the engine's own client.
//!
//! The bare client appends unconditionally and stores what it is given. A node appends only if the
//! head of the topic is the one that it knows, so two nodes that publish to one topic refuse each
//! other's appends.

use std::io;
use std::time::{Duration, Instant};

use kipo::topic::Keyed;
use load::console::progress;

use super::bare::Bare;
use super::node::{Node, Said};
use super::servers::Servers;
use crate::pair::Pair;
use crate::plan::Depth;
use crate::server::process;
use crate::table::{Line, Target, percentile, sorted};

/// One that publishes.
#[derive(Clone)]
enum Publisher {
    Kipo(Keyed<Said>),
    Bare(Bare),
}

impl Publisher {
    async fn publish(&self) -> io::Result<()> {
        match self {
            Self::Kipo(topic) => {
                topic.publish(&Said::now()).await.map(drop).map_err(io::Error::other)
            }
            Self::Bare(bare) => bare.publish(Said::payload()).await,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Run {
    per_second: f64,
    p50_us: f64,
    p99_us: f64,
    /// Processor time of this process for each message.
    cpu_us: f64,
}

/// Measures and returns the lines.
pub(super) async fn measure(servers: &Servers, depth: Depth) -> io::Result<Vec<Line>> {
    let (url, time) = (servers.url(), Duration::from_secs(depth.seconds));
    let at_once: &[usize] = if depth.quick { &[1, 16] } else { &[1, 16, 256] };
    let mut lines = Vec::new();
    let mut key = 0;
    for nodes in [1, 2] {
        for &at_once in at_once {
            let mut pairs = Vec::new();
            for round in 1..=depth.rounds {
                progress(format!(
                    "publishes, {nodes} node(s), {at_once} at once each, round {round} of {}",
                    depth.rounds
                ));
                key += 1;
                let kipo = by_nodes(&url, key, nodes, at_once, time).await?;
                let other = by_bare_clients(servers, nodes, at_once, time).await?;
                pairs.push(Pair { kipo, other });
            }
            let who = if nodes == 1 { "one node".to_owned() } else { format!("{nodes} nodes") };
            let each = if nodes == 1 { "" } else { " on each" };
            let target = Target::RatioAtLeast(if at_once == 1 { 0.5 } else { 0.8 });
            let what = format!("{who}, {at_once} at once{each}: messages per second");
            lines.extend([
                Line::compared(&what, 0, &pairs, |run| run.per_second).with_target(target),
                Line::compared("– p50 of publish → acknowledged, µs", 0, &pairs, |run| {
                    run.p50_us
                }),
                Line::compared("– p99", 0, &pairs, |run| run.p99_us),
                Line::compared("– client CPU per message, µs", 0, &pairs, |run| run.cpu_us),
            ]);
        }
    }
    Ok(lines)
}

async fn by_nodes(
    url: &str,
    key: u64,
    count: usize,
    at_once: usize,
    time: Duration,
) -> io::Result<Run> {
    let mut nodes = Vec::new();
    for _ in 0..count {
        nodes.push(Node::connect(url).await?);
    }
    let publishers = nodes.iter().map(|node| Publisher::Kipo(node.topic(key))).collect();
    let run = run(publishers, at_once, time).await?;
    for node in nodes {
        node.close().await;
    }
    Ok(run)
}

async fn by_bare_clients(
    servers: &Servers,
    count: usize,
    at_once: usize,
    time: Duration,
) -> io::Result<Run> {
    let mut publishers = Vec::new();
    for _ in 0..count {
        publishers.push(Publisher::Bare(Bare::connect(servers).await?));
    }
    run(publishers, at_once, time).await
}

/// Publishes for a while, so many at once by each publisher.
async fn run(publishers: Vec<Publisher>, at_once: usize, time: Duration) -> io::Result<Run> {
    // The first message makes the stream or loads the topic.
    for publisher in &publishers {
        publisher.publish().await?;
    }
    let own = std::process::id();
    let (cpu, start) = (process::cpu_time(own)?, Instant::now());
    let tasks: Vec<_> = publishers
        .iter()
        .flat_map(|publisher| std::iter::repeat_n(publisher, at_once))
        .map(|publisher| {
            let publisher = publisher.clone();
            tokio::spawn(async move {
                let mut times = Vec::new();
                while start.elapsed() < time {
                    let asked = Instant::now();
                    publisher.publish().await?;
                    times.push(asked.elapsed().as_secs_f64() * 1e6);
                }
                Ok::<_, io::Error>(times)
            })
        })
        .collect();
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await??);
    }
    let (elapsed, used) = (start.elapsed(), process::cpu_time(own)? - cpu);
    let (count, times) = (times.len() as f64, sorted(times.into_iter()));
    Ok(Run {
        per_second: count / elapsed.as_secs_f64(),
        p50_us: percentile(&times, 0.5),
        p99_us: percentile(&times, 0.99),
        cpu_us: used.as_secs_f64() * 1e6 / count,
    })
}
