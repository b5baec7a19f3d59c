//! What a durable message costs, beside one `fdatasync` for each by hand; and what it costs to
//! find a listener's place again.

use std::fs::File;
use std::hint::black_box;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kipo::topic::{Cursor, Store};
use kipo::{Durability, Event, Topic};

use crate::plan::Depth;
use crate::table::{median, number, percentile, sorted};
use load::console::progress;
use load::machine;
use tempfile::TempDir;

/// How many places are looked up in a row.
const LOOK_UPS: usize = 100_000;

const LOOK_UP_ROUNDS: usize = 3;

#[derive(Event)]
enum Room {
    Said { text: String },
}

impl Room {
    /// A message of a chat, roughly.
    fn said() -> Self {
        Self::Said { text: "x".repeat(100) }
    }
}

/// Messages per second, and the times from publishing to the answer in µs, sorted.
type Run = (f64, Vec<f64>);

/// Measures and returns the tables.
pub(crate) fn measure(Depth { rounds, seconds, quick }: Depth) -> io::Result<String> {
    let machine = machine::describe();
    let time = Duration::from_secs(seconds);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut lines = Vec::new();
    let mut line = |what: &str, runs: &[Run], by_hand: Option<&[Run]>| {
        let per_second = |runs: &[Run]| median(&sorted(runs.iter().map(|run| run.0)));
        let at = |part| median(&sorted(runs.iter().map(|run| percentile(&run.1, part))));
        let ratio = by_hand.map_or(String::new(), |by_hand| {
            let ratios = runs.iter().zip(by_hand).map(|(run, by_hand)| run.0 / by_hand.0);
            format!("{:.2}", median(&sorted(ratios)))
        });
        lines.push(format!(
            "| {what} | {} | {} | {} | {ratio} |",
            number(per_second(runs), 0),
            number(at(0.5), 0),
            number(at(0.99), 0)
        ));
    };
    let publishers: &[usize] = if quick { &[1] } else { &[1, 16, 256] };
    for &publishers in publishers {
        let mut runs = [const { Vec::new() }; 4];
        for round in 1..=rounds {
            progress(format!("durable publishes, {publishers}, round {round} of {rounds}"));
            for (durability, runs) in
                [Durability::Memory, Durability::Os, Durability::Fsync].into_iter().zip(&mut runs)
            {
                runs.push(runtime.block_on(publish(durability, publishers, time))?);
            }
            if publishers == 1 {
                runs[3].push(by_hand(time)?);
            }
        }
        let [memory, os, fsync, by_hand] = runs;
        let by_hand = (publishers == 1).then_some(&*by_hand);
        line(&format!("`Memory`, {publishers} at once"), &memory, None);
        line(&format!("`Os`, {publishers} at once"), &os, None);
        line(&format!("`Fsync`, {publishers} at once"), &fsync, by_hand);
        if let Some(by_hand) = by_hand {
            line("append and `fdatasync` by hand, 1", by_hand, None);
        }
    }
    let [small, large] = [1_000, 1_000_000].map(|kept| runtime.block_on(look_up(kept)));
    Ok(format!(
        "{rounds} × {seconds} s per row on {machine}.\n\n\
         | median | messages per second | p50, µs | p99, µs | to by hand |\n\
         |---|--:|--:|--:|--:|\n{}\n\n\
         | a place found again, ns | 1,000 kept | 1,000,000 kept | ratio |\n\
         |---|--:|--:|--:|\n| `Topic::subscribe` with an id, and leaving | {} | {} | {:.2} |\n",
        lines.join("\n"),
        number(small, 0),
        number(large, 0),
        large / small
    ))
}

/// Publishers that wait for each answer.
async fn publish(durability: Durability, publishers: usize, time: Duration) -> io::Result<Run> {
    let folder = TempDir::new()?;
    let store = Store::open(folder.path()).map_err(io::Error::other)?;
    let topic = Arc::new(Topic::durable("room", durability));
    topic.open(&store).map_err(io::Error::other)?;
    let start = Instant::now();
    let publishing: Vec<_> = (0..publishers)
        .map(|_| {
            let topic = Arc::clone(&topic);
            tokio::spawn(async move {
                let (event, mut times) = (Room::said(), Vec::new());
                while start.elapsed() < time {
                    let asked = Instant::now();
                    topic.publish(&event).await.map_err(|error| error.to_string())?;
                    times.push(asked.elapsed().as_secs_f64() * 1e6);
                }
                Ok::<_, String>(times)
            })
        })
        .collect();
    let mut times = Vec::new();
    for publisher in publishing {
        times.extend(publisher.await?.map_err(io::Error::other)?);
    }
    let elapsed = start.elapsed();
    store.close();
    Ok((times.len() as f64 / elapsed.as_secs_f64(), sorted(times.into_iter())))
}

/// The floor of one publisher: the same bytes, appended and synced.
fn by_hand(time: Duration) -> io::Result<Run> {
    let folder = TempDir::new()?;
    let mut file = File::create(folder.path().join("log"))?;
    let bytes = [b'x'; 150];
    let (start, mut times) = (Instant::now(), Vec::new());
    while start.elapsed() < time {
        let asked = Instant::now();
        file.write_all(&bytes)?;
        file.sync_data()?;
        times.push(asked.elapsed().as_secs_f64() * 1e6);
    }
    Ok((times.len() as f64 / start.elapsed().as_secs_f64(), sorted(times.into_iter())))
}

/// Returns how long it takes to come back with an id to a topic that keeps so many messages,
/// in ns.
async fn look_up(kept: u32) -> f64 {
    let topic = Topic::new("room").keep(kept as usize).keep_bytes(usize::MAX);
    let mut cursors: Vec<Cursor> = Vec::new();
    for n in 0..kept {
        if let Ok(cursor) = topic.publish(&Room::Said { text: n.to_string() }).await {
            cursors.push(cursor);
        }
    }
    // Far apart, so that no cache holds the next one by chance.
    let step = cursors.len() / 7 * 3 + 1;
    let ids: Vec<String> =
        (0..LOOK_UPS).map(|n| cursors[n * step % cursors.len()].to_string()).collect();
    let mut rounds = Vec::new();
    for _ in 0..LOOK_UP_ROUNDS {
        let start = Instant::now();
        for id in &ids {
            drop(black_box(topic.subscribe(Some(id)).await));
        }
        rounds.push(start.elapsed().as_secs_f64() * 1e9 / LOOK_UPS as f64);
    }
    median(&sorted(rounds.into_iter()))
}
