//! How long a task waits before it starts again.

use std::time::Duration;

use crate::stream::jitter;

/// The first delay: short enough for a database that restarts.
const FIRST: Duration = Duration::from_secs(1);

/// The longest delay: a task that always fails writes about one line of log in a minute.
const MAX: Duration = Duration::from_secs(60);

/// A run that lasts this long was healthy, so the next delay is the first one again.
const HEALTHY: Duration = Duration::from_secs(60);

/// Exponential delays with jitter: the tasks of many nodes that lost one database do not all start
/// again at the same moment.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    /// How many runs have failed one after the other.
    failed: u32,
}

impl Backoff {
    /// Returns the delay after a run that lasted for `ran`.
    pub(super) fn after(&mut self, ran: Duration) -> Duration {
        if ran >= HEALTHY {
            self.reset();
        }
        let longest = FIRST.saturating_mul(2_u32.saturating_pow(self.failed)).min(MAX);
        self.failed = self.failed.saturating_add(1);
        let ms = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(jitter::among(ms / 2..=ms))
    }

    /// Notes that a run succeeded.
    pub(super) fn reset(&mut self) {
        self.failed = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(delay: Duration, longest_s: u64) {
        let longest = Duration::from_secs(longest_s);
        assert!((longest / 2..=longest).contains(&delay), "{delay:?} of {longest:?}");
    }

    #[test]
    fn delays_double_up_to_a_minute() {
        let mut backoff = Backoff::default();
        for longest_s in [1, 2, 4, 8, 16, 32, 60, 60] {
            check(backoff.after(Duration::ZERO), longest_s);
        }
        for _ in 0..100 {
            check(backoff.after(Duration::ZERO), 60);
        }
    }

    #[test]
    fn a_healthy_run_begins_again_with_the_first_delay() {
        let mut backoff = Backoff::default();
        (0..9).for_each(|_| _ = backoff.after(Duration::ZERO));
        check(backoff.after(HEALTHY), 1);
        check(backoff.after(Duration::ZERO), 2);
        backoff.reset();
        check(backoff.after(Duration::ZERO), 1);
    }
}
