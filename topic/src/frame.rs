//! Server-sent events as bytes: the only module that knows the grammar of the wire.
//!
//! Follows the WHATWG HTML standard, section 9.2 ("Server-sent events"). Every frame is whole: a
//! program may write it to a socket as it is.
//!
//! # Examples
//!
//! ```
//! use kipo_topic::frame;
//!
//! let bytes = frame::event("chat", br#"{"text":"hi"}"#, Some(format_args!("7")));
//! assert_eq!(bytes, "event: chat\ndata: {\"text\":\"hi\"}\nid: 7\n\n");
//! assert_eq!(frame::retry(500), "retry: 500\n\n");
//! assert_eq!(frame::PING, b": ping\n\n");
//!
//! // Names of frames that the runtime writes by itself: no event of an app may have one.
//! let reserved = [frame::READY, frame::GAP, frame::ENGINE, frame::COMPLETE, frame::ERROR];
//! assert_eq!(reserved, ["kipo:ready", "kipo:gap", "kipo:engine", "complete", "error"]);
//! ```

use std::fmt::Write as _;

use bytes::{BufMut, Bytes, BytesMut};

/// A comment: keeps a silent connection alive, and is no event.
pub const PING: &[u8] = b": ping\n\n";

/// The event that opens every stream.
pub const READY: &str = "kipo:ready";

/// The event that reports what a listener misses.
pub const GAP: &str = "kipo:gap";

/// The event that reports whether the engine of a topic can be reached.
pub const ENGINE: &str = "kipo:engine";

/// The event that ends a stream with its output.
pub const COMPLETE: &str = "complete";

/// The event that ends a stream with a problem document.
pub const ERROR: &str = "error";

/// Returns whether `text` may stand in an `event` or `id` field: the grammar ends a line at LF
/// and at CR, and clients ignore an id that holds a NUL.
///
/// # Examples
///
/// ```
/// assert!(kipo_topic::frame::is_one_line("chat"));
/// assert!(!kipo_topic::frame::is_one_line("chat\ndata: forged"));
/// ```
#[must_use]
pub fn is_one_line(text: &str) -> bool {
    !has(text.as_bytes(), |b| (b == b'\n') | (b == b'\r') | (b == 0))
}

/// Returns whether `data` may stand in a `data` field as one line.
fn is_one_line_of_data(data: &[u8]) -> bool {
    !has(data, |b| (b == b'\n') | (b == b'\r'))
}

/// Returns whether there is such a byte. Each message is searched, so the compiler gets pieces without
/// an early end, the last of which may overlap the one before: it compares the bytes of each all at once.
fn has(bytes: &[u8], is_one: impl Fn(u8) -> bool) -> bool {
    let (pieces, _) = bytes.as_chunks::<16>();
    let Some(last) = bytes.last_chunk() else { return bytes.iter().any(|b| is_one(*b)) };
    let mut found = [0; 16];
    for piece in pieces.iter().chain([last]) {
        found.iter_mut().zip(piece).for_each(|(found, b)| *found |= u8::from(is_one(*b)));
    }
    found != [0; 16]
}

/// Returns whether an event read from a disk may become a frame.
pub(crate) fn is_sound(event: &str, data: &[u8]) -> bool {
    is_one_line(event) && is_one_line_of_data(data)
}

/// The lengths of the event's name and of the data in a frame.
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
        frame.slice_ref(self.event_of(frame))
    }

    /// Returns the data in a frame with these parts.
    pub(crate) fn data(self, frame: &Bytes) -> Bytes {
        frame.slice_ref(self.data_of(frame))
    }

    /// Returns the name of the event in a frame with these parts, as a borrow.
    pub(crate) fn event_of(self, frame: &[u8]) -> &[u8] {
        let start = EVENT.len();
        &frame[start..start + self.event_len as usize]
    }

    /// Returns the data in a frame with these parts, as a borrow.
    pub(crate) fn data_of(self, frame: &[u8]) -> &[u8] {
        let start = EVENT.len() + self.event_len as usize + DATA.len();
        &frame[start..start + self.data_len as usize]
    }
}

/// What stands before the name of the event.
const EVENT: &[u8] = b"event: ";

/// What stands between the name and the data.
const DATA: &[u8] = b"\ndata: ";

/// What stands before the id.
const ID: &str = "id: ";

