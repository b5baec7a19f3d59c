//! Takes a stream over from hyper after its head is written.
//!
//! For each connection hyper holds 16 KiB of buffers, and its dispatcher runs for each frame. A
//! stream needs neither: it reads no further request, and each frame is one chunk in one write. So
//! hyper writes the head with an [`EmptyBody`]. Then the connection takes the socket out of hyper,
//! and [`write`] writes the frames. The head says `connection: close`, so the connection ends with
//! the stream.

use std::{
    cell::RefCell,
    convert::Infallible,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context as Task, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame};
use tokio::{
    io::ReadBuf,
    time::{Instant, Sleep},
};

use crate::{
    header::chunk,
    stream::{alarm::Alarm, body::StreamBody, socket::Socket},
};

/// The slot through which a request handler passes a stream to its connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct DetachedStream(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// A std lock: held for one move, never across an `.await`.
    body: Mutex<Option<StreamBody>>,
    /// Whether the last write of hyper is still pending.
    unwritten: AtomicBool,
}

impl DetachedStream {
    /// Puts a stream into the slot, and returns the body that hyper gets instead.
    pub(crate) fn put(&self, body: StreamBody) -> EmptyBody {
        *self.0.body.lock().unwrap_or_else(PoisonError::into_inner) = Some(body);
        EmptyBody
    }

    /// Notes whether the last write is complete.
    pub(crate) fn set_written(&self, is_written: bool) {
        self.0.unwritten.store(!is_written, Ordering::Relaxed);
    }

    /// Returns whether the last write is complete.
    pub(crate) fn is_written(&self) -> bool {
        !self.0.unwritten.load(Ordering::Relaxed)
    }

    /// Takes the stream out of the slot, if there is one and its head is written.
    pub(crate) fn take(&self) -> Option<StreamBody> {
        if !self.is_written() {
            return None;
        }
        self.0.body.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A body without data that does not end.
#[derive(Debug)]
pub(crate) struct EmptyBody;

impl Body for EmptyBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Task<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }
}

/// The most bytes that a client may send on the connection of a stream. They are ignored.
const IGNORED_BYTES_MAX: u32 = 16 * 1024;

/// How many of them one read takes.
const READ_BYTES: usize = 64;

/// Writes a stream in chunks (RFC 9112, section 7.1) until it ends or its client disconnects.
///
/// # Errors
///
/// Fails with the error of the socket, and with [`io::ErrorKind::TimedOut`] if the client has read
/// nothing for `write_timeout` while there was something to read.
pub(crate) fn write(socket: Socket, body: StreamBody, write_timeout: Duration) -> DetachedWrite {
    body.connect(socket);
    let write_timeout_ns = u64::try_from(write_timeout.as_nanos()).unwrap_or(u64::MAX);
    DetachedWrite { body, write_timeout_ns, stalled: None, ignored: 0, ended: false }
}

/// The future of [`write`]. It is written by hand, as an idle stream holds it: that of an `async fn`
/// would hold its arguments twice.
pub(crate) struct DetachedWrite {
    body: StreamBody,
    write_timeout_ns: u64,
    /// What the client has not taken: nothing most of the time.
    stalled: Option<Box<Stalled>>,
    /// How many bytes the client has sent.
    ignored: u32,
    /// Whether the last chunk of the body is in `stalled` or written.
    ended: bool,
}

/// A client that takes nothing now.
#[derive(Default)]
struct Stalled {
    /// The rest of the last chunk, of which `written` bytes are written.
    unwritten: Vec<u8>,
    written: usize,
    /// Runs while the socket takes nothing.
    timer: Option<Pin<Box<Sleep>>>,
    /// How long the client may still read, once the drain has begun.
    grace: Option<Alarm>,
}

impl DetachedWrite {
    /// Returns the address of the client, or of the proxy.
    pub(crate) fn peer(&self) -> SocketAddr {
        self.body.peer()
    }
}

impl Future for DetachedWrite {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.poll_disconnected(task)?.is_ready() {
            return Poll::Ready(Ok(()));
        }
        loop {
            if this.poll_unwritten(task)?.is_pending() {
                // A stalled client cannot read that the server drains. It must not delay the
                // drain for its whole write timeout.
                ready!(this.body.poll_drain(task));
                let stalled = this.stalled.get_or_insert_default();
                let grace = &mut stalled.grace;
                let grace = grace.get_or_insert_with(|| Alarm::at(Instant::now() + STALLED_GRACE));
                return grace.poll(task).map(Ok);
            }
            if this.ended {
                return Poll::Ready(this.body.with_socket(Socket::close)?);
            }
            let rest = this.body.take_rest();
            if !rest.is_empty() {
                this.stalled.get_or_insert_default().unwritten = rest;
                continue;
            }
            match ready!(Pin::new(&mut this.body).poll_frame(task)) {
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        this.write_chunk(&bytes)?;
                    }
                }
                None => {
                    this.write(chunk::LAST)?;
                    this.ended = true;
                }
            }
        }
    }
}

/// How long a stalled client may still read after the drain has begun.
const STALLED_GRACE: Duration = Duration::from_millis(500);

