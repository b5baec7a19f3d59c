//! Requests and responses over a socket.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{decoder::Decoder, head::Head, unexpected};

/// Bytes of one read: a small response comes in one.
const READ_BYTES: usize = 16 * 1_024;

/// A complete response.
#[derive(Clone, Copy, Debug)]
pub struct Response<'a> {
    /// The status code.
    pub status: u16,
    /// The header fields.
    pub head: &'a Head,
    /// The body, without any coding of the transfer.
    pub body: &'a [u8],
}

/// A connection that stays open from one request to the next.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    decoder: Decoder,
    buffer: Vec<u8>,
    body: Vec<u8>,
}

impl Connection {
    /// Opens a connection.
    ///
    /// # Errors
    ///
    /// Fails where the server cannot be reached.
    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = connect(address).await?;
        let (decoder, buffer, body) = (Decoder::default(), vec![0; READ_BYTES], Vec::new());
        Ok(Self { stream, decoder, buffer, body })
    }

    /// Sends a part of a request; [`send`](Self::send) sends the rest of it.
    ///
    /// # Errors
    ///
    /// Fails where the connection has ended.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: some of the bytes may have been sent.
    pub async fn write(&mut self, part: &[u8]) -> io::Result<()> {
        self.stream.write_all(part).await
    }

    /// Sends a request and returns the complete response.
    ///
    /// # Errors
    ///
    /// Fails where the connection ends before the response does, and where that is not HTTP/1.1.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: the connection is then in the middle of a response.
    pub async fn send(&mut self, request: &[u8]) -> io::Result<Response<'_>> {
        let Self { stream, decoder, buffer, body } = self;
        stream.write_all(request).await?;
        decoder.reset();
        body.clear();
        while !decoder.is_complete() {
            let count = stream.read(buffer).await?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            decoder.feed(&buffer[..count], |part| body.extend_from_slice(part))?;
        }
        let head = decoder.head().ok_or_else(|| unexpected("no head"))?;
        Ok(Response { status: head.status(), head, body })
    }
}

/// Connects without Nagle's delay.
///
/// # Errors
///
/// Fails where the server cannot be reached.
pub async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Sends one request on a connection of its own, and returns the status and the body.
///
/// # Errors
///
/// Fails as [`Connection::open`] and [`Connection::send`] do.
pub async fn call(address: SocketAddr, request: &[u8]) -> io::Result<(u16, Vec<u8>)> {
    let mut connection = Connection::open(address).await?;
    let status = connection.send(request).await?.status;
    Ok((status, connection.body))
}
