//! Sockets: the accept loop, one task for each connection, drain on shutdown.

use std::{
    convert::Infallible,
    future::{self, poll_fn},
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context as Task, Poll, ready},
    time::Duration,
};

use axum::{Router, body::Body, routing::future::RouteFuture};
use bytes::Bytes;
use http::{HeaderValue, Request, Response, Version, header};
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
    metrics::{Counter, Desc, Kind, Metrics},
    server::{
        activity::{Activity, Busy, BusyBody},
        addresses::{self, Permit},
        connection::{self, Connection, IdleConnection},
        shared::{Peer, Shared},
    },
    stream::{
        Alarm, DetachedStream, DetachedWrite, Drain, Socket, StreamBody, detached_stream, jitter,
    },
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
    /// How long a connection may take to send the head of a request, also of the next one on an idle
    /// connection; 30 s. The server closes it after that.
    pub header_timeout: Duration,
    /// How long a client may read nothing of what is written to it; 30 s. The server closes the
    /// connection after that, and a stream resumes. Any byte counts as progress.
    pub write_timeout: Duration,
    /// How many connections may be open; 20,000. The response to more is a 503.
    pub connections_max: usize,
    /// How many of them may be from one client address; 2,000, so that an office behind one
    /// address has room. The response to more is a 429. In IPv6, the first 64 bits are the address.
    /// Connections from this machine and from an [`App::trusted_proxy`](crate::App::trusted_proxy)
    /// are not counted.
    pub connections_per_address_max: usize,
    /// How many streams may be open from one client address; 2,000. The response to more is a 429.
    /// Behind a trusted proxy, the address is that of the proxy's client.
    pub streams_per_address_max: usize,
    /// How long the server goes on as before when it is asked to stop, until the drain begins; 0 s.
    /// [`/ready`](crate::App::admin) is a 503 already. Set it where a load balancer asks for that, to
    /// what the balancer takes to notice it.
    pub drain_delay: Duration,
    /// How long the drain takes at most when the server shuts down; 10 s. The server ends streams at
    /// once, and waits for calls that it has admitted and for tasks.
    pub drain: Duration,
    /// How long the functions of [`App::on_shutdown`](crate::App::on_shutdown) may take after the
    /// drain, all of them together; 5 s.
    pub on_shutdown: Duration,
}

impl Default for ServeLimits {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
            connections_max: 20_000,
            connections_per_address_max: 2_000,
            streams_per_address_max: 2_000,
            drain_delay: Duration::ZERO,
            drain: Duration::from_secs(10),
            on_shutdown: Duration::from_secs(5),
        }
    }
}

/// The largest head of a request, in bytes: near the defaults of nginx and Node.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// The most bytes of a body that one read takes, and that hyper holds of a response.
const READ_BYTES_MAX: usize = 64 * 1024;

/// The pause after an accept that failed because files or memory ran out: time to free some.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

const CLOSE: HeaderValue = HeaderValue::from_static("close");

/// How long the server waits for requests on connections that are open when a shutdown begins. The
/// request of a connection that was just accepted may be on its way. A connection in use is closed
/// with its next response, and not between two requests, where the next request would meet a reset.
const LINGER: Duration = Duration::from_millis(50);

/// How many connections beyond the bounds get a response at a time. The server closes more than
/// those without a response; every client takes that for a network failure and connects again.
const REFUSALS_MAX: usize = 256;

/// What happens to idle connections when the server shuts down.
#[derive(Debug)]
pub(crate) enum Shutdown {
    /// The server closes them.
    Close,
    /// The server sends them to its successor, a process that serves on the same socket.
    #[cfg_attr(
        not(all(feature = "dev", debug_assertions)),
        allow(dead_code, reason = "only a version of the development server has a successor")
    )]
    HandOff(UnboundedSender<IdleConnection>),
}

/// The way to the successor. It is set once, when the server shuts down and has one.
type Successor = Arc<OnceLock<UnboundedSender<IdleConnection>>>;

/// What responds to the requests of all connections.
pub(crate) trait Respond: Clone + Send + Unpin + 'static {
    /// It may move: a connection does when its stream is detached.
    type Responding: Future<Output = Result<Response<Body>, Infallible>> + Send + Unpin;

    /// Begins the response to a request of a peer.
    fn respond(&self, request: Request<Body>, peer: Peer) -> Self::Responding;
}

/// What is behind a router finds the peer among the extensions of a request.
impl Respond for Router {
    type Responding = RouteFuture<Infallible>;

