//! As much of HTTP/1.1 as a client needs that talks to one server: light enough for ten thousand.

use std::{io, net::SocketAddr};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// A head longer than this is not one of ours.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// A request, as it is written.
#[derive(Debug)]
pub struct Request(String);

impl Request {
    /// Begins a request for an action.
    pub fn new(method: &str, action: &str) -> Self {
        let line = format!("{method} /_kipo/actions/{action} HTTP/1.1\r\nHost: localhost\r\n");
        Self(line)
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        for part in [name, ": ", value, "\r\n"] {
            self.0.push_str(part);
        }
        self
    }

    /// Ends the head, without a body.
    pub fn end(mut self) -> String {
        self.0.push_str("\r\n");
        self.0
    }

    /// Ends the head, and adds a body of JSON.
    pub fn json(self, body: &str) -> String {
        let this = self.header("Content-Type", "application/json");
        let mut text = this.header("Content-Length", &body.len().to_string()).end();
        text.push_str(body);
        text
    }
}

/// The head of an answer.
#[derive(Debug)]
pub struct Head {
    /// The status code.
    pub status: u16,
    /// Names in lower case.
    headers: Vec<(String, String)>,
}

impl Head {
    /// Returns the value of a header; `name` is in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.split("\r\n");
        let status = lines.next()?.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
        let headers = lines.map(|line| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_ascii_lowercase(), value.trim().to_owned()))
        });
        Some(Self { status, headers: headers.collect::<Option<_>>()? })
    }
}

/// Where in the body an answer is.
#[derive(Debug)]
enum Place {
    Head,
    /// So many bytes are left.
    Length(u64),
    ChunkSize,
    Chunk(u64),
    /// The line end after a chunk.
    ChunkEnd,
    /// Trailers are read over.
    Trailers,
    End,
}

/// Takes an answer in pieces of any size.
#[derive(Debug)]
pub struct Decoder {
    place: Place,
    line: Vec<u8>,
    head: Option<Head>,
}

impl Default for Decoder {
    fn default() -> Self {
        Self { place: Place::Head, line: Vec::new(), head: None }
    }
}

impl Decoder {
    /// Returns the head, once it is whole.
    pub fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }

    /// Returns whether the answer is whole.
    pub fn is_whole(&self) -> bool {
        matches!(self.place, Place::End)
    }

    /// Takes the next bytes, and adds to `body` what they hold of it.
    pub fn feed(&mut self, mut bytes: &[u8], body: &mut Vec<u8>) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.place {
                Place::Length(left) => {
                    let rest = take(&mut bytes, left, body);
                    self.place = if rest == 0 { Place::End } else { Place::Length(rest) };
                }
                Place::Chunk(left) => {
                    let rest = take(&mut bytes, left, body);
                    self.place = if rest == 0 { Place::ChunkEnd } else { Place::Chunk(rest) };
                }
                Place::End => return Err(malformed("bytes after the end")),
                Place::Head | Place::ChunkSize | Place::ChunkEnd | Place::Trailers => {
                    self.line.push(bytes[0]);
                    bytes = &bytes[1..];
                    self.line_byte()?;
                }
            }
        }
        Ok(())
    }

    /// Looks whether what ends with a line end is whole.
    fn line_byte(&mut self) -> io::Result<()> {
        let end: &[u8] = if matches!(self.place, Place::Head) { b"\r\n\r\n" } else { b"\r\n" };
        if self.line.len() > HEAD_BYTES_MAX {
            return Err(malformed("a head without end"));
        }
        let Some(line) = self.line.strip_suffix(end) else { return Ok(()) };
        let line = std::str::from_utf8(line).map_err(|_| malformed("not a text"))?;
        self.place = match self.place {
            Place::Head => {
                let head = Head::parse(line).ok_or_else(|| malformed(line))?;
                let length = head.header("content-length").map(str::parse);
                let place = match (head.header("transfer-encoding"), length) {
                    (Some("chunked"), None) => Place::ChunkSize,
                    (None, Some(Ok(0))) => Place::End,
                    (None, Some(Ok(length))) => Place::Length(length),
                    (None, None) if head.status == 204 => Place::End,
                    _ => return Err(malformed("a body without a length")),
                };
                self.head = Some(head);
                place
            }
            Place::ChunkSize => {
                let digits = line.split(';').next().unwrap_or_default();
                match u64::from_str_radix(digits, 16).map_err(|_| malformed(line))? {
                    0 => Place::Trailers,
                    size => Place::Chunk(size),
                }
            }
            Place::ChunkEnd if line.is_empty() => Place::ChunkSize,
            Place::Trailers if line.is_empty() => Place::End,
            Place::Trailers => Place::Trailers,
            _ => return Err(malformed(line)),
        };
        self.line.clear();
        Ok(())
    }
}

/// Moves at most `left` bytes, and returns how many are left then.
fn take(bytes: &mut &[u8], left: u64, body: &mut Vec<u8>) -> u64 {
    let count = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
    body.extend_from_slice(&bytes[..count]);
    *bytes = &bytes[count..];
    left - count as u64
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("not HTTP: {what}"))
}

/// Sends one request, and returns the whole answer.
pub async fn call(target: SocketAddr, request: &str) -> io::Result<(u16, Vec<u8>)> {
    let mut stream = TcpStream::connect(target).await?;
    stream.write_all(request.as_bytes()).await?;
    let (mut decoder, mut body, mut buffer) = (Decoder::default(), Vec::new(), vec![0; 4096]);
    while !decoder.is_whole() {
        match stream.read(&mut buffer).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => decoder.feed(&buffer[..count], &mut body)?,
        }
    }
    let status = decoder.head().map_or(0, |head| head.status);
    Ok((status, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The body, however the answer is cut in two; `None` is not whole.
    #[track_caller]
    fn check(answer: &str, expected: Option<(u16, &str)>) {
        for cut in 0..=answer.len() {
            let (mut decoder, mut body) = (Decoder::default(), Vec::new());
            decoder.feed(&answer.as_bytes()[..cut], &mut body).unwrap();
            decoder.feed(&answer.as_bytes()[cut..], &mut body).unwrap();
            let text = String::from_utf8(body).unwrap();
            let whole = decoder.is_whole().then(|| (decoder.head().unwrap().status, &*text));
            assert_eq!(whole, expected, "cut at {cut}");
        }
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
    fn what_is_not_http_is_an_error() {
        for answer in ["SSH-2.0\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"] {
            let fed = Decoder::default().feed(answer.as_bytes(), &mut Vec::new());
            assert!(fed.is_err(), "{answer:?}");
        }
    }
}
