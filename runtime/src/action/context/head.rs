//! The head of a request: as it was parsed, or packed.

use std::sync::OnceLock;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};

/// A head as it was parsed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Parsed {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
}

/// The head of a running stream, as text until its action reads it: parsed it has a hundred bytes for
/// each field, and a stream may run for days.
#[derive(Debug)]
pub(super) struct Packed {
    /// The method, the target, and each field as `name:value`, with a line feed after each of them,
    /// which none of them contains.
    lines: Box<[u8]>,
    parsed: OnceLock<Box<Parsed>>,
}

impl Packed {
    /// Returns a copy that does not refer to the buffer from which the head was parsed.
    pub(super) fn of(head: &Parsed) -> Self {
        let (method, uri) = (head.method.as_str(), head.uri.to_string());
        let fields = head.headers.iter();
        let len = fields.map(|(name, value)| name.as_str().len() + value.len() + 2).sum::<usize>();
        let mut lines = Vec::with_capacity(method.len() + uri.len() + 2 + len);
        for line in [method, &uri] {
            lines.extend_from_slice(line.as_bytes());
            lines.push(b'\n');
        }
        for (name, value) in &head.headers {
            lines.extend_from_slice(name.as_str().as_bytes());
            lines.push(b':');
            lines.extend_from_slice(value.as_bytes());
            lines.push(b'\n');
        }
        Self { lines: lines.into(), parsed: OnceLock::new() }
    }

    /// Returns the head, which the first caller parses.
    pub(super) fn parsed(&self) -> &Parsed {
        self.parsed.get_or_init(|| Box::new(self.parse()))
    }

    fn parse(&self) -> Parsed {
        // The values refer to this copy.
        let text = Bytes::copy_from_slice(&self.lines);
        let mut lines = text.split(|byte| *byte == b'\n');
        let method = lines.next().and_then(|method| Method::from_bytes(method).ok());
        let uri = lines.next().map(|uri| text.slice_ref(uri));
        let uri = uri.and_then(|uri| Uri::from_maybe_shared(uri).ok());
        let fields = lines.filter_map(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            let name = HeaderName::from_bytes(&line[..colon]).ok()?;
            let value = text.slice_ref(&line[colon + 1..]);
            Some((name, HeaderValue::from_maybe_shared(value).ok()?))
        });
        let mut headers = HeaderMap::new();
        // One by one: a field may occur more than once.
        fields.for_each(|(name, value)| _ = headers.append(name, value));
        Parsed { method: method.unwrap_or_default(), uri: uri.unwrap_or_default(), headers }
    }
}

#[cfg(test)]
mod tests {
    use http::header::{ACCEPT, COOKIE, HOST};

    use super::*;

    #[test]
    fn a_packed_head_is_the_one_that_was_packed() {
        let mut headers = HeaderMap::new();
        headers.append(HOST, HeaderValue::from_static("a:80"));
        headers.append(COOKIE, HeaderValue::from_static(""));
        headers.append(COOKIE, HeaderValue::from_bytes(b"b=\xff\t c").unwrap());
        headers.append(ACCEPT, HeaderValue::from_static("text/event-stream"));
        let uri = Uri::from_static("/a/b?c=%20&d");
        let head = Parsed { method: Method::POST, uri, headers };
        let packed = Packed::of(&head);
        assert_eq!(*packed.parsed(), head);
        // It is parsed once.
        assert!(std::ptr::eq(packed.parsed(), packed.parsed()));
        assert_eq!(*Packed::of(packed.parsed()).parsed(), head);
        assert_eq!(*Packed::of(&Parsed::default()).parsed(), Parsed::default());
    }
}
