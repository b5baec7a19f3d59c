//! Whether a connection is idle or busy with a response.
//!
//! Each connection has one timer, which is set again when it fires. A timer for each request would
//! cost more on a connection that serves many requests.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    task::{Context as Task, Poll},
    time::Duration,
};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::time::Instant;

/// Whether a connection has a response in progress, and since when it is idle.
#[derive(Clone, Debug)]
pub(crate) struct Activity(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    opened: Instant,
    /// How many responses are in progress: at most one, except for a moment between two of them.
    responding: AtomicU32,
    /// Milliseconds from `opened` to the end of the last response.
    idle_since: AtomicU64,
}

impl Activity {
    /// Returns the activity of a connection that is opened now.
    pub(crate) fn new() -> Self {
        Self(Arc::new(Inner {
            opened: Instant::now(),
            responding: AtomicU32::new(0),
            idle_since: AtomicU64::new(0),
        }))
    }

    /// Notes that a request has arrived.
    pub(crate) fn begin(&self) -> Busy {
        self.0.responding.fetch_add(1, Ordering::Relaxed);
        Busy(self.clone())
    }

    /// Returns whether no response is in progress.
    pub(crate) fn is_idle(&self) -> bool {
        self.0.responding.load(Ordering::Relaxed) == 0
    }

    /// Returns the end of the idle time, if a connection may be idle for `time`.
    pub(crate) fn deadline(&self, time: Duration) -> Instant {
        if !self.is_idle() {
            return Instant::now() + time;
        }
        let idle_since = Duration::from_millis(self.0.idle_since.load(Ordering::Relaxed));
        self.0.opened + idle_since + time
    }
}

/// A response in progress. Dropping it makes the connection idle.
#[derive(Debug)]
pub(crate) struct Busy(Activity);

impl Drop for Busy {
    fn drop(&mut self) {
        let inner = &self.0.0;
        let ms = u64::try_from(inner.opened.elapsed().as_millis()).unwrap_or_default();
        inner.idle_since.store(ms, Ordering::Relaxed);
        inner.responding.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The body of a response that is in progress until the body is dropped.
#[derive(Debug)]
pub(crate) struct BusyBody {
    body: Body,
    _busy: Busy,
}

impl BusyBody {
    pub(crate) fn new(body: Body, busy: Busy) -> Self {
        Self { body, _busy: busy }
    }
}

impl http_body::Body for BusyBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        task: &mut Task<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(task)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_deadline_counts_from_the_end_of_the_last_response() {
        let (activity, time) = (Activity::new(), Duration::from_secs(30));
        let opened = Instant::now();
        assert_eq!(activity.deadline(time), opened + time);
        let busy = activity.begin();
        // The next request may begin before the last response is dropped.
        drop(activity.begin());
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(activity.deadline(time), opened + Duration::from_secs(90));
        drop(busy);
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(activity.deadline(time), opened + Duration::from_secs(90));
    }
}
