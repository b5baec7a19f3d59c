//! Bytes of a chunked event stream → events, in place: only what a read cuts in two is copied.

use std::io;

use memchr::{memchr, memmem};

use super::http::unexpected;

/// Chunk sizes have at most sixteen hex digits; extensions are not written by our servers.
const SIZE_LINE_BYTES_MAX: usize = 18;

/// Takes the chunked coding off a body (RFC 9112, section 7.1).
#[derive(Debug, Default)]
pub(crate) struct Chunks {
    state: Chunk,
    /// The part of a size line that came so far.
    size_line: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default)]
enum Chunk {
    /// In the line that tells the size.
    #[default]
    Size,
    /// In the data, with this much to come.
    Data(usize),
    /// In the line end after the data, with this much to come.
    End(usize),
    /// After the chunk of size 0.
    Over,
}

impl Chunks {
    /// Hands the data within `bytes` on, piece by piece.
    pub(crate) fn feed(&mut self, mut bytes: &[u8], mut data: impl FnMut(&[u8])) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.state {
                Chunk::Size => {
                    let end = memchr(b'\n', bytes);
                    let (line, rest) = bytes.split_at(end.map_or(bytes.len(), |end| end + 1));
                    self.size_line.extend_from_slice(line);
                    if self.size_line.len() > SIZE_LINE_BYTES_MAX {
                        return Err(unexpected("a long chunk size"));
                    }
                    bytes = rest;
                    if end.is_some() {
                        let digits = str::from_utf8(self.size_line.trim_ascii_end()).ok();
                        let size = digits.and_then(|hex| usize::from_str_radix(hex, 16).ok());
                        self.state = match size.ok_or_else(|| unexpected("no chunk size"))? {
                            0 => Chunk::Over,
                            size => Chunk::Data(size),
                        };
                        self.size_line.clear();
                    }
                }
                Chunk::Data(left) => {
                    let (piece, rest) = bytes.split_at(left.min(bytes.len()));
                    data(piece);
                    bytes = rest;
                    self.state = match left - piece.len() {
                        0 => Chunk::End(2),
                        left => Chunk::Data(left),
                    };
                }
                Chunk::End(left) => {
                    let taken = left.min(bytes.len());
                    bytes = &bytes[taken..];
                    self.state = match left - taken {
                        0 => Chunk::Size,
                        left => Chunk::End(left),
                    };
                }
                Chunk::Over => return Err(unexpected("the stream ended")),
            }
        }
        Ok(())
    }
}

/// One event, as far as the bench looks into it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Event<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) id: &'a [u8],
    pub(crate) data: &'a [u8],
}

impl Event<'_> {
    /// Returns the number in the id: all of it, or what stands between the first two hyphens; or
    /// else that in the data.
    pub(crate) fn number(self) -> Option<u64> {
        let mut parts = self.id.splitn(3, |byte| *byte == b'-');
        let first = parts.next()?;
        let number = str::from_utf8(parts.next().unwrap_or(first)).ok()?.parse().ok();
        number.or_else(|| digits(self.data, b"\"n\":"))
    }

    /// Returns when it was published, in µs since 1970.
    pub(crate) fn published_us(self) -> Option<u64> {
        digits(self.data, b"\"at\":")
    }
}

/// Returns the number after the first `key`.
fn digits(data: &[u8], key: &[u8]) -> Option<u64> {
    let digits = &data[memmem::find(data, key)? + key.len()..];
    let end = digits.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
    str::from_utf8(&digits[..end]).ok()?.parse().ok()
}

/// Cuts an event stream at its empty lines. Knows LF alone, which is what both servers write.
#[derive(Debug, Default)]
pub(crate) struct Events {
    /// The start of an event whose end has not come yet.
    partial: Vec<u8>,
}

impl Events {
    /// Hands every event on that `bytes` completes; comments count as events without a name.
    pub(crate) fn feed(&mut self, bytes: &[u8], mut event: impl FnMut(Event<'_>)) {
        if self.partial.is_empty() {
            let rest = cut(bytes, &mut event);
            self.partial.extend_from_slice(rest);
        } else {
            self.partial.extend_from_slice(bytes);
            let rest = cut(&self.partial, &mut event).len();
            let taken = self.partial.len() - rest;
            self.partial.drain(..taken);
        }
    }
}

/// Hands on the complete events of `bytes` and returns what is left.
fn cut<'a>(mut bytes: &'a [u8], event: &mut impl FnMut(Event<'_>)) -> &'a [u8] {
    while let Some(end) = memmem::find(bytes, b"\n\n") {
        event(read(&bytes[..end]));
        bytes = &bytes[end + 2..];
    }
    bytes
}

fn read(mut lines: &[u8]) -> Event<'_> {
    let mut event = Event::default();
    loop {
        let end = memchr(b'\n', lines).unwrap_or(lines.len());
        if let Some(name) = lines[..end].strip_prefix(b"event: ") {
            event.name = name;
        } else if let Some(id) = lines[..end].strip_prefix(b"id: ") {
            event.id = id;
        } else if let Some(data) = lines[..end].strip_prefix(b"data: ") {
            event.data = data;
        }
        let Some(rest) = lines.get(end + 1..) else { return event };
        lines = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds a stream cut at one place and returns the names and numbers of its events.
    fn events(stream: &[u8], cut: usize) -> Vec<(String, Option<u64>)> {
        let (mut chunks, mut events, mut seen) = (Chunks::default(), Events::default(), vec![]);
        for bytes in [&stream[..cut], &stream[cut..]] {
            chunks
                .feed(bytes, |data| {
                    events.feed(data, |event| {
                        let name = String::from_utf8_lossy(event.name).into_owned();
                        seen.push((name, event.number()));
                    });
                })
                .unwrap();
        }
        seen
    }

    #[test]
    fn a_cut_anywhere_changes_nothing() {
        let chunks = ["event: a\ndata: {}\nid: 1\n\n", ": ping\n\nevent: b\nid: 0f-2-", "ab\n\n"];
        let stream: String =
            chunks.iter().map(|chunk| format!("{:x}\r\n{chunk}\r\n", chunk.len())).collect();
        let expected =
            [("a".to_owned(), Some(1)), (String::new(), None), ("b".to_owned(), Some(2))];
        for cut in 0..=stream.len() {
            assert_eq!(events(stream.as_bytes(), cut), expected, "cut at {cut}");
        }
    }

    #[test]
    fn an_end_is_an_error() {
        let ended = Chunks::default().feed(b"0\r\n\r\n", |_| ());
        assert!(ended.is_err());
    }

    #[test]
    fn a_size_of_no_number_is_an_error() {
        assert!(Chunks::default().feed(b"xyz\r\n", |_| ()).is_err());
    }
}
