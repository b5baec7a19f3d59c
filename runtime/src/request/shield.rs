//! Keeps an admitted call running to its end, whatever its client does.

use std::{
    pin::Pin,
    task::{Context as Task, Poll},
};

use tokio_util::task::TaskTracker;

use crate::action::Context;

/// A call that runs in its connection's task while the client waits, and in a task of its own
/// from the moment the client leaves.
///
/// Dropping a half-done call would leave half-done work; a task from the start would cost every
/// call what only the few abandoned ones need. The tracker awaits those tasks on shutdown.
pub(crate) struct Shield<T: Send + 'static> {
    /// `None` once the call has ended.
    call: Option<Pin<Box<dyn Future<Output = T> + Send>>>,
    cx: Context,
    tracker: TaskTracker,
}

impl<T: Send + 'static> Shield<T> {
    pub(crate) fn new(
        call: impl Future<Output = T> + Send + 'static,
        cx: Context,
        tracker: TaskTracker,
    ) -> Self {
        Self { call: Some(Box::pin(call)), cx, tracker }
    }
}

impl<T: Send + 'static> Future for Shield<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<T> {
        // Taken out while it runs: if it panics it is gone, and is not run again.
        let mut call = self.call.take().expect("a shield is not polled after its end");
        let polled = call.as_mut().poll(task);
        if polled.is_pending() {
            self.call = Some(call);
        }
        polled
    }
}

impl<T: Send + 'static> Drop for Shield<T> {
    fn drop(&mut self) {
        let Some(call) = self.call.take() else { return };
        self.cx.cancel();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            self.tracker.spawn_on(call, &runtime);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    };

    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn a_call_whose_client_leaves_runs_to_its_end() {
        let (go, done) = (Arc::new(Notify::new()), Arc::new(AtomicBool::new(false)));
        let (go_on, ended) = (Arc::clone(&go), Arc::clone(&done));
        let (cx, tracker) = (Context::test(), TaskTracker::new());
        let call = async move {
            go_on.notified().await;
            ended.store(true, Ordering::SeqCst);
        };
        let mut shield = Box::pin(Shield::new(call, cx.clone(), tracker.clone()));
        assert!(futures_poll(shield.as_mut()).is_pending());
        drop(shield);
        assert!(cx.is_cancelled(), "the call can know that its client left");
        go.notify_one();
        tracker.close();
        tracker.wait().await;
        assert!(done.load(Ordering::SeqCst));
    }

    fn futures_poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Task::from_waker(std::task::Waker::noop()))
    }
}