    fn respond(&self, mut request: Request<Body>, peer: Peer) -> Self::Responding {
        request.extensions_mut().insert(peer);
        self.clone().call(request)
    }
}

/// The response to one request on its way to hyper.
struct Responding<R> {
    response: R,
    drain: Drain,
    /// Taken once, by the body.
    busy: Option<Busy>,
}

impl<R: Future<Output = Result<Response<Body>, Infallible>> + Unpin> Future for Responding<R> {
    type Output = Result<Response<BusyBody>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Self::Output> {
        let Ok(mut response) = ready!(Pin::new(&mut self.response).poll(task));
        if self.drain.is_announced() {
            response.headers_mut().insert(header::CONNECTION, CLOSE);
        }
        let busy = self.busy.take().expect("a response is not polled after it is there");
        Poll::Ready(Ok(response.map(|body| BusyBody::new(body, busy))))
    }
}

/// Serves connections until `stop` completes, then drains: it accepts no more connections, ends
/// streams, cancels tasks, and waits for them and for admitted calls within their time.
///
/// # Errors
///
/// An error of one connection ends that connection alone, and is logged.
pub(crate) async fn serve(
    listener: TcpListener,
    app: impl Respond,
    shared: Arc<Shared>,
    limits: ServeLimits,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let stop = async {
        stop.await;
        Shutdown::Close
    };
    serve_in_turn(listener, app, shared, limits, future::pending, stop).await
}

/// Serves as one of several processes that serve on one socket, one after the other. `inherited`
/// returns the next connection that the process before has handed off; its future is cancel safe.
///
/// # Errors
///
/// As those of [`serve`].
pub(crate) async fn serve_in_turn<I: Future<Output = IdleConnection>>(
    listener: TcpListener,
    app: impl Respond,
    shared: Arc<Shared>,
    limits: ServeLimits,
    inherited: impl Fn() -> I,
    stop: impl Future<Output = Shutdown>,
) -> io::Result<()> {
    let (connections, refusals) = (TaskTracker::new(), TaskTracker::new());
    let (accepted, refused) = count_connections(&shared.metrics, &connections);
    let successor = Successor::default();
    let mut stop = std::pin::pin!(stop);
    let shutdown = loop {
        let opened = tokio::select! {
            accepted = listener.accept() => accepted.map(|(stream, _)| IdleConnection::new(stream)),
            inherited = inherited() => Ok(inherited),
            shutdown = &mut stop => break shutdown,
        };
        let IdleConnection { stream, read } = match opened {
            Ok(opened) => opened,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // The client may have disconnected already.
        let Ok(peer) = stream.peer_addr() else { continue };
        // The drain below awaits the first tracker; a task of the second ends within a second.
        match permit(&shared, peer, connections.len(), limits) {
            Ok(permit) => {
                accepted.add(1);
                let (app, drain) = (app.clone(), shared.drain.clone());
                let tasks = connections.clone();
                let opened = Opened { stream, read, peer, permit, tasks };
                connections.spawn(connection(opened, app, limits, drain, Arc::clone(&successor)));
            }
            Err(error) => {
                refused.add(1);
                if refusals.len() < REFUSALS_MAX {
                    refusals.spawn(async move { connection::refuse(stream, &error).await });
                }
            }
        }
    };
    drop(listener);
    if let Shutdown::HandOff(to) = shutdown {
        // It is set here alone.
        let _ = successor.set(to);
    }
    drain(&shared, &connections, limits.drain, successor.get().is_some()).await;
    Ok(())
}

const CONNECTIONS: Desc =
    Desc { name: "kipo_connections", help: "Open connections to the app's own address." };
const ACCEPTED: Desc = Desc {
    name: "kipo_connections_accepted_total",
    help: "Connections that the server has begun to serve.",
};
const REFUSED: Desc = Desc {
    name: "kipo_connections_refused_total",
    help: "Connections beyond the bounds of the server or of their address.",
};

/// Registers the connections. Returns what counts those that are accepted and those that are refused.
fn count_connections(metrics: &Metrics, connections: &TaskTracker) -> (Counter, Counter) {
    if metrics.is_counting() {
        let connections = connections.clone();
        metrics.read(CONNECTIONS, Kind::Gauge, &[], move || connections.len() as f64);
    }
    (metrics.counter(ACCEPTED, &[]), metrics.counter(REFUSED, &[]))
}

/// An accepted connection, with its permit.
struct Opened {
    stream: TcpStream,
    read: Bytes,
    peer: SocketAddr,
    permit: Option<Permit>,
    /// Those of all connections.
    tasks: TaskTracker,
}

/// Returns a permit for a connection if its address is counted, or the error that refuses it.
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

/// Sets the options of a connection. It also works without them.
fn set_options(stream: &TcpStream, write_timeout: Duration) {
    // The system sends small frames at once.
    let _ = stream.set_nodelay(true);
    #[cfg(target_os = "linux")]
    {
        let socket = socket2::SockRef::from(stream);
        // The system finds a peer that vanished, or whose buffer is full of heartbeats, although
        // all our writes fit into its own buffer.
        let _ = socket.set_tcp_user_timeout(Some(write_timeout));
    }
}

/// Serves one connection to its end, or until the server hands it off to its successor.
async fn connection(
    opened: Opened,
    app: impl Respond,
    limits: ServeLimits,
    drain: Drain,
    successor: Successor,
) {
    let Opened { stream, read, peer, permit, tasks } = opened;
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
            let busy = Some(activity.begin());
            // HTTP/1.0 has no chunks.
            let detached_stream =
                (request.version() == Version::HTTP_11).then(|| detached_stream.clone());
            let peer = Peer { address: peer, detached_stream };
            let response = app.respond(request.map(Body::new), peer);
            Responding { response, drain: drain.clone(), busy }
        })
    };
    let mut http = http1::Builder::new();
    // The alarm below bounds the time for a head, and costs less than a timer for each request.
    http.header_read_timeout(None)
        .max_header_size(HEAD_BYTES_MAX)
        // Bodies are read in larger pieces. A read buffer grows only while reads fill it.
        .max_buf_size(READ_BYTES_MAX)
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
            // An idle connection ends hyper's part at once, a busy one with its response.
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
            let (stream, _) = serving.into_parts().io.into_inner().into_parts();
            let writing = detached_stream::write(Socket::Tcp(stream), body, limits.write_timeout);
            // A task of its own is as small as a stream is. This one ends, and with it what hyper
            // needed.
            tasks.spawn(Streaming { writing, _permit: permit });
            Ok(())
        }
        End::IdleConnection(successor) => {
            let parts = serving.into_parts();
            let (stream, unread) = parts.io.into_inner().into_parts();
            let read = if unread.is_empty() {
                parts.read_buf
            } else {
                [parts.read_buf, unread].concat().into()
            };
            // If the successor does not receive it, the connection closes.
            let _ = successor.send(IdleConnection { stream, read });
            Ok(())
        }
    };
    log_failure(peer, served);
}

