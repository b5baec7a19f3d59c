//! The news that the server goes away, for all who hold something open.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context as Task, Poll, Waker},
};

use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// Begins once, and is seen by every [`Watch`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Drain {
    begun: Arc<AtomicBool>,
    token: CancellationToken,
}

impl Drain {
    /// Tells everybody.
    pub(crate) fn begin(&self) {
        // First the mark, then the wake-ups: whoever is woken sees it.
        self.begun.store(true, Ordering::Release);
        self.token.cancel();
    }

    /// Returns a future that completes once the drain has begun.
    pub(crate) fn watch(&self) -> Watch {
        Watch {
            begun: Arc::clone(&self.begun),
            cancelled: Box::pin(self.token.clone().cancelled_owned()),
            asked: None,
        }
    }
}

/// Completes once the drain has begun.
///
/// It is polled with each frame of each stream, so it takes a place among those who are woken
/// only once, and looks at the mark from then on.
#[derive(Debug)]
pub(crate) struct Watch {
    begun: Arc<AtomicBool>,
    cancelled: Pin<Box<WaitForCancellationFutureOwned>>,
    /// Whom the token wakes; another task asks anew.
    asked: Option<Waker>,
}

impl Future for Watch {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<()> {
        if self.begun.load(Ordering::Acquire) {
            return Poll::Ready(());
        }
        if self.asked.as_ref().is_some_and(|asked| asked.will_wake(task.waker())) {
            return Poll::Pending;
        }
        self.asked = Some(task.waker().clone());
        self.cancelled.as_mut().poll(task)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn those_who_wait_and_those_who_come_later_see_it() {
        let drain = Drain::default();
        let mut early = drain.watch();
        let waiting = tokio::spawn(async move {
            // Polled several times by one task, as a stream does.
            for _ in 0..3 {
                let polled =
                    std::future::poll_fn(|task| Poll::Ready(Pin::new(&mut early).poll(task)));
                assert!(polled.await.is_pending());
            }
            early.await;
        });
        tokio::task::yield_now().await;
        drain.begin();
        waiting.await.unwrap();
        drain.watch().await;
    }
}
