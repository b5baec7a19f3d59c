//! Bytes of a response → its head and its body, in place.

use std::io;

use memchr::{memchr, memmem};

use super::head::{Framing, Head};
use super::unexpected;

/// A longer head or line is not from a server of ours.
const PARTIAL_BYTES_MAX: usize = 16 * 1_024;

/// Takes a response apart, in pieces of any size.
///
/// Only a head or a line that a piece cuts in two is copied; the body is passed on in place.
///
/// ```
/// use load::http::Decoder;
///
/// let (mut decoder, mut body) = (Decoder::default(), Vec::new());
/// for piece in ["HTTP/1.1 200 OK\r\nContent-Le", "ngth: 5\r\n\r\nhe", "llo"] {
///     decoder.feed(piece.as_bytes(), |part| body.extend_from_slice(part)).unwrap();
/// }
/// assert_eq!(decoder.head().unwrap().status(), 200);
/// assert!(decoder.is_complete());
/// assert_eq!(body, b"hello");
/// ```
#[derive(Debug, Default)]
pub struct Decoder {
    state: State,
    /// The start of a head or line whose end has not come.
    partial: Vec<u8>,
    head: Option<Head>,
    allows_close: bool,
}

/// Where in the response the next byte is.
#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Head,
    /// In a body with this many bytes to come.
    Length(u64),
    /// In a body that ends with the connection.
    Close,
    ChunkSize,
    /// In a chunk with this many bytes to come.
    Chunk(u64),
    /// In the line end after a chunk.
    ChunkEnd,
    /// Trailers are skipped.
    Trailers,
    End,
}

impl Decoder {
    /// Accepts a body that ends with the connection too: some servers stream so. Otherwise such a
    /// body is an error, since nothing tells its end from a cut.
    #[must_use]
    pub fn allowing_close(mut self) -> Self {
        self.allows_close = true;
        self
    }

    /// Returns the head once it is complete.
    #[must_use]
    pub fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }

    /// Returns whether the response is complete.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        matches!(self.state, State::End)
    }

    /// Begins the next response of the same connection.
    pub fn reset(&mut self) {
        self.state = State::Head;
        self.partial.clear();
        self.head = None;
    }

    /// Takes the next bytes, and passes on each part of the body that is in them.
    ///
    /// # Errors
    ///
    /// Fails where the bytes are not those of an HTTP/1.1 response, and where they go on after
    /// its end.
    pub fn feed(&mut self, mut bytes: &[u8], mut body: impl FnMut(&[u8])) -> io::Result<()> {
        while !bytes.is_empty() {
            self.state = match self.state {
                State::Head => {
                    let Some(head) = self.take_head(&mut bytes)? else { break };
                    let state = State::after_head(head.framing()?, self.allows_close)?;
                    self.head = Some(head);
                    state
                }
                State::Length(left) => match take(&mut bytes, left, &mut body) {
                    0 => State::End,
                    left => State::Length(left),
                },
                State::Chunk(left) => match take(&mut bytes, left, &mut body) {
                    0 => State::ChunkEnd,
                    left => State::Chunk(left),
                },
                State::Close => {
                    body(std::mem::take(&mut bytes));
                    State::Close
                }
                // Most line ends come in one piece.
                State::ChunkEnd if self.partial.is_empty() && bytes.starts_with(b"\r\n") => {
                    bytes = &bytes[2..];
                    State::ChunkSize
                }
                State::ChunkSize | State::ChunkEnd | State::Trailers => {
                    let Some(state) = self.take_line(&mut bytes)? else { break };
                    state
                }
                State::End => return Err(unexpected("bytes after the end")),
            };
        }
        Ok(())
    }

    /// Takes the head, or as much of it as there is.
    fn take_head(&mut self, bytes: &mut &[u8]) -> io::Result<Option<Head>> {
        const END: &[u8] = b"\r\n\r\n";
        if self.partial.is_empty()
            && let Some(end) = memmem::find(bytes, END)
        {
            let head = Head::parse(&bytes[..end])?;
            *bytes = &bytes[end + END.len()..];
            return Ok(Some(head));
        }
        // The rest of the bytes may be much of the body.
        let held = self.partial.len();
        self.partial.extend_from_slice(&bytes[..bytes.len().min(PARTIAL_BYTES_MAX)]);
        let Some(end) = memmem::find(&self.partial, END) else {
            return self.check_partial().map(|()| None);
        };
        let head = Head::parse(&self.partial[..end])?;
        self.partial.clear();
        *bytes = &bytes[end + END.len() - held..];
        Ok(Some(head))
    }

    /// Takes a line, and returns what follows it; or as much of the line as there is.
    fn take_line(&mut self, bytes: &mut &[u8]) -> io::Result<Option<State>> {
        let Some(end) = memchr(b'\n', bytes) else {
            self.hold(bytes)?;
            return Ok(None);
        };
        let (mut line, rest) = bytes.split_at(end + 1);
        *bytes = rest;
        if !self.partial.is_empty() {
            self.hold(line)?;
            line = &self.partial;
        }
        let state = self.state.after_line(line)?;
        self.partial.clear();
        Ok(Some(state))
    }

    fn hold(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.partial.extend_from_slice(bytes);
        self.check_partial()
    }

    fn check_partial(&self) -> io::Result<()> {
        match self.partial.len() {
            0..PARTIAL_BYTES_MAX => Ok(()),
            _ => Err(unexpected("a head or a line without an end")),
        }
    }
}

