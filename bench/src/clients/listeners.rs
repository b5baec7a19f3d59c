//! Listeners of the room: many open event streams that count their messages.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead as _, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::http::{self, Body};
use super::sse::{Chunks, Events};
use crate::serve;

/// Connections that are being opened at once: below any accept backlog.
const OPENING_MAX: usize = 64;

/// Bytes taken by one read: above what a socket holds, so that a read empties it.
const READ_BYTES: usize = 256 * 1_024;

/// When nothing has come for this long, nothing more is under way.
const QUIET: Duration = Duration::from_millis(500);

thread_local! {
    /// One buffer for all listeners of the thread; what a read leaves unfinished is copied out.
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
}

/// What all listeners have seen together.
#[derive(Debug, Default)]
struct Tally {
    received: AtomicU64,
    disordered: AtomicU64,
    gaps: AtomicU64,
    delays: Delays,
}

/// Of how many messages one is looked at for its delay: reading the time costs the load's core.
const TIMED_EVERY: u64 = 16;

/// How often which delay was seen, from publishing to reading: eight steps for each doubling.
#[derive(Debug)]
struct Delays([AtomicU64; 256]);

impl Default for Delays {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; 256])
    }
}

impl Delays {
    fn note(&self, published_us: u64) {
        let delay = serve::now_us().saturating_sub(published_us).max(1) as f64;
        let step = ((delay.log2() * 8.0) as usize).min(self.0.len() - 1);
        self.0[step].fetch_add(1, Ordering::Relaxed);
    }

    /// Forgets what was seen.
    fn clear(&self) {
        self.0.iter().for_each(|count| count.store(0, Ordering::Relaxed));
    }

    /// Returns the delay below which `part` of all lie, in µs, to a tenth or so.
    fn percentile(&self, part: f64) -> f64 {
        let counts: Vec<u64> = self.0.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        let wanted = counts.iter().sum::<u64>() as f64 * part;
        let mut below = 0.0;
        for (step, count) in counts.iter().enumerate() {
            below += *count as f64;
            if below >= wanted && *count > 0 {
                return (step as f64 + 0.5).mul_add(0.125, 0.0).exp2();
            }
        }
        0.0
    }
}

/// What all listeners had seen at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    /// Messages.
    pub(crate) received: u64,
    /// Messages whose number was not above the last one: sent twice or out of order.
    pub(crate) disordered: u64,
    /// Explicit notices of messages that are missing.
    pub(crate) gaps: u64,
}

/// Open streams; dropping them closes all.
#[derive(Debug)]
pub(crate) struct Listeners {
    address: SocketAddr,
    path: &'static str,
    tally: Arc<Tally>,
    tasks: JoinSet<io::Error>,
}

impl Listeners {
    pub(crate) fn new(address: SocketAddr, path: &'static str) -> Self {
        Self { address, path, tally: Arc::default(), tasks: JoinSet::new() }
    }

    /// Opens streams until there are `count`, each with its response head received.
    pub(crate) async fn grow_to(&mut self, count: usize) -> io::Result<()> {
        let mut missing = count.saturating_sub(self.tasks.len());
        while missing > 0 {
            let batch = missing.min(OPENING_MAX);
            let mut opening = JoinSet::new();
            for _ in 0..batch {
                opening.spawn(open(self.address, self.path));
            }
            for opened in opening.join_all().await {
                let phase = self.tasks.len() as u64 % TIMED_EVERY;
                let listener = Listener::new(opened?, phase, Arc::clone(&self.tally))?;
                self.tasks.spawn(listener.run());
            }
            missing -= batch;
        }
        Ok(())
    }

    /// Returns what all listeners have seen so far.
    ///
    /// # Errors
    ///
    /// Fails once any stream has ended: a row with failures is not a measurement.
    pub(crate) fn seen(&mut self) -> io::Result<Seen> {
        match self.tasks.try_join_next() {
            Some(Ok(error)) => return Err(error),
            Some(Err(panicked)) => return Err(panicked.into()),
            None => {}
        }
        Ok(Seen {
            received: self.tally.received.load(Ordering::Relaxed),
            disordered: self.tally.disordered.load(Ordering::Relaxed),
            gaps: self.tally.gaps.load(Ordering::Relaxed),
        })
    }

