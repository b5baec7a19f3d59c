//! As much of an HTTP/1.1 client as the bench needs, over sockets of its own.
//!
//! A client library would cost the load's core more than the answers are worth, and the load's
//! core must never be what limits a row.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Longer than any answer the bench asks for takes, shorter than anyone's patience.
const PATIENCE: Duration = Duration::from_secs(30);

/// Heads of more than this are not from our servers.
const HEAD_BYTES_MAX: usize = 16 * 1_024;

/// The start of a response, up to its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) status: u16,
    pub(crate) body: Body,
    /// Length of the head with its empty line.
    pub(crate) bytes: usize,
}

/// How the end of a body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    Bytes(usize),
    Chunked,
}

impl Head {
    /// Reads the head that `bytes` starts with; `None` while it is incomplete.
    ///
    /// # Errors
    ///
    /// Fails where the bytes are not the start of an HTTP/1.1 response.
    pub(crate) fn parse(bytes: &[u8]) -> io::Result<Option<Self>> {
        let Some(end) = memchr::memmem::find(bytes, b"\r\n\r\n") else {
            return match bytes.len() {
                0..HEAD_BYTES_MAX => Ok(None),
                _ => Err(unexpected("a head without an end")),
            };
        };
        let status = bytes.get(9..12).and_then(number).ok_or_else(|| unexpected("no status"))?;
        let mut body = Body::Bytes(0);
        for line in bytes[..end].split(|byte| *byte == b'\n').skip(1) {
            let mut parts = line.splitn(2, |byte| *byte == b':');
            let (Some(name), Some(value)) = (parts.next(), parts.next()) else { continue };
            if name.eq_ignore_ascii_case(b"content-length") {
                let length = number(value.trim_ascii());
                body = Body::Bytes(length.ok_or_else(|| unexpected("a length of no number"))?);
            } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
                body = Body::Chunked;
            }
        }
        Ok(Some(Self { status: u16::try_from(status).unwrap_or(0), body, bytes: end + 4 }))
    }
}

/// Returns the bytes of a call: POST, JSON in and out, with the headers a browser's `fetch` sends
/// from the same origin.
pub(crate) fn call(address: SocketAddr, path: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\n\
         Host: {address}\r\n\
         User-Agent: bench\r\n\
         Accept: application/json\r\n\
         Content-Type: application/json\r\n\
         Content-Length: {length}\r\n\
         Origin: http://{address}\r\n\
         Sec-Fetch-Site: same-origin\r\n\
         \r\n",
        length = body.len(),
    );
    [head.as_bytes(), body].concat()
}

/// Returns the bytes that open an event stream.
pub(crate) fn listen(address: SocketAddr, path: &str) -> Vec<u8> {
    format!(
        "GET {path} HTTP/1.1\r\n\
         Host: {address}\r\n\
         User-Agent: bench\r\n\
         Accept: text/event-stream\r\n\
         Sec-Fetch-Site: same-origin\r\n\
         \r\n"
    )
    .into_bytes()
}

/// Connects, without Nagle's delay.
pub(crate) async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpStream::connect(address).await?;
    socket.set_nodelay(true)?;
    Ok(socket)
}

/// Makes one call on a connection of its own and returns the body.
///
/// # Errors
///
/// Fails where the server does not answer in time, or with anything but success.
pub(crate) async fn post(address: SocketAddr, path: &str, body: &[u8]) -> io::Result<Vec<u8>> {
    let exchange = async {
        let mut socket = connect(address).await?;
        socket.write_all(&call(address, path, body)).await?;
        let mut answer = Vec::new();
        let head = read_head(&mut socket, &mut answer).await?;
        let Body::Bytes(length) = head.body else { return Err(unexpected("a body in chunks")) };
        answer.drain(..head.bytes);
        while answer.len() < length {
            if socket.read_buf(&mut answer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        match head.status {
            200..=299 => Ok(answer),
            status => Err(io::Error::other(format!(
                "{path} answered {status}: {}",
                String::from_utf8_lossy(&answer)
            ))),
        }
    };
    tokio::time::timeout(PATIENCE, exchange).await?
}

/// Reads until the head is whole; `bytes` then holds it and whatever came with it.
pub(crate) async fn read_head(socket: &mut TcpStream, bytes: &mut Vec<u8>) -> io::Result<Head> {
    loop {
        if socket.read_buf(bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(head) = Head::parse(bytes)? {
            return Ok(head);
        }
    }
}

pub(crate) fn unexpected(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("unexpected answer: {what}"))
}

fn number(digits: &[u8]) -> Option<usize> {
    str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &str, expected: Option<Head>) {
        assert_eq!(Head::parse(bytes.as_bytes()).unwrap(), expected);
    }

    #[test]
    fn a_head_tells_its_body() {
        let bytes = "HTTP/1.1 200 OK\r\nContent-Length:  12\r\n\r\nrest";
        check(bytes, Some(Head { status: 200, body: Body::Bytes(12), bytes: bytes.len() - 4 }));
        let bytes = "HTTP/1.1 404 Not Found\r\ntransfer-encoding: chunked\r\n\r\n";
        check(bytes, Some(Head { status: 404, body: Body::Chunked, bytes: bytes.len() }));
    }

    #[test]
    fn half_a_head_is_waited_for() {
        check("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n", None);
    }

    #[test]
    fn a_length_of_no_number_is_refused() {
        assert!(Head::parse(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n").is_err());
    }
}
