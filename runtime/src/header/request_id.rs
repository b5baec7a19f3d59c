//! `X-Request-Id`: an id for each request.

use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::header::hex;

/// An id of one request. It comes from the client or a proxy, or it is a number that the server
/// uses once, also across restarts.
///
/// # Examples
///
/// ```
/// let cx = kipo::Context::test();
/// assert!(!cx.request_id().as_str().is_empty());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

/// The longest id that is taken from a request, in bytes: every line of the log contains it.
const REQUEST_ID_BYTES_MAX: usize = 64;

/// The longest id that the server makes: two numbers with at most 16 digits, and a hyphen.
const NEXT_BYTES_MAX: usize = 16 + 1 + 16;

impl RequestId {
    /// Returns a new id.
    pub(crate) fn next() -> Self {
        /// When this process made its first id, in microseconds since 1970, and a hyphen.
        static START: OnceLock<Vec<u8>> = OnceLock::new();
        static NEXT: AtomicU64 = AtomicU64::new(1);

        let start = START.get_or_init(|| {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let mut text = Vec::new();
            hex::put(&mut text, u64::try_from(since.as_micros()).unwrap_or_default());
            text.push(b'-');
            text
        });
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        // Written into an array, so that each request allocates its id once.
        let mut text = [0; NEXT_BYTES_MAX];
        let bytes = start.iter().copied().chain(hex::text_of(n));
        let len = text.iter_mut().zip(bytes).map(|(to, byte)| *to = byte).count();
        Self(str::from_utf8(&text[..len]).expect("hex digits").into())
    }

    /// Returns the id in the request, or a new one if it has none that is safe to log.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let given = headers.get(&REQUEST_ID).filter(|value| {
            let bytes = value.as_bytes();
            (1..=REQUEST_ID_BYTES_MAX).contains(&bytes.len())
                && bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b))
        });
        let given = given.and_then(|value| value.to_str().ok());
        given.map_or_else(Self::next, |text| Self(text.into()))
    }

    /// Returns the id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).expect("checked when it was made")
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
    fn every_new_id_is_different() {
        assert_ne!(RequestId::next(), RequestId::next());
    }

    #[test]
    fn an_id_that_is_not_safe_to_log_is_replaced() {
        let mut headers = HeaderMap::new();
        headers.insert(REQUEST_ID, HeaderValue::from_static("abc-1"));
        assert_eq!(RequestId::of(&headers).as_str(), "abc-1");
        headers.insert(REQUEST_ID, HeaderValue::from_static("a b\"c"));
        assert_ne!(RequestId::of(&headers).as_str(), "a b\"c");
    }
}