impl State {
    fn after_head(framing: Framing, allows_close: bool) -> io::Result<Self> {
        match framing {
            Framing::Length(0) => Ok(Self::End),
            Framing::Length(length) => Ok(Self::Length(length)),
            Framing::Chunked => Ok(Self::ChunkSize),
            Framing::Close if allows_close => Ok(Self::Close),
            Framing::Close => Err(unexpected("a body without a length")),
        }
    }

    fn after_line(self, line: &[u8]) -> io::Result<Self> {
        let line = line.strip_suffix(b"\r\n").ok_or_else(|| unexpected("a line without CR LF"))?;
        match self {
            Self::ChunkSize => match chunk_size(line) {
                Some(0) => Ok(Self::Trailers),
                Some(size) => Ok(Self::Chunk(size)),
                None => Err(unexpected("a chunk without a size")),
            },
            Self::ChunkEnd if line.is_empty() => Ok(Self::ChunkSize),
            Self::Trailers if line.is_empty() => Ok(Self::End),
            Self::Trailers => Ok(Self::Trailers),
            _ => Err(unexpected("a chunk that is longer than its size")),
        }
    }
}

/// Reads the size of a chunk. Extensions are skipped.
fn chunk_size(line: &[u8]) -> Option<u64> {
    let digits = line.iter().position(|byte| *byte == b';').unwrap_or(line.len());
    // A sign is no digit, although Rust's own parser takes one.
    let digits = Some(&line[..digits]).filter(|digits| digits.first() != Some(&b'+'))?;
    u64::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
}

