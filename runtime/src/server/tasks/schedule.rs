//! The tasks of an app, from their declaration to the start of the server.

use std::{borrow::Cow, collections::BTreeSet, pin::Pin, time::Duration};

use tokio_util::sync::CancellationToken;

use crate::{
    action::States,
    error::{Result, StartDiagnostic},
    metrics::{Metrics, TaskMeter},
    server::tasks::{run::Task, task_context::TaskContext, work::Work},
};

/// The shortest period. The timer has no shorter steps.
const PERIOD_MIN: Duration = Duration::from_millis(1);

/// The tasks of an app, in the order in which they were added.
#[derive(Debug, Default)]
pub(crate) struct Tasks(Vec<Declared>);

#[derive(Debug)]
struct Declared {
    name: Cow<'static, str>,
    work: Work,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    /// Starts again whenever it ends.
    Restarts,
    /// Runs at the ticks of this period.
    Every(Duration),
}

impl Kind {
    /// Returns the method that adds such a task.
    fn method(self) -> &'static str {
        match self {
            Self::Restarts => "task",
            Self::Every(_) => "every",
        }
    }
}

impl Tasks {
    /// Adds a task that starts again whenever it ends.
    pub(crate) fn add<F, R>(&mut self, name: Cow<'static, str>, work: F)
    where
        F: Fn(TaskContext) -> R + Send + Sync + 'static,
        R: Future<Output = Result<()>> + Send + 'static,
    {
        self.0.push(Declared { name, work: Work::new(work), kind: Kind::Restarts });
    }

    /// Adds a task that runs periodically.
    pub(crate) fn add_every<F, R>(&mut self, name: Cow<'static, str>, period: Duration, work: F)
    where
        F: Fn(TaskContext) -> R + Send + Sync + 'static,
        R: Future<Output = Result<()>> + Send + 'static,
    {
        self.0.push(Declared { name, work: Work::new(work), kind: Kind::Every(period) });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns a diagnostic for each error: a name that is empty or that another task has, a period
    /// that is too short.
    pub(crate) fn errors(&self) -> Vec<StartDiagnostic> {
        let mut errors = Vec::new();
        let mut names = BTreeSet::new();
        for Declared { name, kind, .. } in &self.0 {
            let location = || format!("App::{}({name:?})", kind.method());
            if name.is_empty() {
                let message = "a task needs a name: the log refers to it by that";
                errors.push(StartDiagnostic::new(location(), message));
            } else if !names.insert(name) {
                let message = "another task has this name: rename one of them";
                errors.push(StartDiagnostic::new(location(), message));
            }
            if let Kind::Every(period) = kind
                && *period < PERIOD_MIN
            {
                let message = format!("the period is {period:?}: it must be at least 1 ms");
                errors.push(StartDiagnostic::new(location(), message));
            }
        }
        errors
    }

    /// Returns the futures that run the tasks until `cancellation`.
    pub(crate) fn start(
        self,
        states: &States,
        metrics: &Metrics,
        cancellation: &CancellationToken,
    ) -> Vec<Pin<Box<dyn Future<Output = ()> + Send>>> {
        let start =
            |Declared { name, work, kind }: Declared| -> Pin<Box<dyn Future<Output = ()> + Send>> {
                let (states, cancellation) = (states.clone(), cancellation.clone());
                let meter = TaskMeter::new(metrics, &name);
                let task = Task { name, work, meter, states, cancellation };
                match kind {
                    Kind::Restarts => Box::pin(task.run()),
                    Kind::Every(period) => Box::pin(task.run_every(period)),
                }
            };
        self.0.into_iter().map(start).collect()
    }
}

#[cfg(test)]
mod tests;
