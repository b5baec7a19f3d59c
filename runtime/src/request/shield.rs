//! Runs an admitted call to its end, even if its client disconnects.

use std::{
    pin::Pin,
    task::{Context as Task, Poll},
};

use tokio_util::task::TaskTracker;

use crate::action::Context;

/// A call that runs in the task of its connection, and in its own task after the client
/// disconnects.
///
/// Dropping an unfinished call would leave its work unfinished. A task from the start would be an
/// extra cost for every call, and only abandoned calls need one. At shutdown the server waits for
/// the tasks in the tracker.
pub(crate) struct Shield<T: Send + 'static> {
    /// `None` after the call has ended.
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
        // The call is taken out while it runs, so a call that panics is not polled again.
        let mut call = self.call.take().expect("a shield is not polled after it has completed");
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
    async fn a_call_runs_to_its_end_after_its_client_disconnects() {
        let (resume, done) = (Arc::new(Notify::new()), Arc::new(AtomicBool::new(false)));
        let (resumed, ended) = (Arc::clone(&resume), Arc::clone(&done));
        let (cx, tracker) = (Context::test(), TaskTracker::new());
        let call = async move {
            resumed.notified().await;
            ended.store(true, Ordering::SeqCst);
        };
        let mut shield = Box::pin(Shield::new(call, cx.clone(), tracker.clone()));
        assert!(poll_once(shield.as_mut()).is_pending());
        drop(shield);
        assert!(cx.is_cancelled(), "the call can find out that its client has disconnected");
        resume.notify_one();
        tracker.close();
        tracker.wait().await;
        assert!(done.load(Ordering::SeqCst));
    }

    fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Task::from_waker(std::task::Waker::noop()))
    }
}
