//! One metric: what it counts, and the numbers for each set of labels.

use std::{fmt, sync::Arc};

use crate::metrics::{cells::Cells, handle::Bounds};

/// What the numbers of a metric do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// All series of one metric.
#[derive(Debug)]
pub(super) struct Family {
    pub(super) help: &'static str,
    pub(super) kind: Kind,
    pub(super) series: Vec<Series>,
}

/// The numbers for some values of the labels.
#[derive(Debug)]
pub(super) struct Series {
    pub(super) labels: Vec<(&'static str, String)>,
    pub(super) numbers: Numbers,
}

pub(super) enum Numbers {
    Counter(Arc<Cells>),
    /// One for each value of another label. The first is always shown, the others once they are not 0.
    Counters(Arc<Cells>, &'static str, Vec<&'static str>),
    Gauge(Arc<Cells>),
    Histogram(Arc<Cells>, &'static Bounds),
    /// Read when the text is written.
    Read(Box<dyn Fn() -> f64 + Send + Sync>),
}

impl fmt::Debug for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Numbers")
    }
}
