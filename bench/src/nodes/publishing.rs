//! Publishers that wait for each acknowledgement, on one node and on two, beside as many that use
//! the engine's own client.
//!
//! The bare client appends unconditionally. A node appends only if the head of the topic is still the
//! one that it knows: two nodes that publish to one topic at the same time refuse each other's
//! appends, and two that publish to a topic each do not.

use std::io;
use std::time::{Duration, Instant};

use kipo::topic::{Keyed, PublishError};
use load::console::progress;

use super::bare::Bare;
use super::node::{Node, Said};
use super::servers::Servers;
use crate::plan::Depth;
use crate::runs::pair::Pair;
use crate::server::process;
use crate::table::{Line, Target, percentile, sorted};

/// One that publishes.
#[derive(Clone)]
enum Publisher {
    Kipo(Keyed<Said>),
    Bare(Bare),
}

impl Publisher {
    /// Publishes a message. Returns whether it was taken: a node that loses against another one too
    /// often refuses it.
    async fn publish(&self) -> io::Result<bool> {
        match self {
            Self::Kipo(topic) => match topic.publish(&Said::now()).await {
                Ok(_) => Ok(true),
                Err(PublishError::EngineUnavailable(_)) => Ok(false),
                Err(error) => Err(io::Error::other(error)),
            },
            Self::Bare(bare) => bare.publish(Said::payload()).await.map(|()| true),
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
    refused: u64,
}

/// Who publishes, and to what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Case {
    OneNode,
    TwoNodesOneTopic,
    TwoNodesTwoTopics,
}

impl Case {
    const ALL: [Self; 3] = [Self::OneNode, Self::TwoNodesOneTopic, Self::TwoNodesTwoTopics];

    fn name(self) -> &'static str {
        match self {
            Self::OneNode => "one node",
            Self::TwoNodesOneTopic => "two nodes, one topic",
            Self::TwoNodesTwoTopics => "two nodes, a topic each",
        }
    }

    fn nodes(self) -> u64 {
        if self == Self::OneNode { 1 } else { 2 }
    }
}

/// Measures and returns the lines.
pub(super) async fn measure(servers: &Servers, depth: Depth) -> io::Result<Vec<Line>> {
    let (url, time) = (servers.url(), Duration::from_secs(depth.seconds));
    let at_once: &[usize] = if depth.quick { &[1, 16] } else { &[1, 16, 256] };
    let mut lines = Vec::new();
    let mut key = 0;
    for case in Case::ALL {
        for &at_once in at_once {
            let name = format!("{}, {at_once} at once", case.name());
            let mut pairs = Vec::new();
            for round in 1..=depth.rounds {
                progress(format!("{name}, round {round} of {}", depth.rounds));
                key += 2;
                let kipo = by_nodes(&url, key, case, at_once, time).await?;
                let other = by_bare_clients(servers, case.nodes(), at_once, time).await?;
                pairs.push(Pair { kipo, other });
            }
            let each = if case == Case::OneNode { "" } else { " on each" };
            let target = Target::RatioAtLeast(if at_once == 1 { 0.5 } else { 0.8 });
            let what = format!("{name}{each}: messages per second");
            lines.extend([
                Line::compared(&what, 0, &pairs, |run| run.per_second).with_target(target),
                Line::compared("– p50 of publish → acknowledged, µs", 0, &pairs, |run| {
                    run.p50_us
                }),
                Line::compared("– p99", 0, &pairs, |run| run.p99_us),
                Line::compared("– client CPU per message, µs", 0, &pairs, |run| run.cpu_us),
            ]);
            if pairs.iter().any(|pair| pair.kipo.refused > 0) {
                let what = "– refused: the other node was always quicker";
                let refused = Line::compared(what, 0, &pairs, |run| run.refused as f64);
                lines.push(refused.without_ratio());
            }
        }
    }
    Ok(lines)
}

async fn by_nodes(
    url: &str,
    key: u64,
    case: Case,
    at_once: usize,
    time: Duration,
) -> io::Result<Run> {
    let mut nodes = Vec::new();
    for _ in 0..case.nodes() {
        nodes.push(Node::connect(url).await?);
    }
    let keys = if case == Case::TwoNodesTwoTopics { [key, key + 1] } else { [key, key] };
    let publishers = nodes.iter().zip(keys).map(|(node, key)| Publisher::Kipo(node.topic(key)));
    let publishers = publishers.collect();
    let run = run(publishers, at_once, time).await?;
    for node in nodes {
        node.close().await;
    }
    Ok(run)
}

async fn by_bare_clients(
    servers: &Servers,
    count: u64,
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
                let (mut times, mut refused) = (Vec::new(), 0);
                while start.elapsed() < time {
                    let asked = Instant::now();
                    if publisher.publish().await? {
                        times.push(asked.elapsed().as_secs_f64() * 1e6);
                    } else {
                        refused += 1;
                    }
                }
                Ok::<_, io::Error>((times, refused))
            })
        })
        .collect();
    let (mut times, mut all_refused) = (Vec::new(), 0);
    for task in tasks {
        let (taken, refused): (Vec<f64>, u64) = task.await??;
        times.extend(taken);
        all_refused += refused;
    }
    let (elapsed, used) = (start.elapsed(), process::cpu_time(own)? - cpu);
    let (count, times) = (times.len() as f64, sorted(times.into_iter()));
    Ok(Run {
        per_second: count / elapsed.as_secs_f64(),
        p50_us: percentile(&times, 0.5),
        p99_us: percentile(&times, 0.99),
        cpu_us: used.as_secs_f64() * 1e6 / count,
        refused: all_refused,
    })
}
