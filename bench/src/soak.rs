//! Many listeners for many minutes: memory and open files stay where they are, and nothing is lost.

use std::io;
use std::time::{Duration, Instant};

use load::console::{print, progress};
use load::machine;

use crate::clients::listeners::Listeners;
use crate::plan::Soak;
use crate::serve::room::Order;
use crate::serve::side::{Endpoint, Side};
use crate::server::open_files;
use crate::server::{Cores, Server};
use crate::table::{median, number, sorted};

/// Deliveries a second in all.
const DELIVERIES_PER_SECOND: usize = 50_000;

/// Between two lines of the report.
const REPORT: Duration = Duration::from_secs(5);

/// The last listener subscribes a moment after its response head has left.
const SUBSCRIBING: Duration = Duration::from_millis(500);

/// How far memory may be above that after the warm-up, in hundredths of it.
const GROWTH_MAX_PERCENT: f64 = 2.0;

/// And in bytes: allocators round, and a thread's stack comes late.
const GROWTH_MAX_BYTES: f64 = 1_048_576.0;

/// What the server had at one moment.
#[derive(Clone, Copy, Debug)]
struct Sample {
    memory: f64,
    files: usize,
}

/// Runs, prints a line from time to time, and fails where anything grows or is lost.
pub(crate) fn run(soak: Soak) -> io::Result<()> {
    let cores = Cores::claim();
    open_files::raise();
    print(format!("{}; {cores}", machine::describe()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(listen(soak, cores))
}

async fn listen(Soak { listeners: count, time }: Soak, cores: Cores) -> io::Result<()> {
    if open_files::possible(&[count]) != [count] {
        return Err(io::Error::other("too few files may be open"));
    }
    let server = Server::start(Side::Kipo, cores).await?;
    let mut listeners = Listeners::new(server.address(), server.side.path(Endpoint::Listen));
    progress(format!("{count} listeners connect"));
    listeners.grow_to(count).await?;
    tokio::time::sleep(SUBSCRIBING).await;
    let per_second = (DELIVERIES_PER_SECOND / count.max(1)).clamp(1, 1_000);
    server.publish(&Order::one(u32::try_from(per_second).map_err(io::Error::other)?)).await?;

    print("| seconds | RssAnon, KiB | open files | received | twice or out of order | gaps |");
    print("|--:|--:|--:|--:|--:|--:|");
    let (start, mut samples) = (Instant::now(), Vec::new());
    while start.elapsed() < time {
        tokio::time::sleep(REPORT.min(time.saturating_sub(start.elapsed()))).await;
        let seen = listeners.seen()?;
        let sample = Sample { memory: server.memory()? as f64, files: server.open_files()? };
        samples.push(sample);
        print(format!(
            "| {} | {} | {} | {} | {} | {} |",
            start.elapsed().as_secs(),
            number(sample.memory / 1_024.0, 0),
            sample.files,
            number(seen.received as f64, 0),
            seen.disordered,
            seen.gaps
        ));
    }

    let expected = server.stop_publishing().await? * count as u64;
    let seen = listeners.settle(expected).await?;
    let lost = expected.saturating_sub(seen.received);
    print(format!(
        "\n{} of {} deliveries came: {lost} lost, {} twice or out of order, {} gaps",
        number(seen.received as f64, 0),
        number(expected as f64, 0),
        seen.disordered,
        seen.gaps
    ));
    drop(listeners);
    server.kill().await?;
    if lost > 0 || seen.disordered > 0 || seen.gaps > 0 {
        return Err(io::Error::other("a listener did not get each message once and in order"));
    }
    let growth = growth(&samples)?;
    print(format!("memory after the warm-up to the end: {growth:+.2} %"));
    Ok(())
}

/// Returns how much memory has grown since the warm-up, in hundredths.
///
/// # Errors
///
/// Fails where that is above the bound, or files stay open.
fn growth(samples: &[Sample]) -> io::Result<f64> {
    // The warm-up is the first fifth. The fifth after it is compared with the last one.
    let fifth = samples.len() / 5;
    let early = &samples[fifth..(2 * fifth).max(fifth + 1).min(samples.len())];
    let late = &samples[samples.len() - fifth.max(1).min(samples.len())..];
    let memory = |samples: &[Sample]| median(&sorted(samples.iter().map(|s| s.memory)));
    let files = |samples: &[Sample]| samples.iter().map(|s| s.files).max().unwrap_or(0);
    let (before, after) = (memory(early), memory(late));
    let bound = before * (1.0 + GROWTH_MAX_PERCENT / 100.0) + GROWTH_MAX_BYTES;
    if after > bound {
        let kib = |bytes: f64| number(bytes / 1_024.0, 0);
        let (before, after) = (kib(before), kib(after));
        return Err(io::Error::other(format!("memory grew from {before} KiB to {after} KiB")));
    }
    if files(late) > files(early) {
        let (before, after) = (files(early), files(late));
        return Err(io::Error::other(format!("open files grew from {before} to {after}")));
    }
    Ok((after / before - 1.0) * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(memory: impl Iterator<Item = f64>, files: usize) -> Vec<Sample> {
        memory.map(|mib| Sample { memory: mib * 1_048_576.0, files }).collect()
    }

    #[test]
    fn memory_that_grows_in_the_warm_up_alone_is_fine() {
        let steps = (0..100).map(|n| f64::from(n).min(20.0));
        assert_eq!(growth(&samples(steps, 5)).unwrap(), 0.0);
    }

    #[test]
    fn memory_that_goes_on_growing_is_an_error() {
        let steps = (0..100).map(|n| 20.0 + f64::from(n) * 0.1);
        let error = growth(&samples(steps, 5)).unwrap_err();
        assert!(error.to_string().starts_with("memory grew from"), "{error}");
    }

    #[test]
    fn files_that_stay_open_are_an_error() {
        let mut samples = samples((0..10).map(|_| 20.0), 5);
        samples[9].files = 6;
        assert_eq!(growth(&samples).unwrap_err().to_string(), "open files grew from 5 to 6");
    }

    #[test]
    fn one_sample_is_enough() {
        assert_eq!(growth(&samples([20.0].into_iter(), 5)).unwrap(), 0.0);
    }
}
