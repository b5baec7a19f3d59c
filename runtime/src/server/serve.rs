//! Sockets: the accept loop, one task for each connection, drain on shutdown.

use std::{
    convert::Infallible,
    future::{self, poll_fn},
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::Poll,
    time::Duration,
};

use axum::{Router, body::Body};
use bytes::Bytes;
use http::{HeaderValue, Request, Version, header};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc::UnboundedSender,
    time::Instant,
};
use tokio_util::task::TaskTracker;
use tower_service::Service;

use crate::{
    error::{Code, Error},
    server::{
        activity::{Activity, BusyBody},
        addresses::{self, Permit},
        connection::{self, Connection, IdleConnection},
        shared::{Peer, Shared},
    },
    stream::{Alarm, DetachedStream, Drain, StreamBody, detached_stream, jitter},
};

/// Bounds on connections. Those on requests and calls are [`Limits`](crate::Limits).
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use kipo::{App, ServeLimits};
///
/// let limits = ServeLimits { drain: Duration::from_secs(3), ..ServeLimits::default() };
/// assert_eq!(limits.connections_max, 20_000);
/// let _app = App::new().serve_limits(limits);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServeLimits {
    /// How long a connection may take to send the head of a request, the next one on a kept
    /// connection included; 30 s. Longer, and it is closed.
    pub header_timeout: Duration,
    /// How long a reader may take nothing of what is written to it; 30 s. Longer, and it is
    /// closed; a stream resumes. What counts is that anything is taken, not how much.
    pub write_timeout: Duration,
    /// How many connections may be open; 20,000. More are answered 503.
    pub connections_max: usize,
    /// How many of them may be from one client address; 2,000, so that an office behind one
    /// address has room. More are answered 429. In IPv6, the first 64 bits are the address. Not
    /// counted are those from this machine and from an
    /// [`App::trusted_proxy`](crate::App::trusted_proxy).
    pub connections_per_address_max: usize,
    /// How many streams may be open from one client address; 2,000. More are answered 429. Behind
    /// a trusted proxy, the address is that of the proxy's client.
    pub streams_per_address_max: usize,
    /// How long a shutdown takes at most; 10 s. Streams are ended at once, and calls that were
    /// admitted are waited for.
    pub drain: Duration,
}

impl Default for ServeLimits {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
            connections_max: 20_000,
            connections_per_address_max: 2_000,
            streams_per_address_max: 2_000,
            drain: Duration::from_secs(10),
        }
    }
}

/// The largest head of a request, in bytes: what nginx and Node take by default lies around it.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// The pause after an accept that failed for want of files or memory: time for some to be freed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

const CLOSE: HeaderValue = HeaderValue::from_static("close");

/// How long requests are still awaited on connections that are open when a shutdown begins. One
/// that was accepted just now has its request on the way; one that is in use is closed with the
/// answer that it gets, instead of between two requests, where the next would meet a reset.
const LINGER: Duration = Duration::from_millis(50);

/// How many connections beyond the bounds are told so at a time. What comes beyond those as well
/// is closed without a word, which every client takes for a network that fails, and comes back.
const REFUSALS_MAX: usize = 256;

/// What becomes of connections between two requests when the server goes away.
#[derive(Debug)]
pub(crate) enum Shutdown {
    /// They are closed.
    Close,
    /// Another process goes on with them, on the same socket.
    #[cfg_attr(
        not(all(feature = "dev", debug_assertions)),
        allow(dead_code, reason = "only one version of an app after others leaves it to the next")
    )]
    HandOff(UnboundedSender<IdleConnection>),
}

/// Where connections find who goes on with them, once the server goes away.
type Successor = Arc<OnceLock<UnboundedSender<IdleConnection>>>;

/// Serves connections until `stop` completes, then drains: no new connections, streams end,
/// admitted calls finish within their time.
///
/// # Errors
///
/// None of a single connection; those are its own.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    shared: Arc<Shared>,
    limits: ServeLimits,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let stop = async {
        stop.await;
        Shutdown::Close
    };
    serve_in_turn(listener, router, shared, limits, future::pending, stop).await
}

