//! The admin address: `/live`, `/ready` and `/metrics` for those who run the app.
//!
//! Its clients are few, and what they ask for is small. So each connection has one request and ends
//! soon, whatever its client does, and no more than a few are open.

use std::{
    borrow::Cow,
    convert::Infallible,
    fmt,
    net::SocketAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use kipo_topic::engine::{Engine, Link};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::task::AbortOnDropHandle;

use crate::metrics::Metrics;

/// How many connections are served at a time. More wait until one of them ends.
const CONNECTIONS_MAX: usize = 64;

/// How long a connection may take in all: as long as Prometheus waits for an answer.
const CONNECTION_TIME: Duration = Duration::from_secs(10);

/// The largest head of a request, in bytes; the least that hyper accepts.
const HEAD_BYTES_MAX: usize = 8 * 1024;

/// How long `/ready` waits for the engine: less than a probe waits.
const ENGINE_TIME: Duration = Duration::from_millis(800);

/// A small record that `/ready` asks the engine for. It does not exist.
const PROBED_KEY: &str = "kipo-ready";

/// The pause after an accept that failed because files or memory ran out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Whether the app takes requests. Clones share one answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Readiness(Arc<Inner>);

#[derive(Default)]
struct Inner {
    phase: AtomicU8,
    /// Where the durable topics are.
    engine: OnceLock<Arc<dyn Engine>>,
}

const STARTING: u8 = 0;
const SERVING: u8 = 1;
const DRAINING: u8 = 2;

impl Readiness {
    /// Sets where the durable topics are. An app whose engine does not answer is not ready.
    pub(crate) fn set_engine(&self, engine: &Arc<dyn Engine>) {
        // An app has one engine.
        let _ = self.0.engine.set(Arc::clone(engine));
    }

    /// Notes that the app serves.
    pub(crate) fn set_serving(&self) {
        self.0.phase.store(SERVING, Ordering::SeqCst);
    }

    /// Notes that the drain begins soon. Returns whether that is news.
    pub(crate) fn set_draining(&self) -> bool {
        self.0.phase.swap(DRAINING, Ordering::SeqCst) != DRAINING
    }

    /// Returns why the app is not ready, or nothing if it is.
    async fn obstacle(&self) -> Option<Cow<'static, str>> {
        match self.0.phase.load(Ordering::SeqCst) {
            STARTING => {
                return Some("the app starts: its topics and states are not open yet".into());
            }
            DRAINING => return Some("the server drains".into()),
            _ => {}
        }
        let engine = self.0.engine.get()?;
        let is_up = *engine.link().borrow() == Link::Up;
        let cause = if is_up {
            match timeout(ENGINE_TIME, engine.get(PROBED_KEY)).await {
                Ok(Ok(_)) => return None,
                Ok(Err(error)) => error.to_string(),
                Err(_) => "it does not answer".to_owned(),
            }
        } else {
            "it cannot be reached".to_owned()
        };
        Some(format!("the engine of the topics is unavailable: {cause}").into())
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner").field("phase", &self.phase).finish_non_exhaustive()
    }
}

/// The server of the admin address. Dropping it closes the address and its connections.
#[derive(Debug)]
pub(crate) struct Admin {
    address: Option<SocketAddr>,
    _serving: AbortOnDropHandle<()>,
}

impl Admin {
    /// Serves on a socket until it is dropped.
    pub(crate) fn start(listener: TcpListener, readiness: Readiness, metrics: Metrics) -> Self {
        let address = listener.local_addr().ok();
        let serving = tokio::spawn(serve(listener, readiness, metrics));
        Self { address, _serving: AbortOnDropHandle::new(serving) }
    }

    /// Returns the address that it listens on.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.address
    }
}

async fn serve(listener: TcpListener, readiness: Readiness, metrics: Metrics) {
    // Dropping the set ends what is in it.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < CONNECTIONS_MAX => match accepted {
                Ok((stream, _)) => {
                    let served = connection(stream, readiness.clone(), metrics.clone());
                    connections.spawn(timeout(CONNECTION_TIME, served));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection to the admin address could not be accepted");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, readiness: Readiness, metrics: Metrics) {
    let service = service_fn(move |request: Request<Incoming>| {
        let (readiness, metrics) = (readiness.clone(), metrics.clone());
        async move { Ok::<_, Infallible>(respond(&request, &readiness, &metrics).await) }
    });
    let mut http = http1::Builder::new();
    // The whole connection has a timeout.
    http.keep_alive(false).header_read_timeout(None).max_buf_size(HEAD_BYTES_MAX);
    if let Err(error) = http.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "a connection to the admin address failed");
    }
}

