//! How long to wait before the next attempt.

use std::time::Duration;

use fastrand::Rng;

const FIRST_MS: u64 = 100;
const MAX_MS: u64 = 2_000;

/// The longest wait that a server may ask for: a drain spreads a million clients over this time.
pub(crate) const ASKED_MAX: Duration = Duration::from_secs(30);

/// Waits that grow with each failure, with full jitter; what the server asked for comes first.
#[derive(Debug)]
pub(crate) struct Backoff {
    rng: Rng,
    failures: u32,
    asked_ms: Option<u64>,
}

impl Backoff {
    pub(crate) fn new(rng: Rng) -> Self {
        Self { rng, failures: 0, asked_ms: None }
    }

    /// The connection is healthy: the next failure is a first one.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    /// The server asked for a wait (`retry:`, `Retry-After`), which counts once.
    pub(crate) fn ask(&mut self, ms: u64) {
        self.asked_ms = Some(ms);
    }

    /// Returns the next wait.
    pub(crate) fn wait(&mut self) -> Duration {
        let most = (FIRST_MS << self.failures.min(10)).min(MAX_MS);
        self.failures += 1;
        // What was asked for is spread already.
        let ms = self.asked_ms.take().unwrap_or_else(|| self.rng.u64(0..=most));
        Duration::from_millis(ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_what_was_asked_for_counts_once() {
        let mut backoff = Backoff::new(Rng::with_seed(1));
        let longest = |backoff: &mut Backoff| (0..200).map(|_| backoff.wait()).max().unwrap();
        assert!(backoff.wait() <= Duration::from_millis(FIRST_MS));
        backoff.ask(9_999);
        assert_eq!(backoff.wait(), Duration::from_millis(9_999));
        let longest = longest(&mut backoff);
        assert!(longest > Duration::from_millis(MAX_MS / 2), "{longest:?}");
        assert!(longest <= Duration::from_millis(MAX_MS), "{longest:?}");
        backoff.reset();
        assert!(backoff.wait() <= Duration::from_millis(FIRST_MS));
    }
}
