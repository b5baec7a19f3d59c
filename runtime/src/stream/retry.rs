//! A stream with one `retry` frame: the response to an `EventSource` in place of a temporary error.

use bytes::Bytes;
use kipo_topic::frame;

use crate::{error::Error, stream::jitter};

/// Returns the frame that asks the client to reconnect, no sooner than `Retry-After` of the error.
pub(crate) fn frame_for(error: &Error) -> Bytes {
    let after_ms = u64::from(error.retry_after().unwrap_or(1)) * 1000;
    frame::retry(jitter::among(after_ms..=after_ms + 1000))
}
