//! One listener: an event stream whose messages are counted as they arrive.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::net::{self, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Poll, ready};

use load::Cursor;
use load::http::{self, Decoder, Request, unexpected};
use load::sse::{Event, Item, Reader};
use memchr::memmem;
use tokio::io::{AsyncRead as _, AsyncReadExt as _, AsyncWriteExt as _, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};

use super::delays::Delays;
use crate::serve::room;

/// Bytes of one read: more than a socket holds, so that a read empties it.
const READ_BYTES: usize = 256 * 1_024;

/// A listener measures the delay of one message in so many: reading the clock costs the load's
/// core.
const TIMED_EVERY: u64 = 16;

/// Streams from one loopback address, which has about 28,000 ports for its connections.
const STREAMS_PER_SOURCE: usize = 10_000;

thread_local! {
    /// One buffer for all listeners of the thread: a read leaves nothing in it.
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
}

/// What all listeners have seen together.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) received: AtomicU64,
    pub(super) disordered: AtomicU64,
    pub(super) gaps: AtomicU64,
    pub(super) delays: Delays,
}

/// What listeners had seen at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    /// Messages.
    pub(crate) received: u64,
    /// Messages whose number was not above the last one: sent twice or out of order.
    pub(crate) disordered: u64,
    /// Explicit notices of messages that are missing.
    pub(crate) gaps: u64,
}

/// An open stream; dropping it closes the connection.
pub(super) struct Stream {
    socket: TcpStream,
    decoder: Decoder,
    reader: Reader,
    counter: Counter,
}

impl Stream {
    /// Opens a stream, and returns it once its response head is there.
    pub(super) async fn open(
        address: SocketAddr,
        path: &str,
        number: usize,
        tally: Arc<Tally>,
    ) -> io::Result<Self> {
        let request = Request::new("GET", path, address)
            .header("User-Agent", "bench")
            .header("Accept", "text/event-stream")
            .header("Sec-Fetch-Site", "same-origin")
            .end();
        let socket = connect(address, number).await?;
        // nchan sends a stream without chunks.
        let (decoder, reader) = (Decoder::default().allowing_close(), Reader::default());
        let counter = Counter { last: 0, phase: number as u64 % TIMED_EVERY, tally };
        let mut stream = Self { socket, decoder, reader, counter };
        stream.socket.write_all(&request).await?;
        let mut buffer = [0; 4_096];
        loop {
            let count = stream.socket.read(&mut buffer).await?;
            stream.take(&buffer[..count])?;
            match stream.decoder.head().map(http::Head::status) {
                Some(200) => return Ok(stream),
                Some(_) => return Err(unexpected(&String::from_utf8_lossy(&buffer[..count]))),
                None => {}
            }
        }
    }

    /// Reads until the stream fails. Its end is a failure too.
    pub(super) async fn run(mut self) -> io::Error {
        poll_fn(|cx| {
            loop {
                let taken = BUFFER.with_borrow_mut(|buffer| {
                    let mut buffer = ReadBuf::new(buffer);
                    ready!(Pin::new(&mut self.socket).poll_read(cx, &mut buffer))?;
                    Poll::Ready(self.take(buffer.filled()))
                });
                if let Err(error) = ready!(taken) {
                    return Poll::Ready(error);
                }
            }
        })
        .await
    }

    /// Returns the socket without what has been read, for a reader of its own. It does not block.
    pub(super) fn into_socket(self) -> io::Result<net::TcpStream> {
        self.socket.into_std()
    }

    /// Counts the messages in the bytes of one read.
    fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let Self { decoder, reader, counter, .. } = self;
        let mut seen = Seen::default();
        decoder.feed(bytes, |part| {
            reader.feed(part, |item| {
                if let Item::Event(event) = item {
                    counter.count(event, &mut seen);
                }
            });
        })?;
        counter.add(seen);
        match decoder.is_complete() {
            true => Err(unexpected("the stream ended")),
            false => Ok(()),
        }
    }
}

/// Connects from the address of the stream's number.
async fn connect(address: SocketAddr, number: usize) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.set_nodelay(true)?;
    // Closing leaves no port behind that waits for a minute: the next run needs it.
    socket.set_zero_linger()?;
    let source = u8::try_from(number / STREAMS_PER_SOURCE).map_err(io::Error::other)?;
    if source > 0 {
        socket.bind((Ipv4Addr::new(127, 0, 0, 1 + source), 0).into())?;
    }
    socket.connect(address).await
}

/// Counts the messages of one stream.
struct Counter {
    /// Number of the last message.
    last: u64,
    /// Which of its messages it measures: others than its neighbours do.
    phase: u64,
    tally: Arc<Tally>,
}