/// The same, in a row of processes on one socket: `inherited` gives the connections that the one
/// before has left. It is asked for each, and what it gives must not be lost if it is dropped.
///
/// # Errors
///
/// As those of [`serve`].
pub(crate) async fn serve_in_turn<I: Future<Output = IdleConnection>>(
    listener: TcpListener,
    router: Router,
    shared: Arc<Shared>,
    limits: ServeLimits,
    inherited: impl Fn() -> I,
    stop: impl Future<Output = Shutdown>,
) -> io::Result<()> {
    let (connections, refusals) = (TaskTracker::new(), TaskTracker::new());
    let successor = Successor::default();
    let mut stop = std::pin::pin!(stop);
    let leave = loop {
        let opened = tokio::select! {
            accepted = listener.accept() => accepted.map(|(stream, _)| IdleConnection::new(stream)),
            inherited = inherited() => Ok(inherited),
            leave = &mut stop => break leave,
        };
        let IdleConnection { stream, read } = match opened {
            Ok(opened) => opened,
            Err(error) => {
                tracing::warn!(%error, "no connection could be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // Its client may have left already.
        let Ok(peer) = stream.peer_addr() else { continue };
        // The first tracker is awaited by the drain below; what is in the second takes a second.
        match permit(&shared, peer, connections.len(), limits) {
            Ok(permit) => {
                let (router, drain) = (router.clone(), shared.drain.clone());
                let opened = Opened { stream, read, peer, _permit: permit };
                connections.spawn(connection(
                    opened,
                    router,
                    limits,
                    drain,
                    Arc::clone(&successor),
                ));
            }
            Err(error) if refusals.len() < REFUSALS_MAX => {
                refusals.spawn(async move { connection::refuse(stream, &error).await });
            }
            Err(_) => {}
        }
    };
    drop(listener);
    if let Shutdown::HandOff(to) = leave {
        // Nobody else sets it.
        let _ = successor.set(to);
    }
    drain(&shared, &connections, limits.drain, successor.get().is_some()).await;
    Ok(())
}

/// A connection that has its permit among the others.
struct Opened {
    stream: TcpStream,
    read: Bytes,
    peer: SocketAddr,
    _permit: Option<Permit>,
}

/// Takes a permit for a connection, if its address is counted; or says why there is none.
fn permit(
    shared: &Shared,
    peer: SocketAddr,
    open: usize,
    limits: ServeLimits,
) -> Result<Option<Permit>, Error> {
    if open >= limits.connections_max {
        let error = Error::new(Code::Overloaded, "too many connections are open: try again later");
        return Err(error.with_retry_after(jitter::among(1..=5) as u32));
    }
    let Some(address) = shared.addresses.of_connection(peer.ip()) else { return Ok(None) };
    let permit = shared.addresses.connections.take(address, limits.connections_per_address_max);
    permit.map(Some).ok_or_else(|| addresses::full("connections"))
}

/// Sets what the system does for a connection. Where it cannot, the connection works as well.
fn set_options(stream: &TcpStream, write_timeout: Duration) {
    // Small frames leave at once.
    let _ = stream.set_nodelay(true);
    #[cfg(target_os = "linux")]
    {
        let socket = socket2::SockRef::from(stream);
        // A peer that went away without a word, or whose buffer is full of heartbeats, is found
        // though our own writes all fit into the system's buffer.
        let _ = socket.set_tcp_user_timeout(Some(write_timeout));
    }
}

/// Serves one connection to its end, or until an successor goes on with it.
async fn connection(
    opened: Opened,
    router: Router,
    limits: ServeLimits,
    drain: Drain,
    successor: Successor,
) {
    let Opened { stream, read, peer, _permit } = opened;
    set_options(&stream, limits.write_timeout);
    let detached_stream = DetachedStream::default();
    let mut drains = drain.watch();
    let io = Connection::new(stream, read, limits.write_timeout, detached_stream.clone());
    let io = TokioIo::new(io);
    let activity = Activity::new();
    let mut alarm = Alarm::at(activity.deadline(limits.header_timeout));
    let service = {
        let (activity, detached_stream) = (activity.clone(), detached_stream.clone());
        service_fn(move |request: Request<Incoming>| {
            let busy = activity.begin();
            let mut request = request.map(Body::new);
            // An older client would not know the chunks.
            let detached_stream =
                (request.version() == Version::HTTP_11).then(|| detached_stream.clone());
            request.extensions_mut().insert(Peer { address: peer, detached_stream });
            let answering = Service::call(&mut router.clone(), request);
            let drain = drain.clone();
            // In a box: a connection is moved once its stream is taken over.
            Box::pin(async move {
                let mut response = answering.await?;
                if drain.is_announced() {
                    response.headers_mut().insert(header::CONNECTION, CLOSE);
                }
                Ok::<_, Infallible>(response.map(|body| BusyBody::new(body, busy)))
            })
        })
    };
    let mut http = http1::Builder::new();
    // The alarm below bounds the time for a head, for less than a timer with each request.
    http.header_read_timeout(None)
        .max_buf_size(HEAD_BYTES_MAX)
        // One buffer and one write for each frame costs less than gathering its parts.
        .writev(false);
    let mut serving = http.serve_connection(io, service);
    let mut draining = false;
    let end = poll_fn(|task| {
        if !draining && Pin::new(&mut drains).poll(task).is_ready() {
            draining = true;
            if successor.get().is_none() {
                Pin::new(&mut serving).graceful_shutdown();
            }
        }
        if let Poll::Ready(served) = Pin::new(&mut serving).poll(task) {
            return Poll::Ready(End::Served(served));
        }
        if let Some(body) = detached_stream.take() {
            return Poll::Ready(End::Stream(body));
        }
        if draining
            && let Some(successor) = successor.get()
            && activity.is_idle()
            && detached_stream.is_written()
        {
            // Between two requests that ends hyper's part at once; otherwise with the answer.
            Pin::new(&mut serving).graceful_shutdown();
            if let Poll::Ready(served) = serving.poll_without_shutdown(task) {
                return Poll::Ready(served.map_or_else(
                    |error| End::Served(Err(error)),
                    |()| End::IdleConnection(successor.clone()),
                ));
            }
        }
        while alarm.poll(task).is_ready() {
            let deadline = activity.deadline(limits.header_timeout);
            if deadline <= Instant::now() {
                return Poll::Ready(End::Served(Ok(())));
            }
            alarm.set(deadline);
        }
        Poll::Pending
    })
    .await;
    let served: Result<(), Box<dyn std::error::Error + Send + Sync>> = match end {
        End::Served(served) => served.map_err(Into::into),
        End::Stream(body) => {
            // The buffers of hyper go here, and what else a stream has no use for.
            let connection = serving.into_parts().io.into_inner();
            drop((alarm, activity, drains));
            detached_stream::write(connection, body).await.map_err(Into::into)
        }
        End::IdleConnection(successor) => {
            let parts = serving.into_parts();
            let (stream, unread) = parts.io.into_inner().into_parts();
            let read = if unread.is_empty() {
                parts.read_buf
            } else {
                [parts.read_buf, unread].concat().into()
            };
            // Without anybody to go on it is closed, as it would have been.
            let _ = successor.send(IdleConnection { stream, read });
            Ok(())
        }
    };
    if let Err(error) = served {
        tracing::debug!(%peer, error, "the connection broke");
    }
}

/// How hyper's part of a connection ends.
enum End {
    Served(hyper::Result<()>),
    /// With a stream whose head is written.
    Stream(StreamBody),
    /// Between two requests, for somebody else.
    IdleConnection(UnboundedSender<IdleConnection>),
}

async fn drain(shared: &Shared, connections: &TaskTracker, within: Duration, has_successor: bool) {
    tracing::info!(connections = connections.len(), "draining");
    connections.close();
    shared.calls.close();
    let all = async {
        if !has_successor {
            shared.drain.announce();
            if !connections.is_empty() {
                tokio::time::sleep(LINGER).await;
            }
        }
        shared.drain.begin(within).await;
        connections.wait().await;
        shared.calls.wait().await;
    };
    if tokio::time::timeout(within, all).await.is_err() {
        let left = connections.len() + shared.calls.len();
        tracing::warn!(left, "stopped before everything had ended");
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        sync::{Mutex, Notify, mpsc, oneshot},
        task::JoinHandle,
    };

    use super::*;
    use crate::{
        action::{Guards, Limits, States},
        server::addresses::Addresses,
    };

    const ASK: &str = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";

    fn shared() -> Arc<Shared> {
        Arc::new(Shared {
            guards: Guards::default(),
            states: States::default(),
            limits: Limits::new(),
            addresses: Addresses::new(Vec::new()),
            streams_per_address_max: 1,
            drain: Drain::default(),
            calls: TaskTracker::new(),
        })
    }

    /// Answers with its name, or with that when it is told to.
    struct Server {
        stop: oneshot::Sender<Shutdown>,
        serving: JoinHandle<io::Result<()>>,
        asked: Arc<Notify>,
        answer: Arc<Notify>,
    }

    impl Server {
        fn start(
            name: &'static str,
            listener: TcpListener,
            left: mpsc::UnboundedReceiver<IdleConnection>,
        ) -> Self {
            let (asked, answer) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
            let (is_asked, may_answer) = (Arc::clone(&asked), Arc::clone(&answer));
            let slow = move || {
                is_asked.notify_one();
                let may_answer = Arc::clone(&may_answer);
                async move {
                    may_answer.notified().await;
                    name
                }
            };
            let router =
                Router::new().route("/", get(async move || name)).route("/slow", get(slow));
            let (stop, stopped) = oneshot::channel();
            let left = Arc::new(Mutex::new(left));
            let inherited = move || {
                let left = Arc::clone(&left);
                async move {
                    let next = left.lock().await.recv().await;
                    match next {
                        Some(idle) => idle,
                        None => future::pending().await,
                    }
                }
            };
            let stop_told = async { stopped.await.unwrap() };
            let limits = ServeLimits::default();
            let serving = serve_in_turn(listener, router, shared(), limits, inherited, stop_told);
            Self { stop, serving: tokio::spawn(serving), asked, answer }
        }
    }

    /// One connection of a client.
    struct Client(TcpStream);

    impl Client {
        async fn open(address: SocketAddr) -> Self {
            Self(TcpStream::connect(address).await.unwrap())
        }

        async fn says(&mut self, text: &str) {
            self.0.write_all(text.as_bytes()).await.unwrap();
        }

        async fn hears(&mut self, name: &str) {
            let mut answer = String::new();
            while !answer.ends_with(&format!("\r\n\r\n{name}")) {
                let mut bytes = [0; 1024];
                let read = self.0.read(&mut bytes).await.unwrap();
                assert!(read > 0, "closed after {answer:?}");
                answer.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
            }
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
            assert!(!answer.contains("connection: close"), "{answer}");
        }
    }

    #[tokio::test]
    async fn connections_are_left_to_the_next_process_as_they_are() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let listener = listener.into_std().unwrap();
        let again = || TcpListener::from_std(listener.try_clone().unwrap()).unwrap();
        let (_, nothing) = mpsc::unbounded_channel();
        let first = Server::start("first", again(), nothing);

        let mut kept = Client::open(address).await;
        kept.says(ASK).await;
        kept.hears("first").await;
        let mut half = Client::open(address).await;
        half.says(ASK).await;
        half.hears("first").await;
        half.says(&ASK[..10]).await;
        let mut busy = Client::open(address).await;
        busy.says(&ASK.replace("/ ", "/slow ")).await;
        first.asked.notified().await;
        // Accepted in this order, so the busy one comes after it.
        let mut fresh = Client::open(address).await;
        let mut last = Client::open(address).await;
        last.says(ASK).await;
        last.hears("first").await;

        let (leave, left) = mpsc::unbounded_channel();
        first.stop.send(Shutdown::HandOff(leave)).unwrap();
        let second = Server::start("second", again(), left);
        for client in [&mut kept, &mut fresh, &mut last] {
            client.says(ASK).await;
            client.hears("second").await;
        }
        half.says(&ASK[10..]).await;
        half.hears("second").await;
        first.answer.notify_one();
        busy.hears("first").await;
        busy.says(ASK).await;
        busy.hears("second").await;
        first.serving.await.unwrap().unwrap();

        // For good: whoever asks is told so, whoever does not is closed.
        second.stop.send(Shutdown::Close).unwrap();
        second.serving.await.unwrap().unwrap();
        let mut rest = Vec::new();
        kept.0.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b"");
    }
}
