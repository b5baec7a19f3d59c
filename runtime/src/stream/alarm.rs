//! A timer that costs a look while it has not gone off.

use std::{
    pin::Pin,
    task::{Context as Task, Poll, Waker, ready},
};

use tokio::time::{Instant, Sleep};

/// Goes off at an instant, again and again for whoever sets it anew.
///
/// Streams ask theirs with each frame; a plain timer would take its waker anew each time.
#[derive(Debug)]
pub(crate) struct Alarm {
    sleep: Pin<Box<Sleep>>,
    /// Whom the timer wakes; another task asks anew.
    asked: Option<Waker>,
}

impl Alarm {
    pub(crate) fn at(instant: Instant) -> Self {
        Self { sleep: Box::pin(tokio::time::sleep_until(instant)), asked: None }
    }

    /// Sets it to another instant.
    pub(crate) fn set(&mut self, instant: Instant) {
        self.sleep.as_mut().reset(instant);
        self.asked = None;
    }

    /// Completes once the instant has come.
    pub(crate) fn poll(&mut self, task: &mut Task<'_>) -> Poll<()> {
        let asked = self.asked.as_ref().is_some_and(|asked| asked.will_wake(task.waker()));
        if asked && !self.sleep.is_elapsed() {
            return Poll::Pending;
        }
        if !asked {
            self.asked = Some(task.waker().clone());
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
    async fn it_goes_off_each_time_it_was_set() {
        let start = Instant::now();
        let mut alarm = Alarm::at(start + Duration::from_secs(1));
        for seconds in 1..=3 {
            let at = start + Duration::from_secs(seconds);
            alarm.set(at);
            // Asked more than once before it goes off, as a stream does.
            for _ in 0..3 {
                let polled = poll_fn(|task| Poll::Ready(alarm.poll(task))).await;
                assert!(polled.is_pending());
            }
            poll_fn(|task| alarm.poll(task)).await;
            assert_eq!(Instant::now(), at);
        }
    }
}
