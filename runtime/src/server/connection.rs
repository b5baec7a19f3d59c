//! One TCP connection: the transport below hyper, and a connection that is idle between requests.
//!
//! The transport adds three things that hyper does not have:
//!
//! - *A write timeout.* Without it, a client that stops reading holds its connection forever.
//! - *Refusals with a body.* hyper refuses some requests by itself (the head is too large, or is
//!   not HTTP), with an empty body. The transport replaces that response by a problem document.
//! - *A lingering close.* If a refused client still sends, closing the connection resets it, and
//!   the client cannot read the response. So the transport discards what the client sends, for a
//!   short time.

use std::{
    io,
    pin::Pin,
    task::{Context as Task, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http::StatusCode;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep},
};

use crate::{
    error::{Code, Error, problem},
    header::{RequestId, accept},
    stream::{DetachedStream, retry},
};

/// How long the transport reads from a refused client before it closes the connection.
const LINGER: Duration = Duration::from_secs(1);

/// A connection between two requests. This process or its successor can serve it.
#[derive(Debug)]
pub(crate) struct IdleConnection {
    pub(crate) stream: TcpStream,
    /// The bytes of the next request that are already read.
    pub(crate) read: Bytes,
}

impl IdleConnection {
    /// Returns a connection from which nothing is read yet.
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self { stream, read: Bytes::new() }
    }
}

/// The transport of one connection, with its timeouts.
pub(crate) struct Connection<S> {
    stream: S,
    /// Bytes that were read before hyper took the connection. Empty most of the time.
    read: Bytes,
    write_timeout: Duration,
    /// Runs while a write is pending.
    write_timer: Option<Pin<Box<Sleep>>>,
    /// The response in place of a refusal by hyper, and how many bytes of it are written.
    refusal: Option<(Vec<u8>, usize)>,
    /// Runs after the shutdown of a refused connection.
    linger: Option<Pin<Box<Sleep>>>,
    /// Learns of each write whether it is complete.
    detached_stream: DetachedStream,
}

impl<S> Connection<S> {
    /// Returns a transport that first yields the bytes in `read`.
    pub(crate) fn new(
        stream: S,
        read: Bytes,
        write_timeout: Duration,
        detached_stream: DetachedStream,
    ) -> Self {
        Self {
            stream,
            read,
            write_timeout,
            write_timer: None,
            refusal: None,
            linger: None,
            detached_stream,
        }
    }

    /// Returns the stream, and the bytes in `read` that hyper has not taken.
    pub(crate) fn into_parts(self) -> (S, Bytes) {
        (self.stream, self.read)
    }

    /// Completes when a write has been pending for the write timeout.
    fn poll_write_timeout(&mut self, task: &mut Task<'_>) -> Poll<io::Error> {
        let timeout = self.write_timeout;
        let timer = self.write_timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
        ready!(timer.as_mut().poll(task));
        Poll::Ready(io::Error::new(io::ErrorKind::TimedOut, "the peer stopped reading"))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Connection<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        task: &mut Task<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.read.is_empty() {
            return Pin::new(&mut self.stream).poll_read(task, buffer);
        }
        let length = self.read.len().min(buffer.remaining());
        buffer.put_slice(&self.read.split_to(length));
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Connection<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        task: &mut Task<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.refusal.is_none()
            && let Some(status) = bare_refusal(bytes)
        {
            this.refusal = Some((refusal(status), 0));
        }
        let written = match &mut this.refusal {
            None => Pin::new(&mut this.stream).poll_write(task, bytes),
            Some((response, sent)) => loop {
                if *sent == response.len() {
                    break Poll::Ready(Ok(bytes.len()));
                }
                match Pin::new(&mut this.stream).poll_write(task, &response[*sent..]) {
                    Poll::Ready(Ok(n)) => *sent += n,
                    other => break other,
                }
            },
        };
        this.detached_stream.set_written(written.is_ready());
        if written.is_ready() {
            this.write_timer = None;
            return written;
        }
        this.poll_write_timeout(task).map(Err)
    }

