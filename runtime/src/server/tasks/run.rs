//! The life of one task, from the start of the server to its drain.
//!
//! These futures end soon after their cancellation. One that has to wait for its task waits without
//! a limit: the server drops it when the time of the drain is over.

use std::{borrow::Cow, pin::pin, time::Duration};

use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::{
    action::States,
    error::Result,
    metrics::TaskMeter,
    server::tasks::{backoff::Backoff, task_context::TaskContext, ticks::Ticks, work::Work},
};

/// One task of an app.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) name: Cow<'static, str>,
    pub(super) work: Work,
    pub(super) meter: TaskMeter,
    pub(super) states: States,
    /// Completes when the server drains.
    pub(super) cancellation: CancellationToken,
}

impl Task {
    /// Runs the work again and again until the server drains.
    pub(super) async fn run(self) {
        let mut backoff = Backoff::default();
        while !self.cancellation.is_cancelled() {
            let (cx, began) = (self.context(), Instant::now());
            self.meter.runs.add(1);
            let mut running = pin!(self.work.run(cx.clone()));
            let outcome = tokio::select! {
                biased;
                outcome = &mut running => outcome,
                () = self.cancellation.cancelled() => {
                    if !cx.has_asked() {
                        return;
                    }
                    running.await
                }
            };
            if self.cancellation.is_cancelled() {
                return self.log_last(&outcome);
            }
            let delay = backoff.after(began.elapsed());
            self.log(&outcome, delay);
            self.unless_cancelled(sleep(delay)).await;
        }
    }

    /// Runs the work at once and then at each tick, until the server drains. A run is never dropped.
    pub(super) async fn run_every(self, period: Duration) {
        let (mut backoff, origin) = (Backoff::default(), Instant::now());
        let ticks = Ticks { origin, period };
        let mut due = Some(origin);
        loop {
            match due {
                Some(due) => self.unless_cancelled(sleep_until(due)).await,
                None => self.cancellation.cancelled().await,
            }
            if self.cancellation.is_cancelled() {
                return;
            }
            let began = Instant::now();
            self.meter.runs.add(1);
            let outcome = self.work.run(self.context()).await;
            if self.cancellation.is_cancelled() {
                return self.log_last(&outcome);
            }
            due = if outcome.is_ok() {
                backoff.reset();
                ticks.after(began)
            } else {
                let delay = backoff.after(Duration::ZERO);
                self.log(&outcome, delay);
                Some(Instant::now() + delay)
            };
        }
    }

    fn context(&self) -> TaskContext {
        let cancellation = self.cancellation.child_token();
        TaskContext::new(self.name.clone(), self.states.clone(), cancellation)
    }

    /// Waits for a delay, or until the server drains.
    async fn unless_cancelled(&self, delay: impl Future<Output = ()>) {
        tokio::select! {
            () = self.cancellation.cancelled() => {}
            () = delay => {}
        }
    }

    /// Logs a run after which the task starts again.
    fn log(&self, outcome: &Result<()>, delay: Duration) {
        let (task, again_in_ms) = (&*self.name, delay.as_millis());
        self.meter.restarts.add(1);
        match outcome {
            Ok(()) => tracing::warn!(task, again_in_ms, "the task has ended, and starts again"),
            Err(error) => {
                self.meter.failures.add(1);
                let error = error.log_text();
                tracing::error!(task, error, again_in_ms, "the task has failed, and starts again");
            }
        }
    }

    /// Logs the last run.
    fn log_last(&self, outcome: &Result<()>) {
        if let Err(error) = outcome {
            self.meter.failures.add(1);
            let (task, error) = (&*self.name, error.log_text());
            tracing::error!(task, error, "the task has failed while the server drains");
        }
    }
}
