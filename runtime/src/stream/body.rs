//! Frames → response body: the first frame, heartbeats, the end.
//!
//! The body *is* the action: each poll of it runs the action a bit, and dropping it (the client
//! left, the write deadline passed, the server went away) drops the action.

use std::{
    convert::Infallible,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context as Task, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame};
use kipo_topic::frame;
use tokio::time::Instant;

use crate::{
    action::Bounds,
    error::{Error, panic_error},
    stream::{alarm::Alarm, drain::Watch, jitter, pipe::Pipe},
};

/// How a stream ended: the JSON of its output, or an error and the problem document for it.
pub(crate) type Ending = Result<Vec<u8>, Vec<u8>>;

/// Turns an error into the problem document that ends the stream, and logs its cause.
pub(crate) type Problem = Box<dyn Fn(&Error) -> Vec<u8> + Send>;

/// An action that runs, as a response body.
pub(crate) struct StreamBody {
    /// `None` once the action has ended.
    action: Option<Pin<Box<dyn Future<Output = Ending> + Send>>>,
    pipe: Arc<Pipe>,
    ping: Duration,
    /// Goes off a ping after the last frame, or earlier.
    silence: Alarm,
    last_frame: Instant,
    /// When this connection has lasted long enough.
    end: Option<Instant>,
    /// Completes when the server drains.
    drain: Watch,
    /// Called if the action panics.
    problem: Problem,
}

impl StreamBody {
    pub(crate) fn new(
        action: Pin<Box<dyn Future<Output = Ending> + Send>>,
        pipe: Arc<Pipe>,
        bounds: Bounds,
        drain: Watch,
        problem: Problem,
    ) -> Self {
        let now = Instant::now();
        let end = bounds.stream_time.and_then(|time| now.checked_add(lifetime(time)));
        let first = end.map_or(now + bounds.ping, |end| end.min(now + bounds.ping));
        Self {
            action: Some(action),
            pipe,
            ping: bounds.ping,
            silence: Alarm::at(first),
            last_frame: now,
            end,
            drain,
            problem,
        }
    }

    /// Runs the action until it waits or ends; its end is a frame.
    fn run(&mut self, task: &mut Task<'_>) {
        let Some(action) = &mut self.action else { return };
        // What the action writes now is taken right after it: nobody has to be woken for it.
        self.pipe.awake();
        // The future is dropped right after a panic, so nobody sees it half done.
        let polled = catch_unwind(AssertUnwindSafe(|| action.as_mut().poll(task)));
        let (event, data) = match polled {
            Ok(Poll::Pending) => return,
            Ok(Poll::Ready(Ok(output))) => (frame::COMPLETE, output),
            Ok(Poll::Ready(Err(problem))) => (frame::ERROR, problem),
            Err(panic) => (frame::ERROR, (self.problem)(&panic_error(&*panic))),
        };
        self.action = None;
        self.pipe.push(frame::event(event, &data, None));
    }

    /// Ends the stream for a client that shall come back, after a delay of its own.
    fn drain(&mut self) {
        self.action = None;
        self.pipe.push_last(frame::retry(self.drain.come_back_ms()));
    }

    /// Completes when the server drains, for a writer that is stuck and cannot ask for frames.
    pub(crate) fn poll_drain(&mut self, task: &mut Task<'_>) -> Poll<()> {
        Pin::new(&mut self.drain).poll(task)
    }
}

impl Body for StreamBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        task: &mut Task<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.action.is_some() && Pin::new(&mut self.drain).poll(task).is_ready() {
            self.drain();
        }
        self.run(task);
        if let Poll::Ready(bytes) = self.pipe.poll_take(task) {
            self.last_frame = Instant::now();
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        if self.action.is_none() {
            return Poll::Ready(None);
        }
        // The timer is not moved with each frame, which would cost more than the frame: when it
        // goes off it looks how long the silence really was.
        loop {
            ready!(self.silence.poll(task));
            let now = Instant::now();
            if self.end.is_some_and(|end| end <= now) {
                self.drain();
                return self.pipe.poll_take(task).map(|bytes| Some(Ok(Frame::data(bytes))));
            }
            let silent = self.last_frame + self.ping <= now;
            if silent {
                self.last_frame = now;
            }
            let due = self.last_frame + self.ping;
            let next = self.end.map_or(due, |end| end.min(due));
            self.silence.set(next);
            if silent {
                return Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(frame::PING)))));
            }
        }
    }
}

impl Drop for StreamBody {
    fn drop(&mut self) {
        self.pipe.close();
    }
}

impl fmt::Debug for StreamBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamBody").field("ended", &self.action.is_none()).finish_non_exhaustive()
    }
}

/// Returns how long one connection lasts: between three quarters of the time and all of it, so
/// that those who came together do not go together.
fn lifetime(time: Duration) -> Duration {
    const PARTS: u64 = 1000;
    // A lifetime that is too long to multiply is long enough as it stands.
    let part = |parts| time.checked_mul(parts).map_or(time, |time| time / PARTS as u32);
    u32::try_from(jitter::among(PARTS * 3 / 4..=PARTS)).map_or(time, part)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn lifetimes_are_spread_over_the_last_quarter() {
        let hour = Duration::from_secs(3600);
        let lifetimes: BTreeSet<Duration> = (0..1000).map(|_| lifetime(hour)).collect();
        assert!(lifetimes.iter().all(|time| (hour * 3 / 4..=hour).contains(time)));
        let (first, last) = (lifetimes.first().unwrap(), lifetimes.last().unwrap());
        assert!(*last - *first > hour / 5, "{lifetimes:?}");
        assert_eq!(lifetime(Duration::MAX), Duration::MAX);
    }
}