    /// Forgets all delays that were seen so far.
    pub(crate) fn clear_delays(&self) {
        self.tally.delays.clear();
    }

    /// Returns the delay from publishing to reading below which `part` of all lie, in µs.
    pub(crate) fn delay_us(&self, part: f64) -> f64 {
        self.tally.delays.percentile(part)
    }

    /// Waits until `expected` messages have come, or nothing comes any more.
    pub(crate) async fn settle(&mut self, expected: u64) -> io::Result<Seen> {
        let mut last = (self.seen()?, Instant::now());
        loop {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let seen = self.seen()?;
            if seen.received != last.0.received {
                last = (seen, Instant::now());
            }
            if seen.received >= expected || last.1.elapsed() > QUIET {
                return Ok(seen);
            }
        }
    }
}

/// A stream that has answered, with the bytes of the body that came along.
struct Opened {
    socket: TcpStream,
    start: Vec<u8>,
    is_chunked: bool,
}

async fn open(address: SocketAddr, path: &str) -> io::Result<Opened> {
    let mut socket = http::connect(address).await?;
    socket.write_all(&http::listen(address, path)).await?;
    let mut start = Vec::new();
    let head = http::read_head(&mut socket, &mut start).await?;
    if head.status != 200 {
        return Err(http::unexpected(&String::from_utf8_lossy(&start)));
    }
    start.drain(..head.bytes);
    // Without chunks the body is all that comes, as nchan does it.
    Ok(Opened { socket, start, is_chunked: head.body == Body::Chunked })
}

/// One open stream.
struct Listener {
    socket: TcpStream,
    reader: Reader,
}

impl Listener {
    fn new(opened: Opened, phase: u64, tally: Arc<Tally>) -> io::Result<Self> {
        let Opened { socket, start, is_chunked } = opened;
        let (chunks, events) = (is_chunked.then(Chunks::default), Events::default());
        let mut reader = Reader { chunks, events, last: 0, phase, tally };
        reader.take(&start)?;
        Ok(Self { socket, reader })
    }

    /// Reads until the stream fails, as its end is a failure too.
    async fn run(mut self) -> io::Error {
        poll_fn(|cx| {
            loop {
                let socket = Pin::new(&mut self.socket);
                let taken = BUFFER.with_borrow_mut(|buffer| {
                    let mut buffer = ReadBuf::new(buffer);
                    ready!(socket.poll_read(cx, &mut buffer))?;
                    match buffer.filled() {
                        [] => Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
                        bytes => Poll::Ready(self.reader.take(bytes)),
                    }
                });
                if let Err(error) = ready!(taken) {
                    return Poll::Ready(error);
                }
            }
        })
        .await
    }
}

/// Bytes of one stream → counts.
struct Reader {
    chunks: Option<Chunks>,
    events: Events,
    /// Number of the last message.
    last: u64,
    /// Which of its messages it looks at for their delay: another one than its neighbours.
    phase: u64,
    tally: Arc<Tally>,
}

impl Reader {
    fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Self { chunks, events, last, phase, tally } = self;
        let mut seen = Seen::default();
        let mut read = |data: &[u8]| {
            events.feed(data, |event| match event.name {
                b"note" => {
                    let number = event.number().unwrap_or(0);
                    seen.disordered += u64::from(number <= *last);
                    seen.received += 1;
                    *last = number;
                    if number % TIMED_EVERY == *phase
                        && let Some(at) = event.published_us()
                    {
                        tally.delays.note(at);
                    }
                }
                b"kipo:gap" => seen.gaps += 1,
                _ => {}
            });
        };
        match chunks {
            Some(chunks) => chunks.feed(bytes, read)?,
            None => read(bytes),
        }
        tally.received.fetch_add(seen.received, Ordering::Relaxed);
        tally.disordered.fetch_add(seen.disordered, Ordering::Relaxed);
        tally.gaps.fetch_add(seen.gaps, Ordering::Relaxed);
        Ok(())
    }
}
