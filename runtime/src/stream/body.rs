//! The response body of a stream: the first frame, heartbeats and the last frame.
//!
//! The body owns the action: polling the body runs the action, and dropping the body drops the
//! action. The body is dropped when the client disconnects, when the write times out, or when the
//! server shuts down.

use std::{
    convert::Infallible,
    fmt, io,
    net::SocketAddr,
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
    action::{Bounds, Context},
    error::{Error, panic_error, problem},
    stream::{drain::Watch, jitter, pipe::Pipe, socket::Socket},
};

/// The end of a stream: the JSON of its output, or its error.
pub(crate) type Ending = Result<Vec<u8>, Error>;

/// A running action as a response body.
pub(crate) struct StreamBody {
    /// `None` once the action has ended.
    action: Option<Pin<Box<dyn Future<Output = Ending> + Send>>>,
    pipe: Arc<Pipe>,
    /// The end of this connection, if its time is limited.
    deadline: Option<Instant>,
    /// Completes when the server drains this stream. Its alarm fires when the next heartbeat is due, or
    /// earlier.
    drain: Watch,
    /// The request, whose id is in the problem document of an error.
    cx: Context,
}

impl StreamBody {
    pub(crate) fn new(
        action: Pin<Box<dyn Future<Output = Ending> + Send>>,
        pipe: Arc<Pipe>,
        bounds: Bounds,
        mut drain: Watch,
        cx: Context,
    ) -> Self {
        let now = Instant::now();
        let deadline = bounds.stream_time.and_then(|time| now.checked_add(lifetime(time)));
        let first_ping = now + bounds.ping;
        let first = deadline.map_or(first_ping, |deadline| deadline.min(first_ping));
        drain.set_alarm(first);
        Self { action: Some(action), pipe, deadline, drain, cx }
    }

    /// Returns the address of the client, or of the proxy.
    pub(crate) fn peer(&self) -> SocketAddr {
        self.cx.peer()
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
            Ok(Poll::Ready(Err(error))) => {
                (frame::ERROR, problem::json(&error, self.cx.request_id()))
            }
            Err(panic) => {
                (frame::ERROR, problem::json(&panic_error(&*panic), self.cx.request_id()))
            }
        };
        self.action = None;
        self.pipe.push(frame::event(event, &data, None));
    }

    /// Ends the stream and asks its client to reconnect after a random delay.
    fn drain(&mut self) {
        self.action = None;
        self.pipe.push_last(frame::retry(self.drain.retry_ms()));
    }

    /// Passes the socket to the stream. The topics that the action follows write to it as well.
    pub(crate) fn connect(&self, socket: Socket) {
        self.pipe.connect(socket);
    }

    /// Uses the socket, while no topic writes to it.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::NotConnected`] if there is none.
    pub(crate) fn with_socket<T>(&self, run: impl FnOnce(&mut Socket) -> T) -> io::Result<T> {
        self.pipe.with_socket(run)
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
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        if self.action.is_none() {
            return Poll::Ready(None);
        }
        // Moving the timer with each frame would cost more than the frame. So the timer fires at
        // its old time, and this loop checks when the last frame was.
        loop {
            ready!(self.drain.poll_alarm(task));
            let now = Instant::now();
            if self.deadline.is_some_and(|deadline| deadline <= now) {
                self.drain();
                return self.pipe.poll_take(task).map(|bytes| Some(Ok(Frame::data(bytes))));
            }
            let (last_write, ping) = (self.pipe.last_write(), self.pipe.ping());
            let silent = last_write + ping <= now;
            let next_ping = if silent { now } else { last_write } + ping;
            let next = self.deadline.map_or(next_ping, |deadline| deadline.min(next_ping));
            self.drain.set_alarm(next);
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
