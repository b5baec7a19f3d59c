//! Reads the bytes of a body: all up to a limit, or piece by piece.

use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context as Task, Poll, ready},
    time::Duration,
};

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use tokio::time::Instant;

use crate::{
    action::size_in_words,
    error::{Code, Error, Result},
    stream::Alarm,
};

/// The longest time without a new piece of the body. A slow upload may continue as long as data
/// arrives.
const BODY_PROGRESS: Duration = Duration::from_secs(15);

/// How much of a body that is too large is read and discarded. Otherwise the connection would be
/// reset, and the client could not read the response.
const DISCARD_BYTES_MAX: usize = 16 << 20;

/// A body that arrives in pieces.
pub(in crate::request) struct Pieces {
    body: Body,
    /// Fires when a piece may be late, or earlier. It is set anew only when it fires: a timer for each piece
    /// would wake the worker for each.
    alarm: Option<Alarm>,
}

impl Pieces {
    pub(in crate::request) fn new(body: Body) -> Self {
        Self { body, alarm: None }
    }

    /// Returns how many bytes are left at least.
    pub(in crate::request) fn announced(&self) -> u64 {
        self.body.size_hint().lower()
    }

    /// Waits for the next piece; `None` at the end of the body.
    pub(in crate::request) async fn next(&mut self) -> Result<Option<Bytes>> {
        let mut deadline = None;
        poll_fn(|task| {
            if let Poll::Ready(piece) = self.poll_piece(task) {
                return Poll::Ready(piece);
            }
            let deadline = *deadline.get_or_insert_with(|| Instant::now() + BODY_PROGRESS);
            ready!(self.poll_late(task, deadline));
            Poll::Ready(Err(Error::new(
                Code::RequestTimeout,
                "the rest of the body did not arrive in time",
            )))
        })
        .await
    }

    /// Reads and discards what is left, so that the client can read the response. `read` is what the body
    /// has had up to now. Returns early if too much is left: then the connection is closed.
    pub(in crate::request) async fn discard(&mut self, mut read: u64, bytes_max: u64) {
        let end = bytes_max.saturating_add(DISCARD_BYTES_MAX as u64);
        if read.saturating_add(self.announced()) > end {
            return;
        }
        while let Ok(Some(piece)) = self.next().await {
            read += piece.len() as u64;
            if read > end {
                return;
            }
        }
    }

    fn poll_piece(&mut self, task: &mut Task<'_>) -> Poll<Result<Option<Bytes>>> {
        loop {
            match ready!(Pin::new(&mut self.body).poll_frame(task)) {
                None => return Poll::Ready(Ok(None)),
                Some(Err(error)) => {
                    return Poll::Ready(Err(Error::bad_request(
                        "the body ended before it was complete",
                    )
                    .with_source(error)));
                }
                Some(Ok(frame)) => {
                    // Trailers are ignored.
                    if let Ok(data) = frame.into_data() {
                        return Poll::Ready(Ok(Some(data)));
                    }
                }
            }
        }
    }

    /// Completes at the deadline.
    fn poll_late(&mut self, task: &mut Task<'_>, deadline: Instant) -> Poll<()> {
        let alarm = self.alarm.get_or_insert_with(|| Alarm::at(deadline));
        loop {
            ready!(alarm.poll(task));
            if deadline <= Instant::now() {
                return Poll::Ready(());
            }
            // It was set for a piece that has arrived.
            alarm.set(deadline);
        }
    }
}

/// Reads a body of at most `bytes_max` bytes.
pub(in crate::request) async fn read(body: Body, bytes_max: usize) -> Result<Bytes> {
    let mut pieces = Pieces::new(body);
    let too_large = || {
        let max = size_in_words(bytes_max as u64);
        Error::new(Code::PayloadTooLarge, format!("the body is larger than {max}"))
    };
    let announced = usize::try_from(pieces.announced()).unwrap_or(usize::MAX);
    if announced > bytes_max.saturating_add(DISCARD_BYTES_MAX) {
        return Err(too_large());
    }
    // Most bodies are one piece, which is returned without a copy.
    let Some(first) = pieces.next().await? else { return Ok(Bytes::new()) };
    let mut length = first.len();
    if length <= bytes_max && pieces.body.is_end_stream() {
        return Ok(first);
    }
    let mut bytes = BytesMut::from(first);
    while let Some(piece) = pieces.next().await? {
        length += piece.len();
        if length <= bytes_max {
            bytes.extend_from_slice(&piece);
        } else if length > bytes_max + DISCARD_BYTES_MAX {
            break;
        }
    }
    if length > bytes_max { Err(too_large()) } else { Ok(bytes.freeze()) }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http_body::Frame;
    use tokio::time::{Sleep, sleep};

    use super::*;

    /// Sends so many pieces with a pause before each, and then nothing.
    struct Paced {
        left: u32,
        pause: Duration,
        sleep: Pin<Box<Sleep>>,
    }

    impl Paced {
        fn new(left: u32, pause: Duration) -> Self {
            Self { left, pause, sleep: Box::pin(sleep(pause)) }
        }
    }

    impl http_body::Body for Paced {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            task: &mut Task<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            if self.left == 0 {
                return Poll::Pending;
            }
            ready!(self.sleep.as_mut().poll(task));
            self.left -= 1;
            let next = Instant::now() + self.pause;
            self.sleep.as_mut().reset(next);
            Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"x")))))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_may_be_slow_and_may_not_stop() {
        for pause in [1, 10, 14].map(Duration::from_secs) {
            let mut pieces = Pieces::new(Body::new(Paced::new(20, pause)));
            for _ in 0..20 {
                assert_eq!(pieces.next().await.unwrap().as_deref(), Some(&b"x"[..]));
            }
            let last = Instant::now();
            let error = pieces.next().await.unwrap_err();
            assert_eq!(error.code(), Code::RequestTimeout);
            assert_eq!(last.elapsed(), BODY_PROGRESS, "{pause:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_without_a_piece_begins_when_somebody_waits() {
        let mut pieces = Pieces::new(Body::new(Paced::new(2, Duration::from_secs(1))));
        assert!(pieces.next().await.unwrap().is_some());
        // The file is written meanwhile.
        sleep(BODY_PROGRESS * 2).await;
        assert!(pieces.next().await.unwrap().is_some());
        let last = Instant::now();
        assert!(pieces.next().await.is_err());
        assert_eq!(last.elapsed(), BODY_PROGRESS);
    }
}
