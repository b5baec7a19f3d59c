//! The head of a response.

use std::io;

use super::unexpected;

/// The status and the header fields of a response.
#[derive(Clone, Debug)]
pub struct Head {
    status: u16,
    /// The lines after the status line. Each has a colon.
    fields: Box<str>,
}

/// What marks the end of a body (RFC 9112, section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// So many bytes.
    Length(u64),
    /// The chunk of size 0.
    Chunked,
    /// The end of the connection.
    Close,
}

impl Head {
    /// Returns the status code.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Returns the value of the first header field with this name, in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let fields = self.fields.split("\r\n").filter_map(|line| line.split_once(':'));
        let mut named = fields.filter(|(known, _)| known.eq_ignore_ascii_case(name));
        named.next().map(|(_, value)| value.trim())
    }

    /// Reads a head, without the empty line at its end.
    pub(super) fn parse(text: &[u8]) -> io::Result<Self> {
        let text = str::from_utf8(text).map_err(|_| unexpected("a head that is no text"))?;
        let (first, fields) = text.split_once("\r\n").unwrap_or((text, ""));
        let code = first.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3));
        let status = code.and_then(|code| code.parse().ok());
        let is_whole = fields.is_empty() || fields.split("\r\n").all(|line| line.contains(':'));
        match status.filter(|_| is_whole) {
            Some(status) => Ok(Self { status, fields: fields.into() }),
            None => Err(unexpected(text)),
        }
    }

    /// Returns what marks the end of the body.
    pub(super) fn framing(&self) -> io::Result<Framing> {
        match (self.header("transfer-encoding"), self.header("content-length")) {
            (Some(coding), None) if coding.eq_ignore_ascii_case("chunked") => Ok(Framing::Chunked),
            (None, Some(length)) => {
                let length = length.parse().map_err(|_| unexpected("a length that is no number"));
                length.map(Framing::Length)
            }
            (None, None) if matches!(self.status, 204 | 304) => Ok(Framing::Length(0)),
            (None, None) => Ok(Framing::Close),
            _ => Err(unexpected("a body with an unknown coding")),
        }
    }
}
