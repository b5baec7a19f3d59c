//! Rates over all nodes of an engine, by its counters.
//!
//! A node that admits a caller by its own bucket also needs a permit of the window that the clock is
//! in. A window is as long as a bucket takes to fill, and has as many permits as a full bucket. The
//! engine counts them; a node takes several at once where a window has many.
//!
//! So a caller that spreads its calls over the nodes makes at most a burst of calls in each window:
//! no more than the rate over the time, and at most twice a burst around the end of a window. A node
//! that has taken permits may not use them, so others refuse a little early: at most by one batch
//! for each node.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use kipo_topic::engine::{Engine, Link};
use sha2::{Digest as _, Sha256};
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};

use crate::action::limits::{
    bucket::Empty,
    caller::Caller,
    rate::Rate,
    table::{Granted, Table},
};

/// A node takes this part of a window's permits at once. For less than this number it takes one.
const BATCHES: u32 = 32;

/// How long the engine may take. After that the node counts alone, since a call must not wait for a
/// server that does not answer.
const PATIENCE: Duration = Duration::from_millis(500);

/// How long a node counts alone after the engine has failed, before it asks again.
const PAUSE: Duration = Duration::from_secs(1);

/// The engine that counts for all nodes.
pub(super) struct Cluster {
    engine: Arc<dyn Engine>,
    link: watch::Receiver<Link>,
    /// When the engine is asked again after it has failed. A std lock, never held across an `.await`.
    paused_until: Mutex<Option<Instant>>,
}

impl Cluster {
    pub(super) fn new(engine: Arc<dyn Engine>) -> Self {
        let link = engine.link();
        Self { engine, link, paused_until: Mutex::default() }
    }

    /// Takes a permit for a caller whose bucket is `key` in the table. Admits it if the engine does
    /// not answer: the bucket of this node has admitted it already.
    pub(super) async fn take(
        &self,
        table: &Table,
        key: u64,
        name: &str,
        caller: &Caller,
        rate: &Rate,
        now: Duration,
    ) -> Result<(), Empty> {
        let length = u128::from(rate.refill_ns());
        let window = u64::try_from(now.as_nanos() / length).unwrap_or(u64::MAX);
        let left = u64::try_from(length - now.as_nanos() % length).unwrap_or(u64::MAX);
        let empty = Empty { wait: left, full_in: left };
        match table.take_granted(key, window) {
            Granted::Permit => return Ok(()),
            Granted::UsedUp => return Err(empty),
            Granted::Unknown if self.is_paused() => return Ok(()),
            Granted::Unknown => {}
        }
        let batch = (rate.capacity() / BATCHES).max(1);
        let Some(count) = self.count(&counter(name, caller, window), batch, rate).await else {
            return Ok(());
        };
        let before = count.saturating_sub(batch.into());
        let free = u64::from(rate.capacity()).saturating_sub(before);
        let granted = batch.min(u32::try_from(free).unwrap_or(u32::MAX));
        let is_used_up = count >= rate.capacity().into();
        table.grant(key, window, granted.saturating_sub(1), is_used_up);
        if granted == 0 { Err(empty) } else { Ok(()) }
    }

    /// Adds a batch to a counter and returns its value, or `None` if the engine does not answer.
    async fn count(&self, counter: &str, batch: u32, rate: &Rate) -> Option<u64> {
        let window = Duration::from_nanos(rate.refill_ns());
        match timeout(PATIENCE, self.engine.count(counter, batch.into(), window)).await {
            Ok(Ok(count)) => return Some(count),
            Ok(Err(error)) => self.pause(&error),
            Err(_) => self.pause(&"the engine does not answer in time"),
        }
        None
    }

    fn is_paused(&self) -> bool {
        *self.link.borrow() == Link::Down
            || self.paused_until().is_some_and(|until| Instant::now() < until)
    }

    /// Lets this node count alone for a while.
    fn pause(&self, cause: &dyn fmt::Display) {
        *self.paused_until() = Some(Instant::now() + PAUSE);
        tracing::warn!(%cause, "rates are counted on this node alone while the engine does not count");
    }

    fn paused_until(&self) -> MutexGuard<'_, Option<Instant>> {
        self.paused_until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cluster").field(&self.engine.profile().name).finish()
    }
}

/// Returns the time since 1970, by which all nodes agree on a window.
pub(super) fn wall_clock() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// Returns the name of a counter. It holds a hash, so that an engine stores neither addresses nor ids
/// of sessions.
fn counter(name: &str, caller: &Caller, window: u64) -> String {
    let (kind, bytes) = caller.bytes();
    let mut hash = Sha256::new();
    // The length tells a name and a caller apart that are equal when joined.
    hash.update((name.len() as u64).to_le_bytes());
    hash.update(name);
    hash.update([kind]);
    hash.update(bytes);
    let digest = hash.finalize();
    let hash = digest.first_chunk().map_or(0, |bytes| u128::from_be_bytes(*bytes));
    format!("rate/{hash:032x}/{window}")
}
