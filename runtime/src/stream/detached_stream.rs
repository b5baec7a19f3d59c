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
const IGNORED_BYTES_MAX: usize = 16 * 1024;

/// Writes a stream in chunks (RFC 9112, section 7.1) until it ends or its client disconnects.
///
/// # Errors
///
/// Fails with the error of the socket, and with [`io::ErrorKind::TimedOut`] if the client has read
/// nothing for `write_timeout` while there was something to read.
pub(crate) fn write(
    socket: Arc<dyn Socket>,
    body: StreamBody,
    write_timeout: Duration,
) -> DetachedWrite {
    body.connect(Arc::clone(&socket));
    let writer = Writer {
        socket,
        write_timeout,
        timer: None,
        unwritten: Vec::new(),
        written: 0,
        ignored: 0,
        ended: false,
    };
    DetachedWrite { writer, body, grace: None }
}

/// The future of [`write`]. It is written by hand, as an idle stream holds it: that of an `async fn`
/// would hold its arguments twice.
pub(crate) struct DetachedWrite {
    writer: Writer,
    body: StreamBody,
    /// How long a stalled client may still read.
    grace: Option<Alarm>,
}

impl Future for DetachedWrite {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<io::Result<()>> {
        let Self { writer, body, grace } = &mut *self;
        if writer.poll_disconnected(task)?.is_ready() {
            return Poll::Ready(Ok(()));
        }
        loop {
            if writer.poll_unwritten(task)?.is_pending() {
                // A stalled client cannot read that the server drains. It must not delay the
                // drain for its whole write timeout.
                ready!(body.poll_drain(task));
                let grace = grace.get_or_insert_with(|| Alarm::at(Instant::now() + STALLED_GRACE));
                return grace.poll(task).map(Ok);
            }
            if writer.ended {
                return Poll::Ready(writer.socket.close());
            }
            writer.unwritten = body.take_rest();
            if !writer.unwritten.is_empty() {
                continue;
            }
            match ready!(Pin::new(&mut *body).poll_frame(task)) {
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        writer.write_chunk(&bytes)?;
                    }
                }
                None => {
                    writer.write(chunk::LAST)?;
                    writer.ended = true;
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

struct Writer {
    socket: Arc<dyn Socket>,
    write_timeout: Duration,
    /// Runs while the socket takes nothing.
    timer: Option<Pin<Box<Sleep>>>,
    /// The rest of the last chunk, of which `written` bytes are written. Empty most of the time.
    unwritten: Vec<u8>,
    written: usize,
    /// How many bytes the client has sent.
    ignored: usize,
    /// Whether the last chunk of the body is in `unwritten` or written.
    ended: bool,
}

impl Writer {
    /// Completes when the client has disconnected, or has sent more than [`IGNORED_BYTES_MAX`].
    fn poll_disconnected(&mut self, task: &mut Task<'_>) -> Poll<io::Result<()>> {
        let mut bytes = [0; 64];
        loop {
            let mut buffer = ReadBuf::new(&mut bytes);
            ready!(self.socket.poll_read(task, &mut buffer))?;
            self.ignored += buffer.filled().len();
            if buffer.filled().is_empty() || self.ignored > IGNORED_BYTES_MAX {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Writes the rest of the last chunk.
    fn poll_unwritten(&mut self, task: &mut Task<'_>) -> Poll<io::Result<()>> {
        while self.written < self.unwritten.len() {
            match self.socket.try_write(&self.unwritten[self.written..]) {
                Ok(written) => {
                    self.written += written;
                    self.timer = None;
                }
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => {
                    return Poll::Ready(Err(error));
                }
                Err(_) => match self.socket.poll_writable(task) {
                    Poll::Ready(writable) => writable?,
                    Poll::Pending => return self.poll_timeout(task).map(Err),
                },
            }
        }
        (self.unwritten, self.written) = (Vec::new(), 0);
        Poll::Ready(Ok(()))
    }

    /// Completes when the socket has taken nothing for the write timeout.
    fn poll_timeout(&mut self, task: &mut Task<'_>) -> Poll<io::Error> {
        let timeout = self.write_timeout;
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
        ready!(timer.as_mut().poll(task));
        Poll::Ready(io::Error::new(io::ErrorKind::TimedOut, "the peer stopped reading"))
    }

    /// Writes one chunk.
    fn write_chunk(&mut self, data: &[u8]) -> io::Result<()> {
        CHUNK.with_borrow_mut(|bytes| {
            bytes.clear();
            chunk::put(bytes, data);
            self.write(bytes)
        })
    }

    /// Writes bytes. If the socket is full, the rest stays in `unwritten`.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let written = match self.socket.try_write(bytes) {
            Ok(written) => written,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(error) => return Err(error),
        };
        if written < bytes.len() {
            self.unwritten = bytes[written..].to_vec();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::atomic::AtomicUsize, task::Waker};

    use tokio::io::{AsyncRead as _, AsyncReadExt as _, AsyncWrite as _, DuplexStream};

    use super::*;
    use crate::{
        action::Limits,
        metrics::StreamMeter,
        stream::{drain::Drain, event_stream::EventStream, pipe::Pipe},
    };

    /// The server's side of a connection in memory.
    struct Memory {
        stream: Mutex<DuplexStream>,
        /// Wakes the task that waits until the client reads.
        writer: Mutex<Option<Waker>>,
    }

    impl Socket for Memory {
        fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
            // A write that is pending wakes the task that asked for it last.
            let waker = self.writer.lock().unwrap().clone();
            let mut task = Task::from_waker(waker.as_ref().unwrap_or(Waker::noop()));
            match Pin::new(&mut *self.stream.lock().unwrap()).poll_write(&mut task, bytes) {
                Poll::Ready(written) => written,
                Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
            }
        }

        fn poll_writable(&self, task: &mut Task<'_>) -> Poll<io::Result<()>> {
            let mut writer = self.writer.lock().unwrap();
            let is_new = writer.as_ref().is_none_or(|writer| !writer.will_wake(task.waker()));
            *writer = Some(task.waker().clone());
            // The next write registers this task.
            if is_new { Poll::Ready(Ok(())) } else { Poll::Pending }
        }

        fn poll_read(&self, task: &mut Task<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut *self.stream.lock().unwrap()).poll_read(task, buffer)
        }

        fn close(&self) -> io::Result<()> {
            Ok(())
        }
    }

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
            let socket = Memory { stream: Mutex::new(server), writer: Mutex::new(None) };
            let (drain, sent) = (Drain::default(), Arc::new(AtomicUsize::new(0)));
            let bounds = Limits::new().within(Limits::new());
            let pipe = Arc::new(Pipe::new(bounds.ping, StreamMeter::default()));
            let (out, count) = (
                EventStream::new(Arc::clone(&pipe), None, None, bounds.response_max),
                Arc::clone(&sent),
            );
            let action = async move {
                loop {
                    let piece = Piece::Text("x".repeat(PIECE_BYTES));
                    out.send(piece).await.map_err(|_| Vec::new())?;
                    count.fetch_add(1, Ordering::Relaxed);
                }
            };
            let problem = Box::new(|_: &crate::error::Error| Vec::new());
            let body = StreamBody::new(Box::pin(action), pipe, bounds, drain.watch(), problem);
            let writing = tokio::spawn(write(Arc::new(socket), body, WRITE_TIMEOUT));
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