/// A stream that has left hyper. It is no `async` block, which would hold `writing` twice.
struct Streaming {
    writing: DetachedWrite,
    _permit: Option<Permit>,
}

impl Future for Streaming {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<()> {
        let written = ready!(Pin::new(&mut self.writing).poll(task));
        log_failure(self.writing.peer(), written);
        Poll::Ready(())
    }
}

fn log_failure<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
    peer: SocketAddr,
    ended: Result<(), E>,
) {
    if let Err(error) = ended {
        tracing::debug!(%peer, error = error.into(), "the connection failed");
    }
}

/// How hyper's part of a connection ends.
enum End {
    Served(hyper::Result<()>),
    /// A stream whose head is written leaves hyper.
    Stream(StreamBody),
    /// An idle connection goes to the successor.
    IdleConnection(UnboundedSender<IdleConnection>),
}

async fn drain(shared: &Shared, connections: &TaskTracker, within: Duration, has_successor: bool) {
    tracing::info!(connections = connections.len(), "draining");
    connections.close();
    shared.calls.close();
    shared.background.cancel();
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
        shared.background.wait().await;
    };
    if tokio::time::timeout(within, all).await.is_err() {
        let tasks = shared.background.len();
        let unfinished = connections.len() + shared.calls.len() + tasks;
        tracing::warn!(unfinished, tasks, "the time to drain is over");
        shared.background.drop_all().await;
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
        action::{Guards, Limiter, Limits, States},
        server::{addresses::Addresses, background::Background},
    };

    const REQUEST: &str = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";

    /// With 112 bytes of tokio's its task has 256, which is a step of the sizes that tokio allocates.
    #[test]
    fn the_task_of_a_stream_is_small() {
        assert!(size_of::<Streaming>() <= 144, "{}", size_of::<Streaming>());
    }

    fn shared() -> Arc<Shared> {
        Arc::new(Shared {
            guards: Guards::default(),
            states: States::default(),
            limits: Limits::new(),
            limiter: Limiter::new(0),
            metrics: Metrics::default(),
            addresses: Addresses::default(),
            streams_per_address_max: 1,
            drain: Drain::default(),
            calls: TaskTracker::new(),
            background: Background::default(),
        })
    }

    /// A server that responds with its name: at once, or to `/slow` after `respond`.
    struct Server {
        stop: oneshot::Sender<Shutdown>,
        serving: JoinHandle<io::Result<()>>,
        requested: Arc<Notify>,
        respond: Arc<Notify>,
    }

    impl Server {
        fn start(
            name: &'static str,
            listener: TcpListener,
            handed_off: mpsc::UnboundedReceiver<IdleConnection>,
        ) -> Self {
            let (requested, respond) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
            let (is_requested, may_respond) = (Arc::clone(&requested), Arc::clone(&respond));
            let slow = move || {
                is_requested.notify_one();
                let may_respond = Arc::clone(&may_respond);
                async move {
                    may_respond.notified().await;
                    name
                }
            };
            let router =
                Router::new().route("/", get(async move || name)).route("/slow", get(slow));
            let (stop, stopped) = oneshot::channel();
            let handed_off = Arc::new(Mutex::new(handed_off));
            let inherited = move || {
                let handed_off = Arc::clone(&handed_off);
                async move {
                    let next = handed_off.lock().await.recv().await;
                    match next {
                        Some(idle) => idle,
                        None => future::pending().await,
                    }
                }
            };
            let stopped = async { stopped.await.unwrap() };
            let limits = ServeLimits::default();
            let serving = serve_in_turn(listener, router, shared(), limits, inherited, stopped);
            Self { stop, serving: tokio::spawn(serving), requested, respond }
        }
    }

    /// One connection of a client.
    struct Client(TcpStream);

    impl Client {
        async fn open(address: SocketAddr) -> Self {
            Self(TcpStream::connect(address).await.unwrap())
        }

        async fn sends(&mut self, text: &str) {
            self.0.write_all(text.as_bytes()).await.unwrap();
        }

        async fn receives(&mut self, name: &str) {
            let mut response = String::new();
            while !response.ends_with(&format!("\r\n\r\n{name}")) {
                let mut bytes = [0; 1024];
                let read = self.0.read(&mut bytes).await.unwrap();
                assert!(read > 0, "closed after {response:?}");
                response.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
            }
            assert!(response.starts_with("HTTP/1.1 200"), "{response}");
            assert!(!response.contains("connection: close"), "{response}");
        }
    }

    #[tokio::test]
    async fn the_successor_serves_the_connections_that_are_handed_off() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let listener = listener.into_std().unwrap();
        let again = || TcpListener::from_std(listener.try_clone().unwrap()).unwrap();
        let (_, nothing) = mpsc::unbounded_channel();
        let first = Server::start("first", again(), nothing);

        let mut idle = Client::open(address).await;
        idle.sends(REQUEST).await;
        idle.receives("first").await;
        let mut half = Client::open(address).await;
        half.sends(REQUEST).await;
        half.receives("first").await;
        half.sends(&REQUEST[..10]).await;
        let mut busy = Client::open(address).await;
        busy.sends(&REQUEST.replace("/ ", "/slow ")).await;
        first.requested.notified().await;
        // Accepted in this order, so the busy one comes after it.
        let mut fresh = Client::open(address).await;
        let mut last = Client::open(address).await;
        last.sends(REQUEST).await;
        last.receives("first").await;

        let (hand_off, handed_off) = mpsc::unbounded_channel();
        first.stop.send(Shutdown::HandOff(hand_off)).unwrap();
        let second = Server::start("second", again(), handed_off);
        for client in [&mut idle, &mut fresh, &mut last] {
            client.sends(REQUEST).await;
            client.receives("second").await;
        }
        half.sends(&REQUEST[10..]).await;
        half.receives("second").await;
        first.respond.notify_one();
        busy.receives("first").await;
        busy.sends(REQUEST).await;
        busy.receives("second").await;
        first.serving.await.unwrap().unwrap();

        // Without a successor the server closes idle connections.
        second.stop.send(Shutdown::Close).unwrap();
        second.serving.await.unwrap().unwrap();
        let mut rest = Vec::new();
        idle.0.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b"");
    }
}
