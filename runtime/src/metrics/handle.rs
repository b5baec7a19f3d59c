//! What a room raises: counters, gauges and histograms. An empty handle counts nothing.

use std::sync::Arc;

use crate::metrics::cells::Cells;

/// A number that only grows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counter(pub(super) Option<Arc<Cells>>);

impl Counter {
    pub(crate) fn add(&self, by: u64) {
        if let Some(cells) = &self.0 {
            cells.add(0, by);
        }
    }
}

/// Numbers that only grow, one for each value of a label. Raised by the index of the value.
#[derive(Clone, Debug, Default)]
pub(super) struct Counters(pub(super) Option<Arc<Cells>>);

impl Counters {
    pub(super) fn add(&self, index: usize, by: u64) {
        if let Some(cells) = &self.0 {
            cells.add(index, by);
        }
    }
}

/// A number that grows and shrinks.
#[derive(Clone, Debug, Default)]
pub(super) struct Gauge(pub(super) Option<Arc<Cells>>);

impl Gauge {
    pub(super) fn raise(&self) {
        if let Some(cells) = &self.0 {
            cells.add(0, 1);
        }
    }

    pub(super) fn lower(&self) {
        if let Some(cells) = &self.0 {
            cells.add(0, 1_u64.wrapping_neg());
        }
    }
}

/// The upper bounds of a histogram's buckets, in whole steps.
#[derive(Debug)]
pub(super) struct Bounds {
    /// Sorted. A last bucket without a bound follows.
    pub(super) upper: &'static [u64],
    /// How many steps are one unit of the text: 1,000,000 microseconds are a second.
    pub(super) steps: u32,
}

/// How often a value was in which bucket, and the sum of all values.
#[derive(Clone, Debug, Default)]
pub(super) struct Histogram(pub(super) Option<(Arc<Cells>, &'static Bounds)>);

impl Histogram {
    /// Counts a value in steps.
    pub(super) fn observe(&self, value: u64) {
        let Some((cells, Bounds { upper, .. })) = &self.0 else { return };
        let bucket = upper.iter().position(|bound| value <= *bound).unwrap_or(upper.len());
        cells.add(bucket, 1);
        cells.add(upper.len() + 1, value);
    }
}
