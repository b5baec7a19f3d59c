//! The tasks of the app beside its connections: the drain cancels them and waits for them.

use std::time::Duration;

use tokio::time::timeout;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How long the server waits for tasks that it has dropped. Each ends when it next reaches an
/// `.await`; one that blocks its thread does not.
const DROP_TIME: Duration = Duration::from_millis(100);

/// The tasks that run beside the connections.
#[derive(Clone, Debug, Default)]
pub(crate) struct Background {
    tasks: TaskTracker,
    /// Asks the tasks to end.
    cancellation: CancellationToken,
    /// Drops those that still run.
    dropped: CancellationToken,
}

impl Background {
    /// Runs a task until it ends, or until the time of the drain is over.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let dropped = self.dropped.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = task => {}
                () = dropped.cancelled() => {}
            }
        });
    }

    /// Returns the token that is cancelled when the drain begins.
    pub(crate) fn cancellation(&self) -> &CancellationToken {
        &self.cancellation
    }

    /// Asks all tasks to end. No more are spawned after that.
    pub(crate) fn cancel(&self) {
        self.tasks.close();
        self.cancellation.cancel();
    }

    /// Waits until all tasks have ended after [`cancel`](Self::cancel).
    pub(crate) async fn wait(&self) {
        self.tasks.wait().await;
    }

    /// Returns how many tasks run.
    pub(crate) fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Drops the tasks that still run.
    pub(crate) async fn drop_all(&self) {
        self.dropped.cancel();
        if timeout(DROP_TIME, self.wait()).await.is_err() {
            tracing::warn!(tasks = self.len(), "tasks block their threads and cannot be ended");
        }
    }

    /// Returns a guard that cancels and drops all tasks when it is dropped itself.
    pub(crate) fn drop_with(&self) -> DropWith {
        DropWith(self.clone())
    }
}

/// Cancels and drops all tasks when it is dropped.
#[derive(Debug)]
pub(crate) struct DropWith(Background);

impl Drop for DropWith {
    fn drop(&mut self) {
        self.0.cancel();
        self.0.dropped.cancel();
    }
}

#[cfg(test)]
mod tests {
    use std::{future, sync::Arc};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_task_that_does_not_end_is_dropped() {
        let (background, held) = (Background::default(), Arc::new(()));
        let holds = Arc::clone(&held);
        background.spawn(async move {
            let _holds = holds;
            future::pending::<()>().await;
        });
        background.cancel();
        assert!(timeout(Duration::from_secs(10), background.wait()).await.is_err());
        assert_eq!(background.len(), 1);
        background.drop_all().await;
        assert_eq!((background.len(), Arc::strong_count(&held)), (0, 1));
    }

    #[tokio::test]
    async fn dropping_the_guard_ends_the_tasks() {
        let background = Background::default();
        let guard = background.drop_with();
        background.spawn(future::pending());
        drop(guard);
        background.wait().await;
    }
}
