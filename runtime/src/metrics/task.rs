//! What is counted of a task of the app.

use crate::metrics::{
    handle::Counter,
    registry::{Desc, Metrics},
};

const RUNS: Desc = Desc { name: "kipo_task_runs_total", help: "Runs of a task that have begun." };
const FAILURES: Desc =
    Desc { name: "kipo_task_failures_total", help: "Runs of a task that have failed or panicked." };
const RESTARTS: Desc = Desc {
    name: "kipo_task_restarts_total",
    help: "How often a task was started again, with a delay, because it had failed or ended.",
};

/// The handles of one task. An empty one counts nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct TaskMeter {
    pub(crate) runs: Counter,
    pub(crate) failures: Counter,
    pub(crate) restarts: Counter,
}

impl TaskMeter {
    /// Registers a task.
    pub(crate) fn new(metrics: &Metrics, task: &str) -> Self {
        let labels = [("task", task)];
        Self {
            runs: metrics.counter(RUNS, &labels),
            failures: metrics.counter(FAILURES, &labels),
            restarts: metrics.counter(RESTARTS, &labels),
        }
    }
}
