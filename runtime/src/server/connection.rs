//! One TCP connection, as hyper sees it; or between two requests, when nobody has to see it.
//!
//! Three things that hyper leaves to the transport:
//!
//! - *A write deadline.* A reader that stops reading would hold its connection for ever.
//! - *Refusals with a body.* What hyper refuses by itself (a head that is too large or no HTTP)
//!   it answers without a body; here it becomes a problem document like any other.
//! - *A lingering close.* A client that still sends when it is refused would have its connection
//!   reset and never read why; what it sends is thrown away for a moment instead.

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

/// How long a refused client may go on sending before the connection is closed.
const LINGER: Duration = Duration::from_secs(1);

/// A connection between two requests: whoever has it may serve it.
#[derive(Debug)]
pub(crate) struct IdleConnection {
    pub(crate) stream: TcpStream,
    /// What was read of the next request.
    pub(crate) read: Bytes,
}

impl IdleConnection {
    /// One that nothing was read of.
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self { stream, read: Bytes::new() }
    }
}

/// A connection with its deadlines.
pub(crate) struct Connection<S> {
    stream: S,
    /// What was read of it before; mostly empty.
    read: Bytes,
    write_deadline: Duration,
    /// Armed while the peer takes nothing.
    stuck: Option<Pin<Box<Sleep>>>,
    /// What is sent in place of a bare refusal of hyper's, and how much of it was.
    refusal: Option<(Vec<u8>, usize)>,
    /// Armed once a refused connection is shut down.
    linger: Option<Pin<Box<Sleep>>>,
    /// Told of each write.
    detached_stream: DetachedStream,
}

impl<S> Connection<S> {
    /// Begins with what was read already.
    pub(crate) fn new(
        stream: S,
        read: Bytes,
        write_deadline: Duration,
        detached_stream: DetachedStream,
    ) -> Self {
        Self {
            stream,
            read,
            write_deadline,
            stuck: None,
            refusal: None,
            linger: None,
            detached_stream,
        }
    }

    /// Returns the stream, and what was read of it and not asked for.
    pub(crate) fn into_parts(self) -> (S, Bytes) {
        (self.stream, self.read)
    }

    /// Ends the wait for a peer that takes nothing.
    fn poll_stuck(&mut self, task: &mut Task<'_>) -> Poll<io::Error> {
        let deadline = self.write_deadline;
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(tokio::time::sleep(deadline)));
        ready!(stuck.as_mut().poll(task));
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
        let fits = self.read.len().min(buffer.remaining());
        buffer.put_slice(&self.read.split_to(fits));
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
            this.stuck = None;
            return written;
        }
        this.poll_stuck(task).map(Err)
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
        let mut thrown_away = [0; 4096];
        loop {
            let mut buffer = ReadBuf::new(&mut thrown_away);
            let read = ready!(Pin::new(&mut this.stream).poll_read(task, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

/// Returns the status of a response that hyper made by itself.
///
/// Those consist of exactly these fields and close the connection; every answer of ours has a
/// request id.
fn bare_refusal(bytes: &[u8]) -> Option<StatusCode> {
    // Looked at first: this is asked of every write.
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

/// How long a connection beyond the bounds is kept, to read what it asks for and to answer.
const REFUSAL_TIME: Duration = Duration::from_secs(1);

/// Answers the request of a connection beyond the bounds, and ends it.
pub(crate) async fn refuse<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, error: &Error) {
    let answering = async {
        let mut head = Vec::with_capacity(1024);
        while !ends_head(&head) && stream.read_buf(&mut head).await? > 0 {}
        let response = if asks_for_stream(&head) { come_back(error) } else { response(error) };
        stream.write_all(&response).await?;
        stream.shutdown().await?;
        // Whoever still sends would have the answer reset; see the module's words.
        let mut thrown_away = [0; 1024];
        while stream.read(&mut thrown_away).await? > 0 {}
        io::Result::Ok(())
    };
    // What goes wrong here goes wrong for a client that comes back anyway.
    _ = tokio::time::timeout(REFUSAL_TIME, answering).await;
}

/// Returns whether the head of a request is there, or as much of it as anyone reads.
fn ends_head(head: &[u8]) -> bool {
    const HEAD_BYTES_MAX: usize = 8 * 1024;
    head.len() >= HEAD_BYTES_MAX || head.windows(4).any(|end| end == b"\r\n\r\n")
}

/// Returns whether a head is that of a browser's `EventSource`.
fn asks_for_stream(head: &[u8]) -> bool {
    let head = String::from_utf8_lossy(head);
    let mut fields = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    head.starts_with("GET ")
        && fields.any(|(name, value)| {
            name.eq_ignore_ascii_case("accept") && accept::text_names_streams(value)
        })
}

/// Returns the bytes of a whole stream that says when to come back.
fn come_back(error: &Error) -> Vec<u8> {
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

/// Returns the bytes of a whole response for a connection that ends with it.
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
    fn only_a_bare_refusal_is_given_a_body() {
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
