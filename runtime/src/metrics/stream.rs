//! What is counted of the open streams of an action.

use std::sync::Arc;

use crate::metrics::{
    handle::{Bounds, Counter, Counters, Gauge, Histogram},
    registry::{Desc, Metrics},
};

const OPEN: Desc = Desc { name: "kipo_streams_open", help: "Open streams, by action." };
const DELIVERIES: Desc = Desc {
    name: "kipo_stream_deliveries_total",
    help: "Events that connections have taken to write to their clients.",
};
const LAG: Desc = Desc {
    name: "kipo_stream_lag_messages",
    help: "Events that waited for a client at each write to it.",
};
const GAPS: Desc = Desc {
    name: "kipo_stream_gaps_total",
    help: "Gaps that clients were sent because they miss messages, by reason.",
};

const LAG_BOUNDS: Bounds = Bounds { upper: &[1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000], steps: 1 };

/// The handles of the streams of one action. An empty one counts nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct StreamMeter(Option<Arc<Handles>>);

#[derive(Debug)]
struct Handles {
    open: Gauge,
    deliveries: Counter,
    lag: Histogram,
    gaps: Counters,
}

impl StreamMeter {
    pub(super) fn new(metrics: &Metrics, action: &str, reasons: &[&'static str]) -> Self {
        if !metrics.is_counting() {
            return Self::default();
        }
        let labels = [("action", action)];
        Self(Some(Arc::new(Handles {
            open: metrics.gauge(OPEN, &labels),
            deliveries: metrics.counter(DELIVERIES, &labels),
            lag: metrics.histogram(LAG, &labels, &LAG_BOUNDS),
            gaps: metrics.counters(GAPS, &labels, "reason", reasons.iter().copied()),
        })))
    }

    /// Counts a stream as open until what this returns is dropped.
    pub(crate) fn open(&self) -> OpenStream {
        if let Some(handles) = &self.0 {
            handles.open.raise();
        }
        OpenStream(self.clone())
    }

    /// Counts the events that a connection takes at once.
    pub(crate) fn count_write(&self, events: u64) {
        if let Some(handles) = self.0.as_ref().filter(|_| events > 0) {
            handles.deliveries.add(events);
            handles.lag.observe(events);
        }
    }

    /// Counts a gap; `reason` is its index among the reasons.
    pub(crate) fn count_gap(&self, reason: usize) {
        if let Some(handles) = &self.0 {
            handles.gaps.add(reason, 1);
        }
    }
}

/// An open stream.
#[derive(Debug)]
pub(crate) struct OpenStream(StreamMeter);

impl Drop for OpenStream {
    fn drop(&mut self) {
        if let Some(handles) = &self.0.0 {
            handles.open.lower();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_open_until_it_is_dropped() {
        let metrics = Metrics::counting();
        let meter = StreamMeter::new(&metrics, "Follow", &["expired", "diverged"]);
        let (first, second) = (meter.open(), meter.open());
        drop(first);
        assert!(metrics.text().contains("kipo_streams_open{action=\"Follow\"} 1\n"));
        drop(second);
        meter.count_write(3);
        meter.count_write(0);
        meter.count_gap(1);
        let text = metrics.text();
        for line in [
            r#"kipo_streams_open{action="Follow"} 0"#,
            r#"kipo_stream_deliveries_total{action="Follow"} 3"#,
            r#"kipo_stream_lag_messages_count{action="Follow"} 1"#,
            r#"kipo_stream_lag_messages_bucket{action="Follow",le="5"} 1"#,
            r#"kipo_stream_gaps_total{action="Follow",reason="diverged"} 1"#,
        ] {
            assert!(text.contains(&format!("{line}\n")), "{line}: {text}");
        }
    }
}
