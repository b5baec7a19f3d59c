//! The baseline: what a good engineer writes on axum by hand.
//!
//! The room is a `tokio::sync::broadcast` channel of numbered messages, encoded as JSON once by
//! the publisher; each listener makes an `Event` of each. A listener that falls behind by more
//! than the channel holds loses the oldest messages (`Lagged`) and goes on, as in axum's and
//! tokio's own examples: its client is not told.

use std::convert::Infallible;
use std::io;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::extract;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt as _;
use serde::{Deserialize, Serialize};
use tera::{Kwargs, State, Tera};
use tokio::net::TcpListener;
use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::{Stream, StreamExt as _};

use crate::serve::files;
use crate::serve::room::{self, KEPT, Order, Publishers, Room};
use crate::serve::templates::{self, TEMPLATES};

#[derive(Deserialize)]
struct Echo {
    id: u64,
    text: String,
}

#[derive(Serialize)]
struct Echoed {
    id: u64,
    text: String,
}

#[derive(Serialize)]
struct Note {
    at: u64,
    n: u64,
    from: &'static str,
    text: &'static str,
}

/// The channel and the number of its next message.
struct Hub {
    /// Held while sending, so that the order of the numbers is the order of the messages. A std
    /// lock, because no `.await` happens under it.
    next: Mutex<u64>,
    messages: broadcast::Sender<Numbered>,
}

#[derive(Clone)]
struct Numbered {
    id: u64,
    json: Arc<str>,
}

static HUB: LazyLock<Hub> =
    LazyLock::new(|| Hub { next: Mutex::new(1), messages: broadcast::Sender::new(KEPT) });

static PUBLISHERS: Publishers = Publishers::new();

#[derive(Clone, Copy)]
struct HubRoom;

impl Room for HubRoom {
    async fn publish(self, n: u64, text: &'static str) {
        let note = Note { at: room::now_us(), n, from: room::SENDER, text };
        let Ok(json) = serde_json::to_string(&note) else { return };
        let mut next = HUB.next.lock().unwrap_or_else(PoisonError::into_inner);
        // Without listeners there is nobody to send to, which is no failure.
        let _ = HUB.messages.send(Numbered { id: *next, json: json.into() });
        *next += 1;
    }
}

/// The templates, parsed once.
static TERA: LazyLock<Tera> = LazyLock::new(|| {
    let mut tera = Tera::new();
    // By hand a style is mostly linked by its own name, so nothing is looked up.
    tera.register_function("asset", |arguments: Kwargs, _: &State<'_>| {
        Ok::<_, tera::Error>(tera::Value::safe_string(&format!(
            "/{}",
            arguments.must_get::<&str>("path")?
        )))
    });
    tera.add_raw_templates(TEMPLATES).expect("templates that Kipo takes as well");
    tera
});

async fn chat() -> Result<Html<String>, StatusCode> {
    render("index.html", &tera::Context::new())
}

async fn list() -> Result<Html<String>, StatusCode> {
    let context = tera::Context::from_serialize(&templates::list());
    render("list.html", &context.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?)
}

fn render(name: &str, context: &tera::Context) -> Result<Html<String>, StatusCode> {
    TERA.render(name, context).map(Html).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}

/// Serves until standard input closes.
#[tokio::main]
pub(crate) async fn run() -> io::Result<()> {
    let router = Router::new()
        .route("/echo", post(echo))
        .route("/cached", post(cached).with_state(lists()))
        .route("/listen", get(listen))
        .route("/publish", post(publish))
        .route("/say", post(say))
        .route("/stop", post(stop))
        .route("/", get(chat))
        .route("/list", get(list))
        .merge(files::axum_server::routes());

    serve(router).await
}

/// Serves a router on a free port until standard input closes.
pub(super) async fn serve(router: Router) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    room::announce(listener.local_addr()?)?;
    let listener = listener.tap_io(|socket| {
        // Best effort: a socket that refuses it still works.
        let _ = socket.set_nodelay(true);
    });
    tokio::select! {
        ended = async { axum::serve(listener, router).await } => ended,
        () = room::stdin_closed() => Ok(()),
    }
}

async fn echo(Json(Echo { id, text }): Json<Echo>) -> Json<Echoed> {
    Json(Echoed { id, text })
}

#[derive(Deserialize)]
struct NoInput {}

#[derive(Deserialize)]
struct CachedInput {
    number: u32,
}

/// The lists by their numbers, encoded, each with the moment at which it is removed.
type Lists = moka::future::Cache<u32, (Bytes, Instant)>;

fn lists() -> Lists {
    let builder = moka::future::Cache::builder().max_capacity(10_000);
    builder.time_to_live(Duration::from_secs(templates::CACHED_SECONDS)).build()
}

async fn cached(
    extract::State(lists): extract::State<Lists>,
    Json(CachedInput { number }): Json<CachedInput>,
) -> Result<Response, StatusCode> {
    let time = Duration::from_secs(templates::CACHED_SECONDS);
    let computed = async {
        let bytes = serde_json::to_vec(&templates::list_of(number))?;
        Ok::<_, serde_json::Error>((Bytes::from(bytes), Instant::now() + time))
    };
    let entry = lists.entry(number).or_try_insert_with(computed).await;
    let entry = entry.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let is_fresh = entry.is_fresh();
    let (bytes, end) = entry.into_value();
    let status = match is_fresh {
        true => HeaderValue::from_static("moka; fwd=miss"),
        false => {
            let seconds = end.saturating_duration_since(Instant::now()).as_secs();
            let status = HeaderValue::try_from(format!("moka; hit; ttl={seconds}"));
            status.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?
        }
    };
    let kind = HeaderValue::from_static("application/json");
    let cache_status = HeaderName::from_static("cache-status");
    Ok(([(header::CONTENT_TYPE, kind), (cache_status, status)], bytes).into_response())
}

async fn listen() -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let messages = BroadcastStream::new(HUB.messages.subscribe());
    let events = messages.filter_map(|received| {
        let Numbered { id, json } = received.ok()?;
        Some(Ok(Event::default().event("note").id(id.to_string()).data(&*json)))
    });
    Sse::new(events).keep_alive(KeepAlive::default())
}

async fn publish(Json(order): Json<Order>) {
    PUBLISHERS.start(HubRoom, order);
}

async fn say(Json(NoInput {}): Json<NoInput>) -> Json<bool> {
    PUBLISHERS.one(HubRoom).await;
    Json(true)
}

async fn stop() -> Json<u64> {
    Json(PUBLISHERS.stop().await)
}
