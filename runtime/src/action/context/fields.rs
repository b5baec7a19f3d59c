//! The header fields of a request: as they were parsed, or packed.

use std::sync::OnceLock;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

/// Header fields. Those of a running stream are packed until its action reads one: a map has a hundred
/// bytes for each, and a stream may run for days.
pub(super) enum Fields {
    Parsed(HeaderMap),
    Packed {
        /// Lines `name:value`, each with a line feed at its end, which no field contains.
        lines: Bytes,
        parsed: OnceLock<Box<HeaderMap>>,
    },
}

impl Fields {
    /// Returns a copy that does not refer to the buffer from which the fields were parsed.
    pub(super) fn packed(&self) -> Self {
        let map = self.get();
        let len = map.iter().map(|(name, value)| name.as_str().len() + value.len() + 2).sum();
        let mut lines = Vec::with_capacity(len);
        for (name, value) in map {
            lines.extend_from_slice(name.as_str().as_bytes());
            lines.push(b':');
            lines.extend_from_slice(value.as_bytes());
            lines.push(b'\n');
        }
        Self::Packed { lines: lines.into(), parsed: OnceLock::new() }
    }

    /// Adds a field.
    pub(super) fn append(&mut self, name: HeaderName, value: HeaderValue) {
        let mut map = match self {
            Self::Parsed(map) => std::mem::take(map),
            Self::Packed { lines, .. } => parse(lines),
        };
        map.append(name, value);
        *self = Self::Parsed(map);
    }

    pub(super) fn get(&self) -> &HeaderMap {
        match self {
            Self::Parsed(map) => map,
            Self::Packed { lines, parsed } => parsed.get_or_init(|| Box::new(parse(lines))),
        }
    }
}

/// Returns packed fields as a map, in their order.
fn parse(lines: &Bytes) -> HeaderMap {
    let fields = lines.split(|byte| *byte == b'\n').filter_map(|line| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        let value = HeaderValue::from_maybe_shared(lines.slice_ref(&line[colon + 1..])).ok()?;
        Some((name, value))
    });
    let mut map = HeaderMap::new();
    fields.for_each(|(name, value)| _ = map.append(name, value));
    map
}

#[cfg(test)]
mod tests {
    use http::header::{ACCEPT, COOKIE, HOST};

    use super::*;

    #[test]
    fn packed_fields_are_those_that_were_packed() {
        let mut map = HeaderMap::new();
        map.append(HOST, HeaderValue::from_static("a:80"));
        map.append(COOKIE, HeaderValue::from_static(""));
        map.append(COOKIE, HeaderValue::from_bytes(b"b=\xff\t c").unwrap());
        map.append(ACCEPT, HeaderValue::from_static("text/event-stream"));
        let packed = Fields::Parsed(map.clone()).packed();
        assert_eq!(*packed.get(), map);
        // It is parsed once.
        assert!(std::ptr::eq(packed.get(), packed.get()));
        assert_eq!(*packed.packed().get(), map);
        assert!(Fields::Parsed(HeaderMap::new()).packed().get().is_empty());
    }
}
