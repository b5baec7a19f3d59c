//! What is counted of the limits of an action.

use crate::metrics::{
    handle::Counter,
    registry::{Desc, Metrics},
};

const REFUSALS: Desc = Desc {
    name: "kipo_limit_refusals_total",
    help: "Calls and streams that a limit of their action has refused, by the limit.",
};

/// Counts what the rate of one action refuses.
pub(crate) fn rate_refusals(metrics: &Metrics, action: &str) -> Counter {
    refusals(metrics, action, "rate")
}

/// Counts what the bound on the concurrent runs of one action refuses.
pub(crate) fn run_refusals(metrics: &Metrics, action: &str) -> Counter {
    refusals(metrics, action, "concurrent")
}

fn refusals(metrics: &Metrics, action: &str, limit: &str) -> Counter {
    metrics.counter(REFUSALS, &[("action", action), ("limit", limit)])
}
