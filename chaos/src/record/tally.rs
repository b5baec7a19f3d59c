//! What was done, counted as it is done.

use std::{
    fmt,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// One number that many add to.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn take_away(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value().fmt(f)
    }
}

/// More violations than this show nothing new.
const SHOWN_MAX: usize = 20;

/// What a server did that it must not do: a count, and the first ones in words.
#[derive(Debug, Default)]
pub(crate) struct Violations {
    count: Count,
    /// A std lock: held for one push, never across an `.await`.
    shown: Mutex<Vec<String>>,
}

impl Violations {
    pub(crate) fn add(&self, violation: String) {
        self.count.add();
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if shown.len() < SHOWN_MAX {
            shown.push(violation);
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.count.value()
    }

    /// Returns the first ones.
    pub(crate) fn shown(&self) -> Vec<String> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The numbers of one run.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    // By the proxy.
    pub(crate) cuts: Count,
    pub(crate) half_closes: Count,
    pub(crate) delays: Count,
    pub(crate) drips: Count,
    pub(crate) bad_gateways: Count,
    pub(crate) absences: Count,
    // By listeners.
    pub(crate) connections: Count,
    /// Streams that have begun and not ended.
    pub(crate) open: Count,
    pub(crate) deliveries: Count,
    pub(crate) gaps: Count,
    /// Reports that the engine cannot be reached, and that it can be again.
    pub(crate) engine_lost: Count,
    pub(crate) engine_back: Count,
    /// Attempts that were refused while no server had to listen.
    pub(crate) refused: Count,
    /// Attempts that began after the server listened, and were refused.
    pub(crate) refused_wrongly: Count,
    /// Attempts that ended before `kipo:ready` in any other way.
    pub(crate) failed: Count,
    // By publishers.
    pub(crate) acknowledged: Count,
    pub(crate) send_retries: Count,
}
