//! A stream that says only when to come back: what the browser's `EventSource` is answered in place
//! of an error that passes.

use bytes::Bytes;
use kipo_topic::frame;

use crate::{error::Error, stream::jitter};

/// Returns all that such a stream says: when to come back, no sooner than the error asks for.
pub(crate) fn frame_for(error: &Error) -> Bytes {
    let after_ms = u64::from(error.retry_after().unwrap_or(1)) * 1000;
    frame::retry(jitter::among(after_ms..=after_ms + 1000))
}
