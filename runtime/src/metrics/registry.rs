//! The series of a process, each with its name, its labels and its numbers.
//!
//! Registering takes a lock and is for the start. Counting by the handle takes none.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::metrics::{
    cells::Cells,
    family::{Family, Kind, Numbers, Series},
    handle::{Bounds, Counter, Counters, Gauge, Histogram},
    text,
};

/// What is counted, or nothing at all.
#[derive(Clone, Debug, Default)]
pub(crate) struct Metrics(Option<Arc<Registry>>);

#[derive(Debug, Default)]
struct Registry {
    /// Sorted by name. A std lock: held to register, and to write the text; never across an `.await`.
    families: Mutex<BTreeMap<&'static str, Family>>,
}

/// A metric: its name and what it counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Desc {
    /// Begins with `kipo_` or `process_`. Ends in its unit: `_seconds`, `_bytes`; `_total` for a counter.
    pub(crate) name: &'static str,
    /// One sentence.
    pub(crate) help: &'static str,
}

/// The labels of a series.
type Labels<'l> = &'l [(&'static str, &'l str)];

impl Metrics {
    /// Returns metrics that count. Those of `default` do not.
    pub(crate) fn counting() -> Self {
        Self(Some(Arc::default()))
    }

    /// Returns whether they count.
    pub(crate) fn is_counting(&self) -> bool {
        self.0.is_some()
    }

    /// Adds a number that only grows.
    pub(crate) fn counter(&self, desc: Desc, labels: Labels<'_>) -> Counter {
        Counter(self.cells(desc, Kind::Counter, labels, 1, Numbers::Counter))
    }

    /// Adds numbers that only grow, one for each of the values of the label `by`.
    pub(super) fn counters(
        &self,
        desc: Desc,
        labels: Labels<'_>,
        by: &'static str,
        values: impl IntoIterator<Item = &'static str>,
    ) -> Counters {
        let values: Vec<_> = values.into_iter().collect();
        let count = values.len();
        let numbers = |cells| Numbers::Counters(cells, by, values);
        Counters(self.cells(desc, Kind::Counter, labels, count, numbers))
    }

    /// Adds a number that grows and shrinks.
    pub(super) fn gauge(&self, desc: Desc, labels: Labels<'_>) -> Gauge {
        Gauge(self.cells(desc, Kind::Gauge, labels, 1, Numbers::Gauge))
    }

    /// Adds a histogram.
    pub(super) fn histogram(
        &self,
        desc: Desc,
        labels: Labels<'_>,
        bounds: &'static Bounds,
    ) -> Histogram {
        // The buckets, the one without a bound, and the sum.
        let (count, numbers) = (bounds.upper.len() + 2, |cells| Numbers::Histogram(cells, bounds));
        let cells = self.cells(desc, Kind::Histogram, labels, count, numbers);
        Histogram(cells.map(|cells| (cells, bounds)))
    }

    /// Adds a number that `read` returns whenever the text is written. It must not block.
    pub(crate) fn read(
        &self,
        desc: Desc,
        kind: Kind,
        labels: Labels<'_>,
        read: impl Fn() -> f64 + Send + Sync + 'static,
    ) {
        self.add(desc, kind, labels, || Numbers::Read(Box::new(read)));
    }

    /// Returns all series in the text format of Prometheus.
    pub(crate) fn text(&self) -> String {
        let Some(registry) = &self.0 else { return String::new() };
        text::write(&registry.lock())
    }

    fn cells(
        &self,
        desc: Desc,
        kind: Kind,
        labels: Labels<'_>,
        count: usize,
        numbers: impl FnOnce(Arc<Cells>) -> Numbers,
    ) -> Option<Arc<Cells>> {
        self.is_counting().then(|| {
            let cells = Arc::new(Cells::new(count));
            self.add(desc, kind, labels, || numbers(Arc::clone(&cells)));
            cells
        })
    }

    /// Adds a series. One with the same labels is replaced: the text has each series once.
    fn add(
        &self,
        Desc { name, help }: Desc,
        kind: Kind,
        labels: Labels<'_>,
        numbers: impl FnOnce() -> Numbers,
    ) {
        let Some(registry) = &self.0 else { return };
        let labels = labels.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        let series = Series { labels, numbers: numbers() };
        let mut families = registry.lock();
        let family =
            families.entry(name).or_insert_with(|| Family { help, kind, series: Vec::new() });
        family.series.retain(|other| other.labels != series.labels);
        family.series.push(series);
    }
}

impl Registry {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, Family>> {
        self.families.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
