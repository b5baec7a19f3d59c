//! The parts of HTTP/1.1 that a client of one server needs (RFC 9112).
//!
//! A [`Request`] is bytes, a [`Decoder`] takes a response apart as it arrives, and a
//! [`Connection`] joins both over a socket.

mod connection;
mod decoder;
mod head;
mod request;

pub use connection::{Connection, Response, call, connect};
pub use decoder::Decoder;
pub use head::Head;
pub use request::Request;

/// Returns the error for bytes that are not the response that was expected.
pub fn unexpected(what: &str) -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::InvalidData, format!("unexpected response: {what}"))
}