/// Passes on at most `left` bytes, and returns how many are left then.
fn take(bytes: &mut &[u8], left: u64, body: &mut impl FnMut(&[u8])) -> u64 {
    let count = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
    let (part, rest) = bytes.split_at(count);
    body(part);
    *bytes = rest;
    left - count as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the status and the body of a complete response, however it is cut in two.
    #[track_caller]
    fn check(response: &str, expected: Option<(u16, &str)>) {
        for cut in 0..=response.len() {
            let (mut decoder, mut body) = (Decoder::default(), Vec::new());
            for piece in [&response[..cut], &response[cut..]] {
                decoder.feed(piece.as_bytes(), |part| body.extend_from_slice(part)).unwrap();
            }
            let text = String::from_utf8(body).unwrap();
            let complete = decoder.is_complete().then(|| decoder.head().unwrap().status());
            assert_eq!(complete.map(|status| (status, &*text)), expected, "cut at {cut}");
        }
    }

    #[track_caller]
    fn refused(response: &str) {
        let fed = Decoder::default().feed(response.as_bytes(), |_| ());
        assert!(fed.is_err(), "{response:?}");
    }

    #[test]
    fn bodies_with_a_length_and_in_chunks_are_read_at_any_cut() {
        check("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", Some((200, "hi")));
        check("HTTP/1.1 204 No Content\r\n\r\n", Some((204, "")));
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        check(
            &format!("{head}2\r\nhi\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n"),
            Some((200, "hi0123456789")),
        );
        check(&format!("{head}2\r\nhi\r\n"), None);
        check("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nhi", None);
    }

    #[test]
    fn half_a_head_is_waited_for() {
        check("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n", None);
    }

    #[test]
    fn a_long_body_may_come_with_the_second_half_of_its_head() {
        let length = 2 * PARTIAL_BYTES_MAX;
        let (head, body) = (format!("ength: {length}\r\n\r\n"), "x".repeat(length));
        let (mut decoder, mut read) = (Decoder::default(), 0);
        for piece in ["HTTP/1.1 200 OK\r\nContent-L", &(head + &body)] {
            decoder.feed(piece.as_bytes(), |part| read += part.len()).unwrap();
        }
        assert_eq!(read, length);
        assert!(decoder.is_complete());
    }

    #[test]
    fn a_head_has_a_status_and_fields_in_any_case() {
        let mut decoder = Decoder::default();
        let head = "HTTP/1.1 404 Not Found\r\nContent-Length:  12\r\nRetry-After: 3\r\n\r\n";
        decoder.feed(head.as_bytes(), |_| ()).unwrap();
        let head = decoder.head().unwrap();
        assert_eq!(head.status(), 404);
        assert_eq!(head.header("content-length"), Some("12"));
        assert_eq!(head.header("Retry-After"), Some("3"));
        assert_eq!(head.header("date"), None);
    }

    #[test]
    fn one_response_follows_another() {
        let (mut decoder, mut body) = (Decoder::default(), Vec::new());
        for text in ["one", "two"] {
            let response = format!("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n{text}");
            decoder.feed(response.as_bytes(), |part| body.extend_from_slice(part)).unwrap();
            assert!(decoder.is_complete());
            decoder.reset();
        }
        assert_eq!(body, b"onetwo");
    }

    #[test]
    fn a_body_that_ends_with_the_connection_is_read_where_it_is_allowed() {
        let (mut decoder, mut body) = (Decoder::default().allowing_close(), Vec::new());
        for piece in ["HTTP/1.1 200 OK\r\n\r\nh", "i"] {
            decoder.feed(piece.as_bytes(), |part| body.extend_from_slice(part)).unwrap();
        }
        assert_eq!(body, b"hi");
        assert!(!decoder.is_complete());
    }

    #[test]
    fn what_is_not_http_is_an_error() {
        refused("SSH-2.0\r\n\r\n");
        refused("HTTP/1.1 200 OK\r\n\r\n");
        refused("HTTP/1.1 200 OK\r\nno colon\r\n\r\n");
        refused("HTTP/1.1 204 No Content\r\n\r\nmore");
        refused(&"x".repeat(PARTIAL_BYTES_MAX));
    }

    #[test]
    fn a_length_of_no_number_is_refused() {
        refused("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n");
    }

    #[test]
    fn a_chunk_without_its_size_or_its_end_is_refused() {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        refused(&format!("{head}xyz\r\n"));
        refused(&format!("{head}+2\r\nhi\r\n"));
        refused(&format!("{head}\r\n"));
        refused(&format!("{head}2\r\nhi!\r\n"));
        refused(&format!("{head}2\nhi\r\n"));
    }
}
