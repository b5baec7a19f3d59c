//! What is counted of the calls of a cached action.

use crate::metrics::{
    handle::Counter,
    registry::{Desc, Metrics},
};

const CALLS: Desc = Desc {
    name: "kipo_cache_calls_total",
    help: "Calls of actions with a cache, by where their output came from.",
};

/// The handles of one action. An empty one counts nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct CacheMeter {
    pub(crate) hits: Counter,
    pub(crate) misses: Counter,
    pub(crate) collapsed: Counter,
}

impl CacheMeter {
    /// Registers an action.
    pub(crate) fn new(metrics: &Metrics, action: &str) -> Self {
        let counter = |result| metrics.counter(CALLS, &[("action", action), ("result", result)]);
        Self { hits: counter("hit"), misses: counter("miss"), collapsed: counter("collapsed") }
    }
}