/// Begins a frame: its name and its one line of data, with room for an id of `id_len` bytes.
/// [`finish`] ends it.
///
/// # Panics
///
/// Panics if `event` holds a line break (names come from code, never from a peer), or if `data`
/// does (JSON written by `serde_json` never does).
pub(crate) fn begin(event: &str, data: &[u8], id_len: usize) -> BytesMut {
    assert!(is_one_line(event), "event name {event:?} holds a line break");
    assert!(is_one_line_of_data(data), "the data is not one line");
    begin_sound(event, data, id_len)
}

/// Begins a frame as [`begin`] does, if it may be one.
pub(crate) fn begin_if_sound(event: &str, data: &[u8], id_len: usize) -> Option<BytesMut> {
    is_sound(event, data).then(|| begin_sound(event, data, id_len))
}

fn begin_sound(event: &str, data: &[u8], id_len: usize) -> BytesMut {
    let id_line = if id_len == 0 { 0 } else { ID.len() + id_len + 1 };
    let len = EVENT.len() + event.len() + DATA.len() + data.len() + 1 + id_line + 1;
    let mut frame = BytesMut::with_capacity(len);
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
///
/// # Panics
///
/// Panics if the id holds a line break.
pub(crate) fn finish_with(mut frame: BytesMut, id: &str) -> Bytes {
    assert!(is_one_line(id), "an id holds a line break");
    frame.put_slice(ID.as_bytes());
    frame.put_slice(id.as_bytes());
    frame.put_slice(b"\n\n");
    frame.freeze()
}

/// Ends a frame like [`finish_with`], with an id or none.
fn finish(mut frame: BytesMut, id: Option<std::fmt::Arguments<'_>>) -> Bytes {
    if let Some(id) = id {
        let start = frame.len();
        // Writing to memory cannot fail.
        let _ = writeln!(frame, "{ID}{id}");
        let line = &frame[start..frame.len() - 1];
        let broken = line.iter().any(|b| matches!(b, b'\n' | b'\r' | 0));
        assert!(!broken, "an id holds a line break");
    }
    frame.put_u8(b'\n');
    frame.freeze()
}

/// Returns a whole frame: an event with its one line of data, and with an id to resume after.
///
/// # Panics
///
/// Panics if `event`, `data` or `id` holds a line break: names and JSON come from code, never from
/// a peer.
///
/// # Examples
///
/// ```
/// let frame = kipo_topic::frame::event("closed", b"null", None);
/// assert_eq!(frame, "event: closed\ndata: null\n\n");
/// ```
#[must_use]
pub fn event(event: &str, data: &[u8], id: Option<std::fmt::Arguments<'_>>) -> Bytes {
    // The buffer grows if the id needs more room.
    finish(begin(event, data, 0), id)
}

/// Returns a frame that moves a client's position and is no event: it has no data.
///
/// # Panics
///
/// Panics if `id` holds a line break.
///
/// # Examples
///
/// ```
/// assert_eq!(kipo_topic::frame::position(format_args!("7")), "id: 7\n\n");
/// ```
#[must_use]
pub fn position(id: std::fmt::Arguments<'_>) -> Bytes {
    finish(BytesMut::new(), Some(id))
}

/// Returns a frame that sets a client's delay before it reconnects, in milliseconds.
///
/// # Examples
///
/// ```
/// assert_eq!(kipo_topic::frame::retry(2_000), "retry: 2000\n\n");
/// ```
#[must_use]
pub fn retry(delay_ms: u64) -> Bytes {
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
    fn a_line_break_is_found_wherever_it_is() {
        for (at, b) in (0..40).flat_map(|at| [(at, b'\n'), (at, b'\r'), (at, 0)]) {
            let mut text = vec![b'a'; 40];
            text[at] = b;
            assert!(!is_one_line(std::str::from_utf8(&text).expect("ASCII")), "{b} at {at}");
            assert_eq!(is_one_line_of_data(&text), b == 0, "{b} at {at}");
        }
    }

    #[test]
    #[should_panic(expected = "holds a line break")]
    fn a_name_cannot_forge_a_frame() {
        let _ = event("chat\ndata: forged", b"null", None);
    }

    #[test]
    #[should_panic(expected = "an id holds a line break")]
    fn an_id_cannot_forge_a_frame() {
        let _ = event("chat", b"null", Some(format_args!("1\n\nevent: forged")));
    }
}
