//! Delays as a histogram: eight steps for each doubling.

use std::sync::atomic::{AtomicU64, Ordering};

/// How often which delay was seen, in µs.
#[derive(Debug)]
pub(super) struct Delays([AtomicU64; 256]);

impl Default for Delays {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; 256])
    }
}

impl Delays {
    pub(super) fn add(&self, delay_us: u64) {
        let step = ((delay_us.max(1) as f64).log2() * 8.0) as usize;
        self.0[step.min(self.0.len() - 1)].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn clear(&self) {
        self.0.iter().for_each(|count| count.store(0, Ordering::Relaxed));
    }

    /// Returns the delay below which `part` of all lie, in µs; it is exact to 5 %.
    pub(super) fn percentile(&self, part: f64) -> f64 {
        let counts: Vec<u64> = self.0.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        let wanted = counts.iter().sum::<u64>() as f64 * part;
        let mut below = 0.0;
        for (step, count) in counts.iter().enumerate() {
            below += *count as f64;
            if below >= wanted && *count > 0 {
                return ((step as f64 + 0.5) / 8.0).exp2();
            }
        }
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_exact_to_a_step() {
        let delays = Delays::default();
        (1..=1_000).for_each(|delay_us| delays.add(delay_us));
        for (part, expected) in [(0.5, 500.0), (0.99, 990.0)] {
            let ratio = delays.percentile(part) / expected;
            assert!((0.95..1.06).contains(&ratio), "{part}: {ratio}");
        }
        delays.clear();
        assert_eq!(delays.percentile(0.5), 0.0);
    }
}
