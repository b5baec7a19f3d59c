//! Many topics: what an idle one costs in memory, publishing to one after the other, and opening a
//! store that knows a million.

use std::io;
use std::process::Stdio;

use load::console::progress;
use serde::de::DeserializeOwned;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
};

use super::probe::{Idle, Open, Turns};
use super::servers::Servers;
use crate::plan::{Depth, Probe};
use crate::table::number;

/// How many topics there are, by [`Depth::quick`].
struct Counts {
    idle: u64,
    turns: u64,
    known: u64,
}

impl Counts {
    fn of(depth: Depth) -> Self {
        if depth.quick {
            Self { idle: 1_000, turns: 1_000, known: 10_000 }
        } else {
            Self { idle: 10_000, turns: 100_000, known: 1_000_000 }
        }
    }
}

/// Where topics are kept.
enum Column<'a> {
    Memory,
    Disk,
    Engine(&'a Servers),
}

impl Column<'_> {
    fn name(&self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Disk => "disk",
            Self::Engine(servers) => servers.kind.name(),
        }
    }

    /// Returns a store without topics, as the probe takes it.
    fn store(&self) -> String {
        match self {
            Self::Engine(servers) => servers.url(),
            _ => self.name().to_owned(),
        }
    }
}

/// Measures and returns the table, with a column for each store.
pub(super) async fn measure(servers: &[Servers], depth: Depth) -> io::Result<String> {
    let Counts { idle, turns, known } = Counts::of(depth);
    let columns: Vec<_> = [Column::Memory, Column::Disk]
        .into_iter()
        .chain(servers.iter().map(Column::Engine))
        .collect();
    let (mut idles, mut all_turns) = (Vec::new(), Vec::new());
    for column in &columns {
        progress(format!("{idle} idle topics: {}", column.name()));
        idles.push(probe::<Idle>(Probe::Idle, &column.store(), idle).await?);
    }
    for column in &columns {
        progress(format!("{turns} topics in turn: {}", column.name()));
        all_turns.push(probe::<Turns>(Probe::Turns, &column.store(), turns).await?);
    }
    progress(format!("opening {known} topics"));
    let closed = opened(known, End::Close).await?;
    progress(format!("opening {known} topics after a kill"));
    let killed = opened(known, End::Kill).await?;

    let names: Vec<_> = columns.iter().map(Column::name).collect();
    let row = |what: &str, cells: Vec<String>, target: &str| {
        format!("| {what} | {} | {target} |\n", cells.join(" | "))
    };
    let (idle, turns) = (number(idle as f64, 0), number(turns as f64, 0));
    let bytes = |value: fn(&Idle) -> f64| idles.iter().map(|idle| number(value(idle), 0)).collect();
    let mib = |value: fn(&Turns) -> u64| {
        all_turns.iter().map(|turns| number(value(turns) as f64 / f64::from(1 << 20), 1)).collect()
    };
    let only_disk = |cell: String| {
        names
            .iter()
            .map(|name| if *name == "disk" { cell.clone() } else { String::new() })
            .collect()
    };
    let known = number(known as f64, 0);
    Ok([
        format!(
            "| many topics | {} | target |\n|---|{}---|\n",
            names.join(" | "),
            "--:|".repeat(names.len())
        ),
        row(
            &format!("one of {idle} idle topics with one message, bytes"),
            bytes(|idle| idle.topic),
            "≤ 1,024",
        ),
        row("– and its one listener, bytes more", bytes(|idle| idle.listener), ""),
        row(
            &format!("{turns} topics published to in turn, per second"),
            all_turns.iter().map(|turns| number(turns.per_second, 0)).collect(),
            "",
        ),
        row("– memory after a fifth of them, MiB", mib(|turns| turns.early_bytes), ""),
        row("– memory after all of them, MiB", mib(|turns| turns.late_bytes), "bounded"),
        row(
            &format!("opening a store with {known} topics, s"),
            only_disk(number(closed.seconds, 2)),
            "≤ 2",
        ),
        row("– the first read of one of them, ms", only_disk(number(closed.read_ms, 1)), ""),
        row("– after `kill -9`, s", only_disk(number(killed.seconds, 2)), "≤ 2"),
        row("– the first read of one of them, ms", only_disk(number(killed.read_ms, 1)), ""),
    ]
    .concat())
}

/// How a process that has filled a store ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Close,
    Kill,
}

/// Fills a store on disk in one process, and opens it in another.
async fn opened(topics: u64, end: End) -> io::Result<Open> {
    let folder = TempDir::new()?;
    let path = folder.path().to_str().ok_or_else(|| io::Error::other("a folder without a name"))?;
    let mut filling = command(Probe::Fill, path, topics)?;
    let mut filling = filling.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let stdout = filling.stdout.take().ok_or_else(|| io::Error::other("no standard output"))?;
    let is_filled = BufReader::new(stdout).lines().next_line().await?.is_some();
    if end == End::Kill {
        filling.start_kill()?;
    }
    // This closes its standard input.
    let ended = filling.wait().await?;
    if !is_filled || (end == End::Close && !ended.success()) {
        return Err(io::Error::other("`probe fill` failed"));
    }
    probe(Probe::Open, path, topics).await
}

/// Returns the command that runs this program again for one measurement.
fn command(what: Probe, store: &str, topics: u64) -> io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("probe").arg(what.name()).arg(store).arg(topics.to_string());
    command.stdin(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true);
    Ok(command)
}

async fn probe<T: DeserializeOwned>(what: Probe, store: &str, topics: u64) -> io::Result<T> {
    let output = command(what, store, topics)?.output().await?;
    if !output.status.success() {
        return Err(io::Error::other(format!("`probe {}` of {store} failed", what.name())));
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
