//! Axes: where a value stands on one, and which values have a tick.

use crate::table::number;

/// About how many ticks a linear axis has.
const TICKS: f64 = 5.0;

/// How an axis divides its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scale {
    /// From zero, in equal steps.
    Linear,
    /// Each factor has the same length. All values are above zero.
    Log,
}

/// One axis with its range.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    scale: Scale,
    /// Below `max`.
    min: f64,
    max: f64,
    /// Of two ticks on a linear axis.
    step: f64,
}

impl Axis {
    /// Returns an axis that has all values on it; a logarithmic one leaves out what is not above
    /// zero.
    pub(super) fn over(scale: Scale, values: impl Iterator<Item = f64>) -> Self {
        let values = values.filter(|value| value.is_finite());
        let values: Vec<f64> = values.filter(|v| scale == Scale::Linear || *v > 0.0).collect();
        let max = values.iter().copied().fold(f64::NAN, f64::max);
        let max = if max > 0.0 { max } else { 1.0 };
        let min = values.iter().copied().fold(max, f64::min);
        match scale {
            Scale::Linear => {
                let step = round_up(max / TICKS);
                Self { scale, min: 0.0, max: (max / step).ceil() * step, step }
            }
            // One value alone stands in the middle.
            Scale::Log if min == max => Self { scale, min: min / 2.0, max: max * 2.0, step: 0.0 },
            Scale::Log => Self { scale, min, max, step: 0.0 },
        }
    }

    /// Returns where a value is, from 0 to 1.
    pub(super) fn position(&self, value: f64) -> f64 {
        let Self { min, max, .. } = *self;
        match self.scale {
            Scale::Linear => value / max,
            Scale::Log => (value / min).ln() / (max / min).ln(),
        }
    }

    /// Returns the values that have a tick, from the lowest on.
    pub(super) fn ticks(&self) -> Vec<f64> {
        match self.scale {
            Scale::Linear => {
                let count = (self.max / self.step).round() as u32;
                (0..=count).map(|n| f64::from(n) * self.step).collect()
            }
            Scale::Log => {
                let decades = self.multiples(&[1.0]);
                match decades.len() {
                    0..=2 => self.multiples(&[1.0, 2.0, 5.0]),
                    _ => decades,
                }
            }
        }
    }

    /// Returns the text of a tick.
    pub(super) fn label(&self, tick: f64) -> String {
        let finest = if self.scale == Scale::Linear { self.step } else { tick };
        let decimals = (-finest.log10().floor()).max(0.0) as usize;
        number(tick, decimals)
    }

    /// Returns each of these times a power of ten that is on the axis.
    fn multiples(&self, factors: &[f64]) -> Vec<f64> {
        let (first, last) = (self.min.log10().floor() as i32, self.max.log10().ceil() as i32);
        let all = (first..=last).flat_map(|n| factors.iter().map(move |f| f * 10_f64.powi(n)));
        // A power of ten that is computed may miss the end of the axis by a rounding.
        all.filter(|v| (self.min * 0.999..=self.max * 1.001).contains(v)).collect()
    }
}

/// Returns the next 1, 2 or 5 times a power of ten.
fn round_up(value: f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= value * 0.999);
    factor.unwrap_or(10.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(scale: Scale, values: &[f64], expected: &[&str]) {
        let axis = Axis::over(scale, values.iter().copied());
        let labels: Vec<_> = axis.ticks().into_iter().map(|tick| axis.label(tick)).collect();
        assert_eq!(labels, expected);
    }

    #[test]
    fn a_linear_axis_begins_at_zero_and_has_round_steps_up_to_the_largest_value() {
        check(Scale::Linear, &[3.1, 9.7], &["0", "2", "4", "6", "8", "10"]);
        check(Scale::Linear, &[0.9], &["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        check(Scale::Linear, &[1_800.0], &["0", "500", "1,000", "1,500", "2,000"]);
        check(Scale::Linear, &[], &["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
    }

    #[test]
    fn a_logarithmic_axis_has_a_tick_at_each_power_of_ten() {
        check(Scale::Log, &[100.0, 30_000.0], &["100", "1,000", "10,000"]);
        check(Scale::Log, &[0.1, 10.0], &["0.1", "1", "10"]);
    }

    #[test]
    fn a_short_logarithmic_axis_has_ticks_between_the_powers_of_ten() {
        check(Scale::Log, &[1.0, 2.0], &["1", "2"]);
        check(Scale::Log, &[3.0, 60.0], &["5", "10", "20", "50"]);
    }

    #[test]
    fn each_factor_has_the_same_length_on_a_logarithmic_axis() {
        let axis = Axis::over(Scale::Log, [1.0, 100.0].into_iter());
        for (value, position) in [(1.0, 0.0), (10.0, 0.5), (100.0, 1.0)] {
            assert!((axis.position(value) - position).abs() < 1e-9, "{value}");
        }
    }

    #[test]
    fn values_that_have_no_position_on_a_logarithmic_axis_do_not_stretch_it() {
        check(Scale::Log, &[0.0, -1.0, f64::NAN, 1.0, 100.0], &["1", "10", "100"]);
    }
}
