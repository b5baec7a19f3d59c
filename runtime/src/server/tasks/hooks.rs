//! Functions that run when the server has drained.

use std::{fmt, time::Duration};

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::{
    action::States,
    error::{Result, catch_panic},
    server::tasks::{task_context::TaskContext, work::Running},
};

/// The functions that run after the drain, in the order in which they were added.
#[derive(Default)]
pub(crate) struct Hooks(Vec<Hook>);

type Hook = Box<dyn FnOnce(TaskContext) -> Running + Send>;

impl Hooks {
    pub(crate) fn add<F, R>(&mut self, hook: F)
    where
        F: FnOnce(TaskContext) -> R + Send + 'static,
        R: Future<Output = Result<()>> + Send + 'static,
    {
        self.0.push(Box::new(move |cx| Box::pin(hook(cx))));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Runs the functions one after the other, the last one first, all of them within `within`. An
    /// error or a panic of one is logged, and the next one runs.
    pub(crate) async fn run(mut self, states: &States, within: Duration) {
        let all = async {
            while let Some(hook) = self.0.pop() {
                // It is never cancelled: the time limit ends it.
                let cancellation = CancellationToken::new();
                let cx = TaskContext::new("on_shutdown".into(), states.clone(), cancellation);
                if let Err(error) = catch_panic(async { hook(cx).await }).await {
                    tracing::error!(error = error.log_text(), "a function of on_shutdown failed");
                }
            }
        };
        if timeout(within, all).await.is_err() {
            let not_run = self.0.len();
            tracing::error!(not_run, "a function of on_shutdown did not end in time");
        }
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hooks({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tokio::time::{Instant, sleep};

    use super::*;
    use crate::error::Error;

    const WITHIN: Duration = Duration::from_secs(5);

    #[tokio::test(start_paused = true)]
    async fn the_last_one_runs_first_and_an_error_or_a_panic_stops_none() {
        let (mut hooks, ran) = (Hooks::default(), Arc::new(Mutex::new(Vec::new())));
        for n in 0..4 {
            let ran = Arc::clone(&ran);
            hooks.add(async move |cx: TaskContext| {
                ran.lock().unwrap().push((n, *cx.state::<u8>()?));
                assert!(n != 2, "the third");
                if n == 1 { Err(Error::not_found("no such room")) } else { Ok(()) }
            });
        }
        let mut states = States::default();
        states.insert(7_u8);
        hooks.run(&states, WITHIN).await;
        assert_eq!(*ran.lock().unwrap(), [(3, 7), (2, 7), (1, 7), (0, 7)]);
    }

    #[tokio::test(start_paused = true)]
    async fn all_of_them_together_have_one_time_limit() {
        let (mut hooks, began) = (Hooks::default(), Instant::now());
        hooks.add(async |_| panic!("this one has no time left"));
        hooks.add(async |cx: TaskContext| {
            cx.cancelled().await;
            Ok(())
        });
        hooks.add(async |_| {
            sleep(Duration::from_secs(2)).await;
            Ok(())
        });
        hooks.run(&States::default(), WITHIN).await;
        assert_eq!(began.elapsed(), WITHIN);
    }
}
