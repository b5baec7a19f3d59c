//! The limits of one action on how often and how many times at once it runs, and the warning about
//! slow runs.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use crate::{
    action::{Bounds, Context, Identify, Limiter, Limits, RATE_KEYS_MAX, RateLimit},
    error::{Code, Error, Result},
    metrics::{Counter, Metrics, rate_refusals, run_refusals},
    schema::Refusals,
    stream::jitter,
};

/// The longest `Retry-After` for a call that finds too many others, in seconds: by then one of them
/// may have ended.
const RETRY_AFTER_S_MAX: u64 = 5;

/// The limits of one action that outlast a request. Decided at start: an action without them costs
/// its calls nothing.
#[derive(Clone, Debug)]
pub(crate) struct RunLimits {
    /// The rate by address, or by a key of the app.
    rate: Option<RateLimit>,
    /// The rate by session or by user. An action has at most one of the two rates.
    visitor_rate: Option<RateLimit>,
    concurrent: Option<Arc<Semaphore>>,
    /// Counts what the rate refuses, if the app counts.
    rate_refusals: Counter,
    /// Counts what finds too many runs, if the app counts.
    run_refusals: Counter,
}

/// The right to run an action. It is released when dropped. `None` if the runs are not limited.
pub(crate) type RunPermit = Option<OwnedSemaphorePermit>;

impl RunLimits {
    /// Returns the limits of an action within those of its app.
    pub(crate) fn new(action: &str, limits: Limits, app: &AppLimits) -> Self {
        let rate = limits.rate_within(app.limits);
        let rate = rate.map(|rate| RateLimit::new(app.limiter.clone(), action, rate, app.identify));
        let (visitor_rate, rate) = match rate {
            Some(rate) if rate.is_by_visitor() => (Some(rate), None),
            rate => (None, rate),
        };
        let concurrent = limits.concurrent_within(app.limits);
        let concurrent = concurrent.map(|max| Semaphore::new(max.min(Semaphore::MAX_PERMITS)));
        let (rate_refusals, run_refusals) = Default::default();
        let concurrent = concurrent.map(Arc::new);
        Self { rate, visitor_rate, concurrent, rate_refusals, run_refusals }
    }

    /// Counts what the limits refuse.
    pub(crate) fn count_refusals(&mut self, metrics: &Metrics, action: &str) {
        if self.has_rate() {
            self.rate_refusals = rate_refusals(metrics, action);
        }
        if self.concurrent.is_some() {
            self.run_refusals = run_refusals(metrics, action);
        }
    }

    /// Refuses an address that calls too often, and a request that finds too many runs. Takes a permit
    /// of the rate, and none to run: a client that sends its body slowly holds none.
    pub(crate) async fn admit(&self, cx: &Context) -> Result<()> {
        self.take(self.rate.as_ref(), cx).await?;
        match &self.concurrent {
            Some(runs) if runs.available_permits() == 0 => Err(self.refuse_run()),
            _ => Ok(()),
        }
    }

    /// Refuses a session or a user that calls too often, after the request has yielded what the action
    /// requires.
    pub(crate) async fn admit_visitor(&self, cx: &Context) -> Result<()> {
        self.take(self.visitor_rate.as_ref(), cx).await
    }

    async fn take(&self, rate: Option<&RateLimit>, cx: &Context) -> Result<()> {
        match rate {
            Some(rate) => rate.admit(cx).await.inspect_err(|_| self.rate_refusals.add(1)),
            None => Ok(()),
        }
    }

    fn has_rate(&self) -> bool {
        self.rate.is_some() || self.visitor_rate.is_some()
    }

    /// Takes the permit to run.
    pub(crate) fn permit(&self) -> Result<RunPermit> {
        let Some(runs) = &self.concurrent else { return Ok(None) };
        Arc::clone(runs).try_acquire_owned().map(Some).map_err(|_| self.refuse_run())
    }

    fn refuse_run(&self) -> Error {
        self.run_refusals.add(1);
        too_many_runs()
    }

    /// Returns which refusals the limits add, for the description of the action.
    pub(crate) fn refusals(&self) -> Refusals {
        Refusals { by_rate: self.has_rate(), by_runs: self.concurrent.is_some() }
    }
}

/// What an app sets for all of its actions.
#[derive(Debug)]
pub(crate) struct AppLimits {
    pub(crate) limits: Limits,
    pub(crate) limiter: Limiter,
    /// Finds the session of a request, if the app has sessions.
    pub(crate) identify: Option<Identify>,
}

impl Default for AppLimits {
    fn default() -> Self {
        Self { limits: Limits::new(), limiter: Limiter::new(RATE_KEYS_MAX), identify: None }
    }
}

fn too_many_runs() -> Error {
    let after = u32::try_from(jitter::among(1..=RETRY_AFTER_S_MAX)).unwrap_or(1);
    let message = "too many runs of this action at once: try again in a moment";
    Error::new(Code::Overloaded, message).with_retry_after(after)
}

/// Measures one run.
#[derive(Debug)]
pub(crate) struct Stopwatch {
    start: Instant,
    slow: Duration,
}

impl Stopwatch {
    pub(crate) fn start(bounds: &Bounds) -> Self {
        Self { start: Instant::now(), slow: bounds.slow }
    }

    /// Logs a run that has taken longer than [`Limits::slow`].
    pub(crate) fn stop(self, action: &str, cx: &Context) {
        let time = self.start.elapsed();
        if time > self.slow {
            let elapsed_ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
            tracing::warn!(action, elapsed_ms, request_id = %cx.request_id(), "slow action");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::logged;

    #[tokio::test(start_paused = true)]
    async fn a_slow_run_is_logged_with_its_action_and_its_time() {
        logged::start();
        let bounds = Limits::new().slow(Duration::from_millis(200)).within(Limits::new());
        for ms in [200, 201] {
            let run = Stopwatch::start(&bounds);
            tokio::time::advance(Duration::from_millis(ms)).await;
            run.stop("chat.Send", &Context::test());
        }
        let text = logged::text();
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(
            text.contains(r#"slow action action="chat.Send" elapsed_ms=201 request_id="#),
            "{text}"
        );
        assert_eq!(Limits::new().within(Limits::new()).slow, Duration::from_secs(1));
    }
}
