//! Requests as bytes.

use std::fmt::{Display, Write as _};
use std::net::SocketAddr;

/// A request whose head is being written.
///
/// ```
/// use load::http::Request;
///
/// let address = ([127, 0, 0, 1], 80).into();
/// let bytes = Request::new("GET", "/", address).header("Accept", "text/html").end();
/// assert_eq!(bytes, b"GET / HTTP/1.1\r\nHost: 127.0.0.1:80\r\nAccept: text/html\r\n\r\n");
/// ```
#[derive(Clone, Debug)]
pub struct Request(String);

impl Request {
    /// Begins a request for a path of the server at `address`.
    #[must_use]
    pub fn new(method: &str, path: &str, address: SocketAddr) -> Self {
        Self(format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\n"))
    }

    /// Adds a header field.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Display) -> Self {
        // Writing to a string does not fail.
        let _ = write!(self.0, "{name}: {value}\r\n");
        self
    }

    /// Ends a request without a body.
    #[must_use]
    pub fn end(mut self) -> Vec<u8> {
        self.0.push_str("\r\n");
        self.0.into_bytes()
    }

    /// Ends a request with a body of JSON.
    #[must_use]
    pub fn json(self, body: &[u8]) -> Vec<u8> {
        let head = self.header("Content-Type", "application/json");
        let mut bytes = head.header("Content-Length", body.len()).end();
        bytes.extend_from_slice(body);
        bytes
    }
}
