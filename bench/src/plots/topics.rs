//! More topics of one family, in memory: what each takes, and what a publish costs.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use kipo::{Durability, Event, Topics};
use load::console::{print, progress};
use serde::{Deserialize, Serialize};
use tokio::process::Command;

use super::axis::Scale;
use super::chart::{Chart, Line};
use crate::plan::Depth;
use crate::serve::room::TEXT;
use crate::server::process;
use crate::table::{median, sorted};

const TOPICS: [u64; 6] = [1, 10, 100, 1_000, 10_000, 100_000];

/// Small families are measured several at a time: memory comes in pages of 4 KiB.
const MEASURED_TOGETHER: u64 = 10_000;

/// Messages that each topic retains, so that long runs do not measure the allocator.
const RETAINED: usize = 8;

/// Publishes whose processor time is counted: it comes in ticks of 10 ms.
const PUBLISHES: u64 = 400_000;

/// What one process has measured.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Grown {
    bytes_per_topic: f64,
    cpu_us_per_publish: f64,
}

#[derive(Event)]
enum Said {
    Said { text: String },
}

pub(super) async fn measure(depth: Depth, machine: &str) -> io::Result<Vec<(&'static str, Chart)>> {
    let counts = if depth.quick { &TOPICS[..2] } else { &TOPICS };
    let (mut bytes, mut cpu) = (Vec::new(), Vec::new());
    for &count in counts {
        let mut runs = Vec::new();
        for round in 1..=depth.rounds {
            progress(format!("topics: {count}, {round} of {}", depth.rounds));
            runs.push(in_own_process(count).await?);
        }
        let middle = |value: fn(&Grown) -> f64| median(&sorted(runs.iter().map(value)));
        bytes.push((count as f64, middle(|grown| grown.bytes_per_topic)));
        cpu.push((count as f64, middle(|grown| grown.cpu_us_per_publish)));
    }
    let rounds = depth.rounds;
    let memory = Chart {
        title: "Memory of a topic, by their number",
        x_label: "topics of a family (logarithmic)",
        y_label: "user memory per topic, bytes",
        y_scale: Scale::Linear,
        lines: vec![Line { name: "Kipo, in memory", points: bytes }],
        caption: [
            format!(
                "one message of 62 bytes of text in each, no listener; median of {rounds} runs"
            ),
            machine.to_owned(),
        ],
    };
    let cpu = Chart {
        title: "A publish, by the number of topics",
        x_label: "topics of a family, published to in turn (logarithmic)",
        y_label: "CPU per publish, µs",
        y_scale: Scale::Linear,
        lines: vec![Line { name: "Kipo, in memory", points: cpu }],
        caption: [
            format!("with the look-up of the topic, no listener; median of {rounds} runs"),
            machine.to_owned(),
        ],
    };
    Ok(vec![("topics-memory", memory), ("topics-cpu", cpu)])
}

/// Runs this program again for one measurement: its memory is that of the topics.
async fn in_own_process(topics: u64) -> io::Result<Grown> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("grow").arg(topics.to_string());
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true).output();
    let output = output.await?;
    if !output.status.success() {
        return Err(io::Error::other(format!("the probe of {topics} topics failed")));
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Measures in this process, and prints one line of JSON.
pub(crate) fn grow(topics: u64) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let grown = runtime.block_on(measure_grown(topics, PUBLISHES))?;
    print(serde_json::to_string(&grown)?);
    Ok(())
}

async fn measure_grown(topics: u64, publishes: u64) -> io::Result<Grown> {
    let count = (MEASURED_TOGETHER / topics).max(1);
    // Everything that a process has once is there before memory is read for the first time.
    publish(&family(), 0..1_000).await?;
    let before = process::memory(std::process::id())?;
    let families: Vec<_> = (0..count).map(|_| family()).collect();
    for family in &families {
        publish(family, 0..topics).await?;
    }
    let memory = process::memory(std::process::id())?.saturating_sub(before);

    let cpu = cpu_time()?;
    let turns = (publishes / topics).max(1);
    for _ in 0..turns {
        publish(&families[0], 0..topics).await?;
    }
    let cpu = cpu_time()?.saturating_sub(cpu);
    Ok(Grown {
        bytes_per_topic: memory as f64 / (count * topics) as f64,
        cpu_us_per_publish: cpu.as_secs_f64() * 1e6 / (turns * topics) as f64,
    })
}

fn family() -> Topics<u64, Said> {
    Topics::durable("room", Durability::Memory).loaded_max(usize::MAX).keep(RETAINED)
}

/// Publishes one message to each topic.
async fn publish(family: &Topics<u64, Said>, keys: std::ops::Range<u64>) -> io::Result<()> {
    let said = Said::Said { text: TEXT.to_owned() };
    for key in keys {
        family.of(&key).publish(&said).await.map_err(io::Error::other)?;
    }
    Ok(())
}

fn cpu_time() -> io::Result<Duration> {
    process::cpu_time(std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_topic_of_a_small_family_takes_memory_too() {
        let grown = measure_grown(10, 100).await.unwrap();
        assert!((100.0..10_000.0).contains(&grown.bytes_per_topic), "{grown:?}");
        assert!(grown.cpu_us_per_publish.is_finite(), "{grown:?}");
    }
}
