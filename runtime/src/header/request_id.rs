//! `X-Request-Id`: a name for each request.

use std::{
    fmt,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::header::hex;

/// A name for one request: the one a proxy gave, or a number of ours that no other life of the
/// server gives again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(HeaderValue);

/// Longer ids of others are replaced by ours: they go into every line of the log.
const REQUEST_ID_BYTES_MAX: usize = 64;

impl RequestId {
    /// Returns the next id of our own.
    pub(crate) fn next() -> Self {
        /// When this process gave its first id, in microseconds.
        static LIFE: OnceLock<u64> = OnceLock::new();
        static NEXT: AtomicU64 = AtomicU64::new(1);

        let life = LIFE.get_or_init(|| {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            u64::try_from(since.as_micros()).unwrap_or_default()
        });
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let mut text = Vec::with_capacity(33);
        hex::put(&mut text, *life);
        text.push(b'-');
        hex::put(&mut text, n);
        Self(HeaderValue::from_maybe_shared(bytes::Bytes::from(text)).expect("hex digits"))
    }

    /// Returns the id that the request came with, if it may stand in a log, else the next of ours.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let given = headers.get(&REQUEST_ID).filter(|value| {
            let bytes = value.as_bytes();
            (1..=REQUEST_ID_BYTES_MAX).contains(&bytes.len())
                && bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b))
        });
        given.map_or_else(Self::next, |value| Self(value.clone()))
    }

    /// Returns the id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    /// Returns the same id in memory of its own.
    pub(crate) fn detached(&self) -> Self {
        HeaderValue::from_bytes(self.0.as_bytes()).map_or_else(|_| Self::next(), Self)
    }

    pub(crate) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The header field that carries a [`RequestId`] both ways.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_ours_is_given_once() {
        assert_ne!(RequestId::next(), RequestId::next());
    }

    #[test]
    fn a_strange_request_id_is_replaced() {
        let mut headers = HeaderMap::new();
        headers.insert(REQUEST_ID, HeaderValue::from_static("abc-1"));
        assert_eq!(RequestId::of(&headers).as_str(), "abc-1");
        headers.insert(REQUEST_ID, HeaderValue::from_static("a b\"c"));
        assert_ne!(RequestId::of(&headers).as_str(), "a b\"c");
    }
}
