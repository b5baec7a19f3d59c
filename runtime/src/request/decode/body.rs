//! Reads the bytes of a body, up to a limit.

use std::{future::poll_fn, pin::Pin, time::Duration};

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body::Body as _;

use crate::{
    action::size_in_words,
    error::{Code, Error, Result},
    request::within::within,
};

/// The longest time without a new piece of the body. A slow upload may continue as long as data
/// arrives.
const BODY_PROGRESS: Duration = Duration::from_secs(15);

/// How much of a body that is too large is read and discarded. Otherwise the connection would be
/// reset, and the client could not read the response.
const DISCARD_BYTES_MAX: usize = 16 << 20;

/// Reads a body of at most `bytes_max` bytes.
pub(in crate::request) async fn read(mut body: Body, bytes_max: usize) -> Result<Bytes> {
    let too_large = || {
        let max = size_in_words(bytes_max as u64);
        Error::new(Code::PayloadTooLarge, format!("the body is larger than {max}"))
    };
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > bytes_max.saturating_add(DISCARD_BYTES_MAX) {
        return Err(too_large());
    }
    // Most bodies are one frame, which is returned without a copy.
    let Some(first) = frame(&mut body).await? else { return Ok(Bytes::new()) };
    let mut length = first.len();
    if length <= bytes_max && body.is_end_stream() {
        return Ok(first);
    }
    let mut bytes = BytesMut::from(first);
    while let Some(frame) = frame(&mut body).await? {
        length += frame.len();
        if length <= bytes_max {
            bytes.extend_from_slice(&frame);
        } else if length > bytes_max + DISCARD_BYTES_MAX {
            break;
        }
    }
    if length > bytes_max { Err(too_large()) } else { Ok(bytes.freeze()) }
}

/// Waits for the next piece of the body; `None` at its end.
pub(in crate::request) async fn frame(body: &mut Body) -> Result<Option<Bytes>> {
    loop {
        let next = poll_fn(|task| Pin::new(&mut *body).poll_frame(task));
        let next = within(BODY_PROGRESS, next).await.map_err(|_| {
            Error::new(Code::RequestTimeout, "the rest of the body did not arrive in time")
        })?;
        match next {
            None => return Ok(None),
            Some(Err(error)) => {
                return Err(
                    Error::bad_request("the body ended before it was complete").with_source(error)
                );
            }
            Some(Ok(frame)) => {
                // Trailers are ignored.
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

/// Reads and discards what is left of a body, so that the client can read the response. `read` is what
/// the body has had up to now. Returns early if too much is left: then the connection is closed.
pub(in crate::request) async fn discard(body: &mut Body, mut read: u64, bytes_max: u64) {
    let end = bytes_max.saturating_add(DISCARD_BYTES_MAX as u64);
    if read.saturating_add(body.size_hint().lower()) > end {
        return;
    }
    while let Ok(Some(piece)) = frame(body).await {
        read += piece.len() as u64;
        if read > end {
            return;
        }
    }
}