impl Counter {
    fn count(&mut self, event: Event<'_>, seen: &mut Seen) {
        match event.name {
            // Centrifugo gives events no name, and sends one when it has connected.
            b"message" if member(event.data, b"\"n\":").is_none() => {}
            b"note" | b"message" => {
                let number = number(event).unwrap_or(0);
                seen.disordered += u64::from(number <= self.last);
                seen.received += 1;
                self.last = number;
                if number % TIMED_EVERY == self.phase
                    && let Some(published_us) = member(event.data, b"\"at\":")
                {
                    self.tally.delays.add(room::now_us().saturating_sub(published_us));
                }
            }
            b"kipo:gap" => seen.gaps += 1,
            _ => {}
        }
    }

    fn add(&self, seen: Seen) {
        self.tally.received.fetch_add(seen.received, Ordering::Relaxed);
        self.tally.disordered.fetch_add(seen.disordered, Ordering::Relaxed);
        self.tally.gaps.fetch_add(seen.gaps, Ordering::Relaxed);
    }
}

/// Returns the number of a message: Kipo has it in the cursor, axum alone in the id, and nchan
/// and Centrifugo only in the data.
fn number(event: Event<'_>) -> Option<u64> {
    let id = event.last_event_id;
    Cursor::seq_of(id).or_else(|| digits(id)).or_else(|| member(event.data, b"\"n\":"))
}

/// Returns the number after the first `key`.
fn member(data: &[u8], key: &[u8]) -> Option<u64> {
    let value = &data[memmem::find(data, key)? + key.len()..];
    let end = value.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(value.len());
    digits(&value[..end])
}

fn digits(text: &[u8]) -> Option<u64> {
    str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    const HEAD: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

    /// Sends a response in two pieces, and returns what a listener has seen when it ends, and how
    /// it ends.
    async fn listen(response: &str, cut: usize) -> (Seen, io::Error) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let (address, tally) = (listener.local_addr().unwrap(), Arc::<Tally>::default());
        let (first, second) = response.as_bytes().split_at(cut);
        let server = async {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = [0; 1_024];
            assert!(socket.read(&mut request).await.unwrap() > 0);
            for piece in [first, second] {
                socket.write_all(piece).await.unwrap();
                tokio::task::yield_now().await;
            }
        };
        let client = async {
            match Stream::open(address, "/", 1, Arc::clone(&tally)).await {
                Ok(stream) => stream.run().await,
                Err(error) => error,
            }
        };
        let (error, ()) = tokio::join!(client, server);
        let seen = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let received = seen(&tally.received);
        let (disordered, gaps) = (seen(&tally.disordered), seen(&tally.gaps));
        (Seen { received, disordered, gaps }, error)
    }

    fn chunked(pieces: &[&str]) -> String {
        let chunk = |piece: &&str| format!("{:x}\r\n{piece}\r\n", piece.len());
        HEAD.to_owned() + &pieces.iter().map(chunk).collect::<String>()
    }

    #[tokio::test]
    async fn a_cut_anywhere_changes_nothing() {
        let response = chunked(&[
            "event: note\ndata: {}\nid: 1\n\n",
            ": ping\n\nevent: note\ndata: {\"n\":2}\nid: 0f-2-",
            "ab\n\nevent: kipo:gap\ndata: {}\n\n",
            "event: note\ndata: {}\nid: 0f-2-ab\n\n",
        ]);
        for cut in 1..response.len() {
            let (Seen { received, disordered, gaps }, error) = listen(&response, cut).await;
            assert_eq!((received, disordered, gaps), (3, 1, 1), "cut at {cut}");
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        }
    }

    #[tokio::test]
    async fn an_end_is_an_error() {
        let (_, error) = listen(&(HEAD.to_owned() + "0\r\n\r\n"), 9).await;
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        let (_, error) = listen("HTTP/1.1 503 Down\r\nContent-Length: 9\r\n\r\n", 9).await;
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn a_number_is_in_the_cursor_or_the_id_or_the_data() {
        let number = |id: &str, data: &str| {
            let (last_event_id, data) = (id.as_bytes(), data.as_bytes());
            number(Event { name: b"note", data, last_event_id })
        };
        assert_eq!(number("0f-2-ab", "{}"), Some(2));
        assert_eq!(number("3", "{}"), Some(3));
        assert_eq!(number("1764381234:0", r#"{"at":1,"n":4,"x":5}"#), Some(4));
        assert_eq!(number("1764381234:0", "{}"), None);
    }
}
