//! Listeners of the room: many open event streams that count their messages.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::stream::{Seen, Stream, Tally};

/// Connections that are being opened at once: below any accept backlog.
const OPENING_MAX: usize = 64;

/// When nothing has come for this long, nothing more is under way. A busy machine has been seen to
/// keep a server of 10,000 listeners waiting for more than a second.
const QUIET: Duration = Duration::from_secs(2);

/// Open streams; dropping them closes all.
#[derive(Debug)]
pub(crate) struct Listeners {
    address: SocketAddr,
    path: &'static str,
    tally: Arc<Tally>,
    tasks: JoinSet<io::Error>,
}

impl Listeners {
    pub(crate) fn new(address: SocketAddr, path: &'static str) -> Self {
        Self { address, path, tally: Arc::default(), tasks: JoinSet::new() }
    }

    /// Opens streams until there are `count`, each with its response head received.
    pub(crate) async fn grow_to(&mut self, count: usize) -> io::Result<()> {
        let mut missing = count.saturating_sub(self.tasks.len());
        while missing > 0 {
            let batch = missing.min(OPENING_MAX);
            let mut opening = JoinSet::new();
            for number in self.tasks.len()..self.tasks.len() + batch {
                let tally = Arc::clone(&self.tally);
                opening.spawn(Stream::open(self.address, self.path, number, tally));
            }
            for opened in opening.join_all().await {
                self.tasks.spawn(opened?.run());
            }
            missing -= batch;
        }
        Ok(())
    }

    /// Returns what all listeners have seen so far.
    ///
    /// # Errors
    ///
    /// Fails once any stream has ended: a row with failures is not a measurement.
    pub(crate) fn seen(&mut self) -> io::Result<Seen> {
        match self.tasks.try_join_next() {
            Some(Ok(error)) => return Err(error),
            Some(Err(panicked)) => return Err(panicked.into()),
            None => {}
        }
        Ok(Seen {
            received: self.tally.received.load(Ordering::Relaxed),
            disordered: self.tally.disordered.load(Ordering::Relaxed),
            gaps: self.tally.gaps.load(Ordering::Relaxed),
        })
    }

    /// Forgets all delays that were seen so far.
    pub(crate) fn clear_delays(&self) {
        self.tally.delays.clear();
    }

    /// Returns the delay from publishing to reading below which `part` of all lie, in µs.
    pub(crate) fn delay_us(&self, part: f64) -> f64 {
        self.tally.delays.percentile(part)
    }

    /// Waits until `expected` messages have come, or nothing comes any more.
    pub(crate) async fn settle(&mut self, expected: u64) -> io::Result<Seen> {
        let mut last = (self.seen()?, Instant::now());
        loop {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let seen = self.seen()?;
            if seen.received != last.0.received {
                last = (seen, Instant::now());
            }
            if seen.received >= expected || last.1.elapsed() > QUIET {
                return Ok(seen);
            }
        }
    }
}
