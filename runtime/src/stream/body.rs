//! The response body of a stream: the first frame, heartbeats and the last frame.
//!
//! The body owns the action: polling the body runs the action, and dropping the body drops the
//! action. The body is dropped when the client disconnects, when the write times out, or when the
//! server shuts down.

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
    stream::{alarm::Alarm, drain::Watch, jitter, pipe::Pipe, socket::Socket},
};

/// The end of a stream: the JSON of its output, or the problem document of its error.
pub(crate) type Ending = Result<Vec<u8>, Vec<u8>>;

/// Returns the problem document that ends the stream, and logs the cause of the error.
pub(crate) type Problem = Box<dyn Fn(&Error) -> Vec<u8> + Send>;

/// A running action as a response body.
pub(crate) struct StreamBody {
    /// `None` once the action has ended.
    action: Option<Pin<Box<dyn Future<Output = Ending> + Send>>>,
    pipe: Arc<Pipe>,
    ping: Duration,
    /// Fires when the next heartbeat is due, or earlier.
    heartbeat: Alarm,
    last_frame: Instant,
    /// The end of this connection, if its time is limited.
    deadline: Option<Instant>,
    /// Completes when the server drains this stream.
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
        let deadline = bounds.stream_time.and_then(|time| now.checked_add(lifetime(time)));
        let first_ping = now + bounds.ping;
        let first = deadline.map_or(first_ping, |deadline| deadline.min(first_ping));
        Self {
            action: Some(action),
            pipe,
            ping: bounds.ping,
            heartbeat: Alarm::at(first),
            last_frame: now,
            deadline,
            drain,
            problem,
        }
    }

    /// Runs the action until it waits or ends. Its end is the last frame.
    fn run(&mut self, task: &mut Task<'_>) {
        let Some(action) = &mut self.action else { return };
        // This task takes the frames right after it has run the action, so it needs no wake-up.
        self.pipe.clear_reader();
        // The future is dropped right after a panic, so no broken state is observed.
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

    /// Ends the stream and asks its client to reconnect after a random delay.
    fn drain(&mut self) {
        self.action = None;
        self.pipe.push_last(frame::retry(self.drain.retry_ms()));
    }

    /// Lets the topics that the action follows write to the socket.
    pub(crate) fn connect(&self, socket: Arc<dyn Socket>) {
        self.pipe.connect(socket);
    }

    /// Notes that all frames so far are written. Returns the rest of a chunk that a topic has begun
    /// to write: it is to be written next.
    pub(crate) fn take_rest(&self) -> Vec<u8> {
        self.pipe.take_rest()
    }

    /// Completes when the server drains this stream. A stalled writer polls it instead of frames.
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
        // Moving the timer with each frame would cost more than the frame. So the timer fires at
        // its old time, and this loop checks when the last frame was.
        loop {
            ready!(self.heartbeat.poll(task));
            let now = Instant::now();
            if self.deadline.is_some_and(|deadline| deadline <= now) {
                self.drain();
                return self.pipe.poll_take(task).map(|bytes| Some(Ok(Frame::data(bytes))));
            }
            self.last_frame =
                self.pipe.last_delivery().map_or(self.last_frame, |last| last.max(self.last_frame));
            let silent = self.last_frame + self.ping <= now;
            if silent {
                self.last_frame = now;
            }
            let next_ping = self.last_frame + self.ping;
            let next = self.deadline.map_or(next_ping, |deadline| deadline.min(next_ping));
            self.heartbeat.set(next);
            if silent {
                // Through the pipe, as a topic may write to the socket at the same time.
                self.pipe.push(Bytes::from_static(frame::PING));
                return self.pipe.poll_take(task).map(|bytes| Some(Ok(Frame::data(bytes))));
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

/// Returns how long one connection lasts: a random time between three quarters of `time` and all
/// of it. Clients that connected at the same moment then do not reconnect at the same moment.
fn lifetime(time: Duration) -> Duration {
    const PARTS: u64 = 1000;
    // A time that is too long to multiply is used as it is.
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
