//! A bucket of permits that fills evenly over the time: the generic cell rate algorithm.
//!
//! A bucket is one number, the moment at which it is full again. There is no window that begins or
//! ends, so nothing has to be reset.

use crate::action::limits::rate::Rate;

/// The permits of one caller.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bucket {
    /// When the bucket is full again, in nanoseconds. A moment in the past is a full bucket.
    pub(super) full_at: u64,
}

/// What a bucket holds after a permit was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Level {
    pub(super) remaining: u32,
    /// The time until the bucket is full, in nanoseconds.
    pub(super) full_in: u64,
}

/// A bucket without a permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Empty {
    /// The time until there is a permit, in nanoseconds.
    pub(super) wait: u64,
    /// The time until the bucket is full, in nanoseconds.
    pub(super) full_in: u64,
}

impl Bucket {
    /// Takes a permit, or nothing if there is none.
    pub(super) fn take(&mut self, rate: &Rate, now: u64) -> Result<Level, Empty> {
        let (interval, refill) = (rate.interval_ns(), rate.refill_ns());
        let full_at = self.full_at.max(now).saturating_add(interval);
        let full_in = full_at - now;
        if full_in > refill {
            return Err(Empty { wait: full_in - refill, full_in: full_in - interval });
        }
        self.full_at = full_at;
        let remaining = (refill - full_in) / interval;
        Ok(Level { remaining: u32::try_from(remaining).unwrap_or(u32::MAX), full_in })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[track_caller]
    fn takes(bucket: &mut Bucket, rate: Rate, now: u64) -> u32 {
        (0..1000).take_while(|_| bucket.take(&rate, now).is_ok()).count() as u32
    }

    /// Of Piko: "The rate limiter's window never resets: N requests ever, then 429."
    #[test]
    fn permits_return_one_by_one_after_a_burst() {
        let (mut bucket, rate) = (Bucket::default(), Rate::per_minute(5));
        assert_eq!(takes(&mut bucket, rate, 0), 5);
        let refused = bucket.take(&rate, 0).unwrap_err();
        assert_eq!(refused, Empty { wait: 12 * SECOND, full_in: 60 * SECOND });
        assert_eq!(takes(&mut bucket, rate, 12 * SECOND - 1), 0);
        assert_eq!(takes(&mut bucket, rate, 12 * SECOND), 1);
        assert_eq!(takes(&mut bucket, rate, 36 * SECOND), 2);
        assert_eq!(
            takes(&mut bucket, rate, 3600 * SECOND),
            5,
            "a bucket holds no more than a burst"
        );
    }

    /// Of Piko: "Burst … keys do nothing."
    #[test]
    fn a_burst_is_the_size_of_the_bucket_and_not_its_rate() {
        let rate = Rate::per_minute(5).burst(10);
        let mut bucket = Bucket::default();
        assert_eq!(bucket.take(&rate, 0), Ok(Level { remaining: 9, full_in: 12 * SECOND }));
        assert_eq!(takes(&mut bucket, rate, 0), 9);
        assert_eq!(takes(&mut bucket, rate, 60 * SECOND), 5);
        let even = Rate::per_minute(60).burst(1);
        let mut bucket = Bucket::default();
        let taken =
            (0..600).filter(|tenth| bucket.take(&even, tenth * SECOND / 10).is_ok()).count();
        assert_eq!(taken, 60);
    }

    #[test]
    fn the_largest_rates_do_not_overflow() {
        let mut bucket = Bucket::default();
        for rate in [Rate::per_hour(1).burst(u32::MAX), Rate::per_second(u32::MAX)] {
            assert!(bucket.take(&rate, u64::MAX - 1).is_ok());
            assert!(bucket.take(&rate, u64::MAX).is_ok());
        }
    }
}
