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
    future::poll_fn,
    io,
    pin::{Pin, pin},
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
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Instant,
};

use crate::{
    header::hex,
    stream::{alarm::Alarm, body::StreamBody},
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
pub(crate) async fn write<C: AsyncRead + AsyncWrite + Unpin>(
    connection: C,
    body: StreamBody,
) -> io::Result<()> {
    let mut writer =
        Writer { connection, unwritten: Vec::new(), written: 0, ignored: 0, ended: false };
    let mut body = pin!(body);
    let mut grace = None;
    poll_fn(|task| -> Poll<io::Result<()>> {
        if writer.poll_disconnected(task)?.is_ready() {
            return Poll::Ready(Ok(()));
        }
        loop {
            if writer.poll_unwritten(task)?.is_pending() {
                // A stalled client cannot read that the server drains. It must not delay the
                // drain for its whole write timeout.
                ready!(body.as_mut().poll_drain(task));
                let grace = grace.get_or_insert_with(|| Alarm::at(Instant::now() + STALLED_GRACE));
                return grace.poll(task).map(Ok);
            }
            if writer.ended {
                return Pin::new(&mut writer.connection).poll_shutdown(task);
            }
            match ready!(body.as_mut().poll_frame(task)) {
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        writer.write_chunk(task, &bytes)?;
                    }
                }
                None => {
                    writer.write_chunk(task, b"")?;
                    writer.ended = true;
                }
            }
        }
    })
    .await
}

/// How long a stalled client may still read after the drain has begun.
const STALLED_GRACE: Duration = Duration::from_millis(500);

thread_local! {
    /// The buffer for one chunk. There is one for each thread, so an idle stream holds no buffer.
    static CHUNK: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

struct Writer<C> {
    connection: C,
    /// The rest of the last chunk, of which `written` bytes are written. Empty most of the time.
    unwritten: Vec<u8>,
    written: usize,
    /// How many bytes the client has sent.
    ignored: usize,
    /// Whether the last chunk of the body is in `unwritten` or written.
    ended: bool,
}

impl<C: AsyncRead + AsyncWrite + Unpin> Writer<C> {
    /// Completes when the client has disconnected, or has sent more than [`IGNORED_BYTES_MAX`].
    fn poll_disconnected(&mut self, task: &mut Task<'_>) -> Poll<io::Result<()>> {
        let mut bytes = [0; 64];
        loop {
            let mut buffer = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut self.connection).poll_read(task, &mut buffer))?;
            self.ignored += buffer.filled().len();
            if buffer.filled().is_empty() || self.ignored > IGNORED_BYTES_MAX {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Writes the rest of the last chunk.
    fn poll_unwritten(&mut self, task: &mut Task<'_>) -> Poll<io::Result<()>> {
        while self.written < self.unwritten.len() {
            let rest = &self.unwritten[self.written..];
            self.written += ready!(Pin::new(&mut self.connection).poll_write(task, rest))?;
        }
        self.unwritten = Vec::new();
        self.written = 0;
        Poll::Ready(Ok(()))
    }

    /// Writes one chunk; an empty chunk is the last one. If the socket is full, the rest stays in
    /// `unwritten`.
    fn write_chunk(&mut self, task: &mut Task<'_>, data: &[u8]) -> io::Result<()> {
        CHUNK.with_borrow_mut(|chunk| {
            chunk.clear();
            hex::put(chunk, data.len() as u64);
            chunk.extend_from_slice(b"\r\n");
            chunk.extend_from_slice(data);
            chunk.extend_from_slice(b"\r\n");
            let mut written = 0;
            while written < chunk.len() {
                match Pin::new(&mut self.connection).poll_write(task, &chunk[written..])? {
                    Poll::Ready(bytes) => written += bytes,
                    Poll::Pending => {
                        self.unwritten = chunk[written..].to_vec();
                        break;
                    }
                }
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use tokio::io::AsyncReadExt as _;

    use super::*;
    use crate::{
        action::Limits,
        metrics::StreamMeter,
        server::connection::Connection,
        stream::{drain::Drain, event_stream::EventStream, pipe::Pipe},
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
        client: tokio::io::DuplexStream,
        drain: Drain,
        /// How many pieces the action has sent.
        sent: Arc<AtomicUsize>,
        writing: tokio::task::JoinHandle<io::Result<()>>,
    }

    impl Endless {
        fn start() -> Self {
            let (client, server) = tokio::io::duplex(TRANSPORT_BYTES);
            let connection =
                Connection::new(server, Bytes::new(), WRITE_TIMEOUT, DetachedStream::default());
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
            let writing = tokio::spawn(write(connection, body));
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
