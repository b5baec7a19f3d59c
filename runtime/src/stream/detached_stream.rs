//! A stream leaves hyper once its head is written.
//!
//! hyper keeps 16 KiB of buffers for a connection, and its dispatcher runs with each frame. A
//! stream needs neither: it has nothing more to read, and each frame is one chunk in one write.
//! So hyper writes the head, with a body that says nothing; then it is taken apart, and
//! [`write`] goes on with the socket. The connection ends with the stream, as its head says.

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

/// Where a connection finds the stream that it takes over.
#[derive(Clone, Debug, Default)]
pub(crate) struct DetachedStream(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// A std lock: held for a move.
    body: Mutex<Option<StreamBody>>,
    /// Whether the socket has not taken all that hyper gave it.
    unwritten: AtomicBool,
}

impl DetachedStream {
    /// Leaves a stream for the connection; what hyper is given instead says nothing.
    pub(crate) fn give(&self, body: StreamBody) -> EmptyBody {
        *self.0.body.lock().unwrap_or_else(PoisonError::into_inner) = Some(body);
        EmptyBody
    }

    /// Notes whether the last write was taken as a whole.
    pub(crate) fn wrote(&self, all: bool) {
        self.0.unwritten.store(!all, Ordering::Relaxed);
    }

    /// Tells whether the last write was taken as a whole.
    pub(crate) fn is_written(&self) -> bool {
        !self.0.unwritten.load(Ordering::Relaxed)
    }

    /// Takes the stream, if there is one and its head is written.
    pub(crate) fn take(&self) -> Option<StreamBody> {
        if !self.is_written() {
            return None;
        }
        self.0.body.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A body that says nothing and does not end.
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

/// How much a client may send to a stream, in bytes: nothing that it could say is of use.
const IGNORED_BYTES_MAX: usize = 16 * 1024;

/// Writes a stream in chunks (RFC 9112, section 7.1) until it ends or its client leaves.
pub(crate) async fn write<C: AsyncRead + AsyncWrite + Unpin>(
    connection: C,
    body: StreamBody,
) -> io::Result<()> {
    let mut writer = Writer { connection, left: Vec::new(), written: 0, ignored: 0, ended: false };
    let mut body = pin!(body);
    let mut grace = None;
    poll_fn(|task| -> Poll<io::Result<()>> {
        if writer.poll_left(task)?.is_ready() {
            return Poll::Ready(Ok(()));
        }
        loop {
            if writer.poll_rest(task)?.is_pending() {
                // One that is stuck cannot be told that the server goes away, and does not hold
                // it up for the whole of its write time.
                ready!(body.as_mut().poll_drain(task));
                let grace = grace.get_or_insert_with(|| Alarm::at(Instant::now() + STUCK_GRACE));
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

/// How long a stuck reader may still take something once the server goes away.
const STUCK_GRACE: Duration = Duration::from_millis(500);

thread_local! {
    /// Where a chunk is put together. One for each thread: an idle stream holds no buffer.
    static CHUNK: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

struct Writer<C> {
    connection: C,
    /// What the socket has not taken yet, from `written` on; mostly empty.
    left: Vec<u8>,
    written: usize,
    /// What the client sent meanwhile, in bytes.
    ignored: usize,
    /// Whether the last chunk was made.
    ended: bool,
}

impl<C: AsyncRead + AsyncWrite + Unpin> Writer<C> {
    /// Completes once the client has left, or has sent too much to be one.
    fn poll_left(&mut self, task: &mut Task<'_>) -> Poll<io::Result<()>> {
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

    /// Writes what is left of the last chunk.
    fn poll_rest(&mut self, task: &mut Task<'_>) -> Poll<io::Result<()>> {
        while self.written < self.left.len() {
            let rest = &self.left[self.written..];
            self.written += ready!(Pin::new(&mut self.connection).poll_write(task, rest))?;
        }
        self.left = Vec::new();
        self.written = 0;
        Poll::Ready(Ok(()))
    }

    /// Writes one chunk; an empty one is the last. What the socket does not take now is kept.
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
                        self.left = chunk[written..].to_vec();
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
        server::connection::Connection,
        stream::{drain::Drain, event_stream::EventStream, pipe::Pipe},
    };

    #[derive(kipo_macros::Event)]
    enum Piece {
        Text(String),
    }

    const PIECE_BYTES: usize = 8 * 1024;
    const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
    /// What the transport holds, in the place of the system's buffers.
    const TRANSPORT_BYTES: usize = 1024;

    /// A stream without end, and the other end of its connection.
    struct Endless {
        client: tokio::io::DuplexStream,
        drain: Drain,
        /// How many pieces were sent.
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
            let pipe = Arc::new(Pipe::new(bounds.ping));
            let (out, count) = (EventStream::new(Arc::clone(&pipe), None), Arc::clone(&sent));
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
    async fn a_reader_that_stops_costs_a_bounded_amount_and_ends_at_its_deadline() {
        let endless = Endless::start();
        let began = Instant::now();
        let error = endless.writing.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(began.elapsed(), WRITE_TIMEOUT);
        // What the action has sent in all that time, one piece above the bound included.
        let sent = endless.sent.load(Ordering::Relaxed) * PIECE_BYTES;
        assert!((1..=64 * 1024 + PIECE_BYTES).contains(&sent), "{sent} bytes");
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_takes_a_little_each_time_is_kept() {
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
    async fn a_reader_that_is_stuck_when_the_server_goes_away_has_a_moment() {
        let endless = Endless::start();
        tokio::time::sleep(Duration::from_secs(1)).await;
        let began = Instant::now();
        endless.drain.begin(Duration::from_secs(10)).await;
        endless.writing.await.unwrap().unwrap();
        let took = began.elapsed();
        assert!((STUCK_GRACE..STUCK_GRACE * 2).contains(&took), "{took:?}");
    }
}
