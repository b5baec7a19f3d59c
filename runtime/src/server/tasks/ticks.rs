//! The moments at which a periodic task is due.

use std::time::Duration;

use tokio::time::Instant;

/// The moments `origin`, `origin + period`, `origin + 2 · period` and so on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticks {
    pub(super) origin: Instant,
    /// Never zero.
    pub(super) period: Duration,
}

impl Ticks {
    /// Returns the first tick after `moment`, or `None` if it is later than the clock can count.
    ///
    /// A run that starts at `moment` stands for all ticks up to then, however many there are.
    pub(super) fn after(&self, moment: Instant) -> Option<Instant> {
        let since = moment.saturating_duration_since(self.origin);
        let into_period = since.as_nanos() % self.period.as_nanos();
        // Shorter than the period, which is a `Duration`.
        let left = Duration::from_nanos_u128(self.period.as_nanos() - into_period);
        moment.checked_add(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_tick_is_later_than_the_moment_and_on_the_grid() {
        let origin = Instant::now();
        let ticks = Ticks { origin, period: Duration::from_millis(50) };
        let at = |ms| origin + Duration::from_millis(ms);
        assert_eq!(ticks.after(at(0)), Some(at(50)));
        assert_eq!(ticks.after(at(49)), Some(at(50)));
        assert_eq!(ticks.after(at(50)), Some(at(100)));
        assert_eq!(ticks.after(at(1_000_075)), Some(at(1_000_100)));
    }

    #[test]
    fn a_tick_that_the_clock_cannot_count_never_comes() {
        let origin = Instant::now();
        let ticks = Ticks { origin, period: Duration::MAX };
        assert_eq!(ticks.after(origin), None);
    }
}
