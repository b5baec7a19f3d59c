//! Server-sent events as bytes: the only module that knows the grammar of the wire.
//!
//! Follows the WHATWG HTML standard, section 9.2 ("Server-sent events"). Every frame is whole:
//! whoever holds one may write it to a socket as it stands.

use std::fmt::Write as _;

use bytes::{BufMut, Bytes, BytesMut};

/// A comment: keeps the connection alive and says nothing.
pub(crate) const PING: &[u8] = b": ping\n\n";

/// The event that opens every stream.
pub(crate) const READY: &str = "kipo:ready";

/// The event that says what a listener has missed.
pub(crate) const GAP: &str = "kipo:gap";

/// The event that ends a stream with its output.
pub(crate) const COMPLETE: &str = "complete";

/// The event that ends a stream with a problem document.
pub(crate) const ERROR: &str = "error";

/// Returns whether `text` may stand in an `event` or `id` field: the grammar ends a line at LF
/// and at CR, and clients ignore an id that holds a NUL.
pub(crate) fn is_one_line(text: &str) -> bool {
    !text.bytes().any(|b| matches!(b, b'\n' | b'\r' | 0))
}

/// Returns whether `data` may stand in a `data` field as one line.
fn is_one_line_of_data(data: &[u8]) -> bool {
    !data.iter().any(|b| matches!(b, b'\n' | b'\r'))
}

/// Returns whether these may become a frame, for what was read from a disk and not from code.
pub(crate) fn is_sound(event: &str, data: &[u8]) -> bool {
    is_one_line(event) && is_one_line_of_data(data)
}

/// Where in a frame its event and its data stand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parts {
    event_len: u32,
    data_len: u32,
}

impl Parts {
    /// # Panics
    ///
    /// Panics if one of them is longer than 4 GiB, which no body is.
    pub(crate) fn of(event: &str, data: &[u8]) -> Self {
        let len = |len: usize| u32::try_from(len).expect("a part of a frame is below 4 GiB");
        Self { event_len: len(event.len()), data_len: len(data.len()) }
    }

    /// Returns the name of the event in a frame with these parts.
    pub(crate) fn event(self, frame: &Bytes) -> Bytes {
        let start = EVENT.len();
        frame.slice(start..start + self.event_len as usize)
    }

    /// Returns the data in a frame with these parts.
    pub(crate) fn data(self, frame: &Bytes) -> Bytes {
        let start = EVENT.len() + self.event_len as usize + DATA.len();
        frame.slice(start..start + self.data_len as usize)
    }
}

/// What stands before the name of the event.
const EVENT: &[u8] = b"event: ";

/// What stands between the name and the data.
const DATA: &[u8] = b"\ndata: ";

/// Begins a frame: its name and its one line of data. [`finish`] ends it.
///
/// # Panics
///
/// Panics if `event` holds a line break (names come from code, never from a peer), or if `data`
/// does (JSON written by `serde_json` never does).
pub(crate) fn begin(event: &str, data: &[u8]) -> BytesMut {
    assert!(is_one_line(event), "event name {event:?} holds a line break");
    assert!(is_one_line_of_data(data), "the data is not one line");
    /// Room for `event: `, `data: `, `id: `, the longest cursor and the line ends.
    const AROUND: usize = 80;
    let mut frame = BytesMut::with_capacity(event.len() + data.len() + AROUND);
    frame.put_slice(EVENT);
    frame.put_slice(event.as_bytes());
    frame.put_slice(DATA);
    frame.put_slice(data);
    frame.put_u8(b'\n');
    frame
}

/// Ends a frame, with the id that a client resumes after.
///
/// The id comes last, so that a frame that was cut anywhere before its end never moves the
/// position of a parser that dispatches at end of file.
pub(crate) fn finish(mut frame: BytesMut, id: Option<std::fmt::Arguments<'_>>) -> Bytes {
    if let Some(id) = id {
        let start = frame.len();
        // Writing to memory cannot fail.
        let _ = writeln!(frame, "id: {id}");
        let line = &frame[start..frame.len() - 1];
        let broken = line.iter().any(|b| matches!(b, b'\n' | b'\r' | 0));
        assert!(!broken, "an id holds a line break");
    }
    frame.put_u8(b'\n');
    frame.freeze()
}

/// Returns a whole frame.
///
/// # Panics
///
/// Panics as [`begin`] does.
pub(crate) fn event(event: &str, data: &[u8], id: Option<std::fmt::Arguments<'_>>) -> Bytes {
    finish(begin(event, data), id)
}

/// Returns a frame that sets a client's delay before it reconnects, in milliseconds.
pub(crate) fn retry(delay_ms: u64) -> Bytes {
    Bytes::from(format!("retry: {delay_ms}\n\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_comes_last() {
        assert_eq!(
            event("chat", b"{\"a\":1}", Some(format_args!("g-1-f"))),
            "event: chat\ndata: {\"a\":1}\nid: g-1-f\n\n"
        );
        assert_eq!(event("chat", b"null", None), "event: chat\ndata: null\n\n");
    }

    #[test]
    fn parts_are_found_again() {
        let frame = event("chat", b"{\"a\":1}", Some(format_args!("g-1-f")));
        let parts = Parts::of("chat", b"{\"a\":1}");
        assert_eq!(parts.event(&frame), "chat");
        assert_eq!(parts.data(&frame), "{\"a\":1}");
    }

    #[test]
    fn a_line_is_one_without_breaks_and_nul() {
        for (text, one) in [("a", true), ("", true), ("a\nb", false), ("a\r", false), ("\0", false)]
        {
            assert_eq!(is_one_line(text), one, "{text:?}");
        }
    }

    #[test]
    #[should_panic(expected = "holds a line break")]
    fn a_name_cannot_forge_a_frame() {
        event("chat\ndata: forged", b"null", None);
    }

    #[test]
    #[should_panic(expected = "an id holds a line break")]
    fn an_id_cannot_forge_a_frame() {
        event("chat", b"null", Some(format_args!("1\n\nevent: forged")));
    }

    /// The streams that `tests/wire` records are those that this module writes; the browser
    /// client reads the same files.
    #[test]
    fn the_recorded_streams_are_written_as_they_stand() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wire");
        for name in ["room", "gap", "progress", "empty", "failure", "drain"] {
            let recorded = std::fs::read_to_string(folder.join(format!("{name}.sse"))).unwrap();
            let mut written = Vec::new();
            for block in recorded.split_inclusive("\n\n") {
                let field = |name| {
                    let mut lines = block.lines();
                    lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
                };
                if let Some(delay) = field("retry") {
                    written.extend(retry(delay.parse().unwrap()));
                } else if let Some(name) = field("event") {
                    let data = field("data").unwrap().as_bytes();
                    match field("id") {
                        Some(id) => written.extend(event(name, data, Some(format_args!("{id}")))),
                        None => written.extend(event(name, data, None)),
                    }
                } else {
                    written.extend(PING);
                }
            }
            assert_eq!(String::from_utf8(written).unwrap(), recorded, "{name}");
        }
    }
}
