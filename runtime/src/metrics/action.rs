//! What is counted of an action.

use std::{sync::Arc, time::Instant};

use crate::metrics::{
    handle::{Bounds, Counters, Histogram},
    registry::{Desc, Metrics},
    stream::StreamMeter,
};

const CALLS: Desc =
    Desc { name: "kipo_calls_total", help: "Calls that have ended, by action and code." };
const DURATIONS: Desc = Desc {
    name: "kipo_call_duration_seconds",
    help: "Time from the head of a call's request to its response.",
};
const STREAMS: Desc = Desc {
    name: "kipo_streams_total",
    help: "Streams that were opened or refused, by action and code.",
};

/// From what a cache answers to what a person waits for, in microseconds.
const DURATION_BOUNDS: Bounds = Bounds {
    upper: &[
        500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
        2_500_000, 5_000_000, 10_000_000, 30_000_000,
    ],
    steps: 1_000_000,
};

/// The codes that are no errors.
const OK: usize = 0;
const DISCONNECTED: usize = 1;
const NO_ERRORS: [&str; 2] = ["ok", "disconnected"];

/// The `action` of all calls for which there is no action. No action has such a name.
const UNKNOWN: &str = "(unknown)";

/// The handles of one action. An empty one counts nothing, and costs one comparison.
#[derive(Clone, Debug, Default)]
pub(crate) struct ActionMeter(Option<Arc<Handles>>);

#[derive(Debug)]
struct Handles {
    /// The words of all errors, in the order of the counters.
    codes: Vec<&'static str>,
    calls: Counters,
    durations: Histogram,
    streams: Counters,
    stream: StreamMeter,
}

impl ActionMeter {
    /// Registers an action. `codes` are the words of all errors; an error is counted by its index
    /// among them.
    pub(crate) fn new(metrics: &Metrics, action: &str, codes: &[&'static str]) -> Self {
        Self::registered(metrics, action, codes, Counters::default(), StreamMeter::default())
    }

    /// Registers an action that streams; `reasons` are those of gaps.
    pub(crate) fn of_stream(
        metrics: &Metrics,
        action: &str,
        codes: &[&'static str],
        reasons: &[&'static str],
    ) -> Self {
        let values = NO_ERRORS.into_iter().chain(codes.iter().copied());
        let streams = metrics.counters(STREAMS, &[("action", action)], "code", values);
        let stream = StreamMeter::new(metrics, action, reasons);
        Self::registered(metrics, action, codes, streams, stream)
    }

    /// Registers the calls for which there is no action.
    pub(crate) fn of_unknown(metrics: &Metrics, codes: &[&'static str]) -> Self {
        Self::new(metrics, UNKNOWN, codes)
    }

    fn registered(
        metrics: &Metrics,
        action: &str,
        codes: &[&'static str],
        streams: Counters,
        stream: StreamMeter,
    ) -> Self {
        if !metrics.is_counting() {
            return Self::default();
        }
        let labels = [("action", action)];
        let codes = codes.to_vec();
        let values = NO_ERRORS.into_iter().chain(codes.iter().copied());
        let calls = metrics.counters(CALLS, &labels, "code", values);
        Self(Some(Arc::new(Handles {
            codes,
            calls,
            durations: metrics.histogram(DURATIONS, &labels, &DURATION_BOUNDS),
            streams,
            stream,
        })))
    }

    /// Begins a call.
    pub(crate) fn begin_call(&self) -> RunningCall<'_> {
        RunningCall(self.0.as_deref().map(|handles| (handles, Instant::now())))
    }

    /// Returns the index of an error's word among the registered ones, if it is one of them.
    pub(crate) fn index_of(&self, word: &str) -> Option<usize> {
        self.0.as_ref()?.codes.iter().position(|code| *code == word)
    }

    /// Counts a stream that opens, or that is refused with an error.
    pub(crate) fn count_stream(&self, error: Option<usize>) {
        if let Some(handles) = &self.0 {
            handles.streams.add(code(error), 1);
        }
    }

    /// Returns what open streams of the action count.
    pub(crate) fn stream(&self) -> StreamMeter {
        self.0.as_ref().map(|handles| handles.stream.clone()).unwrap_or_default()
    }
}

/// A call that has not ended. A dropped one is counted as disconnected.
#[derive(Debug)]
pub(crate) struct RunningCall<'m>(Option<(&'m Handles, Instant)>);

impl RunningCall<'_> {
    /// Counts the call; `error` is the index of its code if it failed.
    pub(crate) fn end(mut self, error: Option<usize>) {
        self.count(code(error));
    }

    fn count(&mut self, code: usize) {
        if let Some((handles, began)) = self.0.take() {
            handles.calls.add(code, 1);
            let us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
            handles.durations.observe(us);
        }
    }
}

impl Drop for RunningCall<'_> {
    fn drop(&mut self) {
        self.count(DISCONNECTED);
    }
}

/// Returns the index among all codes.
fn code(error: Option<usize>) -> usize {
    error.map_or(OK, |error| NO_ERRORS.len() + error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_counted_once_by_its_code() {
        let metrics = Metrics::counting();
        let meter = ActionMeter::new(&metrics, "Greet", &["bad_request", "internal"]);
        meter.begin_call().end(None);
        meter.begin_call().end(Some(1));
        drop(meter.begin_call());
        let text = metrics.text();
        for line in [
            r#"kipo_calls_total{action="Greet",code="ok"} 1"#,
            r#"kipo_calls_total{action="Greet",code="internal"} 1"#,
            r#"kipo_calls_total{action="Greet",code="disconnected"} 1"#,
            r#"kipo_call_duration_seconds_count{action="Greet"} 3"#,
        ] {
            assert!(text.contains(&format!("{line}\n")), "{line}: {text}");
        }
        assert!(!text.contains("bad_request") && !text.contains("kipo_streams_total"), "{text}");
    }

    #[test]
    fn a_meter_of_an_app_that_does_not_count_takes_no_time() {
        let meter = ActionMeter::new(&Metrics::default(), "Greet", &["internal"]);
        assert!(meter.begin_call().0.is_none());
        meter.count_stream(Some(0));
    }
}
