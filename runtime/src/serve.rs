//! Sockets: the accept loop, one task for each connection, drain on shutdown.

use std::{
    convert::Infallible, future::poll_fn, io, net::SocketAddr, pin::Pin, sync::Arc, task::Poll,
    time::Duration,
};

use axum::{Router, body::Body};
use http::{HeaderValue, Request, Version, header};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    time::Instant,
};
use tokio_util::task::TaskTracker;
use tower_service::Service;

use crate::{
    activity::{Activity, BusyBody},
    addresses::{self, Place},
    alarm::Alarm,
    connection::{self, Connection},
    drain::Drain,
    error::{Code, Error},
    jitter,
    shared::{Peer, Shared},
    stream::StreamBody,
    take_over::{self, TakeOver},
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
    let (connections, refusals) = (TaskTracker::new(), TaskTracker::new());
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "no connection could be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // The first tracker is awaited by the drain below; what is in the second takes a second.
        match place(&shared, peer, connections.len(), limits) {
            Ok(place) => {
                let (router, drain) = (router.clone(), shared.drain.clone());
                connections.spawn(connection(stream, peer, router, limits, drain, place));
            }
            Err(error) if refusals.len() < REFUSALS_MAX => {
                refusals.spawn(async move { connection::refuse(stream, &error).await });
            }
            Err(_) => {}
        }
    }
    drop(listener);
    drain(&shared, &connections, limits.drain).await;
    Ok(())
}

/// Takes a place for a connection, if its address is counted; or says why there is none.
fn place(
    shared: &Shared,
    peer: SocketAddr,
    open: usize,
    limits: ServeLimits,
) -> Result<Option<Place>, Error> {
    if open >= limits.connections_max {
        let error = Error::new(Code::Overloaded, "too many connections are open: try again later");
        return Err(error.with_retry_after(jitter::among(1..=5) as u32));
    }
    let Some(address) = shared.addresses.of_connection(peer.ip()) else { return Ok(None) };
    let place = shared.addresses.connections.take(address, limits.connections_per_address_max);
    place.map(Some).ok_or_else(|| addresses::full("connections"))
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

/// Serves one connection to its end.
async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    limits: ServeLimits,
    drain: Drain,
    _place: Option<Place>,
) {
    set_options(&stream, limits.write_timeout);
    let take_over = TakeOver::default();
    let mut drains = drain.watch();
    let io = TokioIo::new(Connection::new(stream, limits.write_timeout, take_over.clone()));
    let activity = Activity::new();
    let mut alarm = Alarm::at(activity.deadline(limits.header_timeout));
    let service = {
        let (activity, take_over) = (activity.clone(), take_over.clone());
        service_fn(move |request: Request<Incoming>| {
            let busy = activity.begin();
            let mut request = request.map(Body::new);
            // An older client would not know the chunks.
            let take_over = (request.version() == Version::HTTP_11).then(|| take_over.clone());
            request.extensions_mut().insert(Peer { address: peer, take_over });
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
            Pin::new(&mut serving).graceful_shutdown();
        }
        if let Poll::Ready(served) = Pin::new(&mut serving).poll(task) {
            return Poll::Ready(End::Served(served));
        }
        if let Some(body) = take_over.take() {
            return Poll::Ready(End::Stream(body));
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
            take_over::write(connection, body).await.map_err(Into::into)
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
}

async fn drain(shared: &Shared, connections: &TaskTracker, within: Duration) {
    tracing::info!(connections = connections.len(), "draining");
    connections.close();
    shared.calls.close();
    let all = async {
        shared.drain.announce();
        if !connections.is_empty() {
            tokio::time::sleep(LINGER).await;
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