    fn poll_flush(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(task)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_shutdown(task))?;
        let this = &mut *self;
        if this.refusal.is_none() {
            return Poll::Ready(Ok(()));
        }
        let until = Instant::now() + LINGER;
        let linger = this.linger.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
        if linger.as_mut().poll(task).is_ready() {
            return Poll::Ready(Ok(()));
        }
        let mut discarded = [0; 4096];
        loop {
            let mut buffer = ReadBuf::new(&mut discarded);
            let read = ready!(Pin::new(&mut this.stream).poll_read(task, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

/// Returns the status of a response that hyper made by itself.
///
/// Such a response has exactly the fields below and closes the connection. Every response of Kipo
/// has a request id.
fn bare_refusal(bytes: &[u8]) -> Option<StatusCode> {
    // This check comes first, because the function runs for every write.
    let head = bytes.strip_prefix(b"HTTP/1.1 4")?;
    let mut lines = std::str::from_utf8(head).ok()?.strip_suffix("\r\n\r\n")?.split("\r\n");
    let status = format!("4{}", lines.next()?.get(..2)?);
    let mut closes = false;
    for line in lines {
        match line.split_once(": ")? {
            ("connection", "close") => closes = true,
            ("content-length", "0") | ("date", _) => {}
            _ => return None,
        }
    }
    closes.then(|| status.parse().ok()).flatten()
}

/// Returns the bytes of the response in place of a refusal by hyper.
fn refusal(status: StatusCode) -> Vec<u8> {
    let error = match status {
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => {
            Error::new(Code::HeadersTooLarge, "the head of the request is too large")
        }
        StatusCode::URI_TOO_LONG => Error::new(Code::UriTooLong, "the URL is too long"),
        _ => Error::bad_request("this is not an HTTP request"),
    };
    response(&error)
}

/// How long the server reads from and writes to a connection beyond the limits.
const REFUSAL_TIME: Duration = Duration::from_secs(1);

/// Responds to the request of a connection beyond the limits, and closes the connection.
pub(crate) async fn refuse<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, error: &Error) {
    let responding = async {
        let mut head = Vec::with_capacity(1024);
        while !ends_head(&head) && stream.read_buf(&mut head).await? > 0 {}
        let response = if asks_for_stream(&head) { retry_later(error) } else { response(error) };
        stream.write_all(&response).await?;
        stream.shutdown().await?;
        // A lingering close, as the module documentation describes it.
        let mut discarded = [0; 1024];
        while stream.read(&mut discarded).await? > 0 {}
        io::Result::Ok(())
    };
    // An error is ignored: the client is refused in any case, and will retry.
    _ = tokio::time::timeout(REFUSAL_TIME, responding).await;
}

/// Returns whether the head of a request is complete, or has reached the most bytes that are read.
fn ends_head(head: &[u8]) -> bool {
    const HEAD_BYTES_MAX: usize = 8 * 1024;
    head.len() >= HEAD_BYTES_MAX || head.windows(4).any(|end| end == b"\r\n\r\n")
}

/// Returns whether the head is that of a request by `EventSource`.
fn asks_for_stream(head: &[u8]) -> bool {
    let head = String::from_utf8_lossy(head);
    let mut fields = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    head.starts_with("GET ")
        && fields.any(|(name, value)| {
            name.eq_ignore_ascii_case("accept") && accept::text_names_streams(value)
        })
}

/// Returns the bytes of a whole stream that asks its client to reconnect later.
fn retry_later(error: &Error) -> Vec<u8> {
    let id = RequestId::next();
    problem::log(error, &id);
    let mut response = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-store, \
         no-transform\r\nx-request-id: {id}\r\nconnection: close\r\n\r\n"
    )
    .into_bytes();
    response.extend_from_slice(&retry::frame_for(error));
    response
}

/// Returns the bytes of a whole response that closes its connection.
fn response(error: &Error) -> Vec<u8> {
    let id = RequestId::next();
    let body = problem::json(error, &id);
    let status = error.code().status();
    let reason = status.canonical_reason().unwrap_or_default();
    let retry = error.retry_after().map_or(String::new(), |s| format!("retry-after: {s}\r\n"));
    let mut response = format!(
        "HTTP/1.1 {} {reason}\r\ncontent-type: application/problem+json\r\n\
         content-length: {}\r\ncache-control: no-store\r\nx-request-id: {id}\r\n{retry}\
         connection: close\r\n\r\n",
        status.as_u16(),
        body.len()
    )
    .into_bytes();
    response.extend_from_slice(&body);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &str, status: Option<u16>) {
        assert_eq!(bare_refusal(bytes.as_bytes()).map(|status| status.as_u16()), status);
    }

    #[test]
    fn only_a_refusal_by_hyper_gets_a_body() {
        let date = "date: Mon, 23 Nov 2026 00:00:00 GMT";
        check(
            &format!(
                "HTTP/1.1 431 Too Large\r\nconnection: close\r\ncontent-length: 0\r\n{date}\r\n\r\n"
            ),
            Some(431),
        );
        check(
            "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
            Some(400),
        );
        check("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n", None);
        check(
            "HTTP/1.1 404 Not Found\r\nx-request-id: 1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
            None,
        );
        check("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n", None);
        check("400", None);
    }
}
