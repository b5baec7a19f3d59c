//! A timer that is cheap to poll before it fires.

use std::{
    pin::Pin,
    task::{Context as Task, Poll, Waker, ready},
};

use tokio::time::{Instant, Sleep};

/// Fires at an instant, and can be set again after that.
///
/// A stream polls its alarm with each frame. A plain `Sleep` would register the waker at each poll.
#[derive(Debug)]
pub(crate) struct Alarm {
    sleep: Pin<Box<Sleep>>,
    /// The registered waker. Another task registers its own.
    waker: Option<Waker>,
}

impl Alarm {
    pub(crate) fn at(instant: Instant) -> Self {
        Self { sleep: Box::pin(tokio::time::sleep_until(instant)), waker: None }
    }

    /// Sets the alarm to another instant.
    pub(crate) fn set(&mut self, instant: Instant) {
        self.sleep.as_mut().reset(instant);
        self.waker = None;
    }

    /// Completes when the alarm fires.
    pub(crate) fn poll(&mut self, task: &mut Task<'_>) -> Poll<()> {
        let registered = self.waker.as_ref().is_some_and(|waker| waker.will_wake(task.waker()));
        if registered && !self.sleep.is_elapsed() {
            return Poll::Pending;
        }
        if !registered {
            self.waker = Some(task.waker().clone());
        }
        ready!(self.sleep.as_mut().poll(task));
        Poll::Ready(())
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, time::Duration};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_fires_each_time_it_was_set() {
        let start = Instant::now();
        let mut alarm = Alarm::at(start + Duration::from_secs(1));
        for seconds in 1..=3 {
            let at = start + Duration::from_secs(seconds);
            alarm.set(at);
            // Polled more than once before it fires, as a stream does.
            for _ in 0..3 {
                let polled = poll_fn(|task| Poll::Ready(alarm.poll(task))).await;
                assert!(polled.is_pending());
            }
            poll_fn(|task| alarm.poll(task)).await;
            assert_eq!(Instant::now(), at);
        }
    }
}