thread_local! {
    /// The buffer for one chunk. There is one for each thread, so an idle stream holds no buffer.
    static CHUNK: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl DetachedWrite {
    /// Completes when the client has disconnected, or has sent more than [`IGNORED_BYTES_MAX`].
    fn poll_disconnected(&mut self, task: &mut Task<'_>) -> Poll<io::Result<()>> {
        let mut bytes = [0; READ_BYTES];
        loop {
            let mut buffer = ReadBuf::new(&mut bytes);
            ready!(self.body.with_socket(|socket| socket.poll_read(task, &mut buffer))?)?;
            // At most a few bytes above the bound.
            self.ignored += buffer.filled().len() as u32;
            if buffer.filled().is_empty() || self.ignored > IGNORED_BYTES_MAX {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Writes the rest of the last chunk.
    fn poll_unwritten(&mut self, task: &mut Task<'_>) -> Poll<io::Result<()>> {
        let Some(stalled) = &mut self.stalled else { return Poll::Ready(Ok(())) };
        while stalled.written < stalled.unwritten.len() {
            let unwritten = &stalled.unwritten[stalled.written..];
            match self.body.with_socket(|socket| socket.try_write(unwritten))? {
                Ok(written) => {
                    stalled.written += written;
                    stalled.timer = None;
                }
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => {
                    return Poll::Ready(Err(error));
                }
                Err(_) => match self.body.with_socket(|socket| socket.poll_writable(task))? {
                    Poll::Ready(writable) => writable?,
                    Poll::Pending => {
                        let timeout = Duration::from_nanos(self.write_timeout_ns);
                        return stalled.poll_timeout(task, timeout).map(Err);
                    }
                },
            }
        }
        (stalled.unwritten, stalled.written) = (Vec::new(), 0);
        // The grace is once for each drain.
        self.stalled.take_if(|stalled| stalled.grace.is_none());
        Poll::Ready(Ok(()))
    }

    /// Writes one chunk.
    fn write_chunk(&mut self, data: &[u8]) -> io::Result<()> {
        CHUNK.with_borrow_mut(|bytes| {
            bytes.clear();
            chunk::put(bytes, data);
            self.write(bytes)
        })
    }

    /// Writes bytes. If the socket is full, the rest stays in `stalled`.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let written = match self.body.with_socket(|socket| socket.try_write(bytes))? {
            Ok(written) => written,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(error) => return Err(error),
        };
        if written < bytes.len() {
            self.stalled.get_or_insert_default().unwritten = bytes[written..].to_vec();
        }
        Ok(())
    }
}

impl Stalled {
    /// Completes when the socket has taken nothing for the write timeout.
    fn poll_timeout(&mut self, task: &mut Task<'_>, timeout: Duration) -> Poll<io::Error> {
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
        ready!(timer.as_mut().poll(task));
        Poll::Ready(io::Error::new(io::ErrorKind::TimedOut, "the peer stopped reading"))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use tokio::io::{AsyncReadExt as _, DuplexStream};

    use super::*;
    use crate::{
        action::{Context, Limits},
        metrics::StreamMeter,
        stream::{drain::Drain, event_stream::EventStream, pipe::Pipe, socket::memory::Memory},
    };

    #[derive(kipo_macros::Event)]
    enum Piece {
        Text(String),
    }

    const PIECE_BYTES: usize = 8 * 1024;
    const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
    /// The capacity of the transport. It stands for the buffers of the system.
    const TRANSPORT_BYTES: usize = 1024;

    /// An endless stream, and the client's side of its connection.
    struct Endless {
        client: DuplexStream,
        drain: Drain,
        /// How many pieces the action has sent.
        sent: Arc<AtomicUsize>,
        writing: tokio::task::JoinHandle<io::Result<()>>,
    }

    impl Endless {
        fn start() -> Self {
            let (client, server) = tokio::io::duplex(TRANSPORT_BYTES);
            let socket = Socket::Memory(Memory::new(server));
            let (drain, sent) = (Drain::default(), Arc::new(AtomicUsize::new(0)));
            let bounds = Limits::new().within(Limits::new());
            let pipe = Arc::new(Pipe::new(&bounds, None, StreamMeter::default()));
            let (out, count) = (EventStream::new(Arc::clone(&pipe)), Arc::clone(&sent));
            let action = async move {
                loop {
                    let piece = Piece::Text("x".repeat(PIECE_BYTES));
                    out.send(piece).await?;
                    count.fetch_add(1, Ordering::Relaxed);
                }
            };
            let cx = Context::test();
            let body = StreamBody::new(Box::pin(action), pipe, bounds, drain.watch(), cx);
            let writing = tokio::spawn(write(socket, body, WRITE_TIMEOUT));
            Self { client, drain, sent, writing }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_stalled_client_holds_bounded_memory_and_is_closed_at_the_write_timeout() {
        let endless = Endless::start();
        let began = Instant::now();
        let error = endless.writing.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(began.elapsed(), WRITE_TIMEOUT);
        // The action has sent at most the bound and one piece more.
        let sent = endless.sent.load(Ordering::Relaxed) * PIECE_BYTES;
        assert!((1..=64 * 1024 + PIECE_BYTES).contains(&sent), "{sent} bytes");
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_client_that_still_reads_stays_connected() {
        let mut endless = Endless::start();
        let mut bytes = [0; 100];
        for _ in 0..100 {
            tokio::time::sleep(WRITE_TIMEOUT * 9 / 10).await;
            endless.client.read_exact(&mut bytes).await.unwrap();
        }
        assert!(!endless.writing.is_finished());
        let stopped = Instant::now();
        assert!(endless.writing.await.unwrap().is_err());
        assert!(stopped.elapsed() <= WRITE_TIMEOUT);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stalled_client_is_closed_soon_after_the_drain_begins() {
        let endless = Endless::start();
        tokio::time::sleep(Duration::from_secs(1)).await;
        let began = Instant::now();
        endless.drain.begin(Duration::from_secs(10)).await;
        endless.writing.await.unwrap().unwrap();
        let elapsed = began.elapsed();
        assert!((STALLED_GRACE..STALLED_GRACE * 2).contains(&elapsed), "{elapsed:?}");
    }
}
