//! `cached.Report`

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use kipo::{Action, Context, OutputCache, Result, action, data};

/// How long a computation takes.
const WORK: Duration = Duration::from_millis(300);

/// Counts the computations since the start.
static COMPUTED: AtomicU32 = AtomicU32::new(0);

/// Computes a report that takes a while, or returns one of the last ten seconds.
#[action]
pub struct Report;

/// A report.
#[data]
pub struct Summary {
    /// The number of the computation that wrote it, from 1.
    pub computation: u32,
}

impl Action for Report {
    type Output = Summary;
    const CACHE: OutputCache<Self> = OutputCache::for_secs(10).public();

    async fn call(self, _cx: Context) -> Result<Summary> {
        kipo::time::sleep(WORK).await;
        Ok(Summary { computation: COMPUTED.fetch_add(1, Ordering::Relaxed) + 1 })
    }
}