async fn respond<B>(
    request: &Request<B>,
    readiness: &Readiness,
    metrics: &Metrics,
) -> Response<Full<Bytes>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut response =
            text(StatusCode::METHOD_NOT_ALLOWED, "the allowed methods are: GET, HEAD\n");
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    match request.uri().path() {
        "/live" => text(StatusCode::OK, "live\n"),
        "/ready" => match readiness.obstacle().await {
            None => text(StatusCode::OK, "ready\n"),
            Some(obstacle) => {
                text(StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {obstacle}\n"))
            }
        },
        "/metrics" => {
            let mut response = text(StatusCode::OK, metrics.text());
            response.headers_mut().insert(header::CONTENT_TYPE, PROMETHEUS);
            response
        }
        _ => text(StatusCode::NOT_FOUND, "here are /live, /ready and /metrics\n"),
    }
}

fn text(status: StatusCode, text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

const PROMETHEUS: HeaderValue =
    HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;
    use kipo_topic::Store;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        time::Instant,
    };

    use super::*;

    async fn ready(readiness: &Readiness) -> (u16, String) {
        let request = Request::get("/ready").body(()).unwrap();
        let response = respond(&request, readiness, &Metrics::default()).await;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn ready_says_what_is_missing() {
        let (readiness, store) = (Readiness::default(), Store::in_memory());
        let (status, text) = ready(&readiness).await;
        assert_eq!((status, text.starts_with("not ready: the app starts")), (503, true), "{text}");
        readiness.set_engine(store.engine());
        readiness.set_serving();
        assert_eq!(ready(&readiness).await, (200, "ready\n".to_owned()));
        store.close();
        let expected = "not ready: the engine of the topics is unavailable: the store is closed\n";
        assert_eq!(ready(&readiness).await, (503, expected.to_owned()));
        readiness.set_draining();
        assert_eq!(ready(&readiness).await, (503, "not ready: the server drains\n".to_owned()));
    }

    #[tokio::test]
    async fn other_paths_and_methods_are_refused() {
        for (method, path, status) in [
            ("GET", "/", 404),
            ("GET", "/ready/", 404),
            ("POST", "/metrics", 405),
            ("HEAD", "/live", 200),
        ] {
            let request = Request::builder().method(method).uri(path).body(()).unwrap();
            let response = respond(&request, &Readiness::default(), &Metrics::default()).await;
            assert_eq!(response.status(), status, "{method} {path}");
        }
    }

    async fn admin() -> Admin {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Admin::start(listener, Readiness::default(), Metrics::default())
    }

    async fn read_to_end(client: &mut TcpStream) -> String {
        let mut bytes = Vec::new();
        // A reset ends it too.
        let _ = client.read_to_end(&mut bytes).await;
        String::from_utf8(bytes).unwrap()
    }

    const LIVE: &[u8] = b"GET /live HTTP/1.1\r\nhost: a\r\n\r\n";

    #[tokio::test]
    async fn clients_that_send_too_much_or_no_http_are_closed() {
        let admin = admin().await;
        let head = format!("GET /live HTTP/1.1\r\nfield: {}\r\n", "x".repeat(2 * HEAD_BYTES_MAX));
        for (sent, status) in [(head.as_str(), "431"), ("\0\r\n\r\n", "400"), ("", "")] {
            let mut client = TcpStream::connect(admin.address().unwrap()).await.unwrap();
            client.write_all(sent.as_bytes()).await.unwrap();
            client.shutdown().await.unwrap();
            let read = read_to_end(&mut client).await;
            assert_eq!(read.get(9..12).unwrap_or_default(), status, "{read}");
        }
        let mut client = TcpStream::connect(admin.address().unwrap()).await.unwrap();
        client.write_all(LIVE).await.unwrap();
        assert!(
            read_to_end(&mut client).await.ends_with("\r\n\r\nlive\n"),
            "one response, and the end"
        );
    }

    #[tokio::test]
    async fn slow_clients_are_closed_and_then_others_are_served() {
        let admin = admin().await;
        let mut slow = Vec::new();
        for _ in 0..CONNECTIONS_MAX {
            let mut client = TcpStream::connect(admin.address().unwrap()).await.unwrap();
            client.write_all(&LIVE[..10]).await.unwrap();
            slow.push(client);
        }
        let mut waiting = TcpStream::connect(admin.address().unwrap()).await.unwrap();
        waiting.write_all(LIVE).await.unwrap();
        let mut byte = [0];
        let early = timeout(Duration::from_millis(200), waiting.read(&mut byte)).await;
        assert!(early.is_err(), "all connections are in use");
        tokio::time::pause();
        let began = Instant::now();
        let mut first = slow.swap_remove(0);
        assert_eq!(read_to_end(&mut first).await, "");
        assert!(began.elapsed() <= CONNECTION_TIME, "{:?}", began.elapsed());
        tokio::time::resume();
        assert!(read_to_end(&mut waiting).await.ends_with("\r\n\r\nlive\n"));
    }

    #[tokio::test]
    async fn dropping_it_closes_the_address_and_its_connections() {
        let admin = admin().await;
        let address = admin.address().unwrap();
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(&LIVE[..10]).await.unwrap();
        drop(admin);
        assert_eq!(read_to_end(&mut client).await, "");
        assert!(TcpStream::connect(address).await.is_err());
    }
}
