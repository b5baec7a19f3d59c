//! The same four endpoints as a Kipo application.

use std::io;

use kipo::{
    Action, App, Context, Durability, Event, EventStream, Files, OutputCache, PageContext, Result,
    ServeLimits, Sessions, StreamAction, Topic, UploadSettings, action, data, page,
};
use tokio::net::TcpListener;

use crate::serve::engine;
use crate::serve::room::{self, KEPT, Order, Publishers, Room};
use crate::serve::templates::{self, List, PUBLIC, TEMPLATES};

#[data]
struct Echoed {
    id: u64,
    text: String,
}

#[data]
struct Note {
    at: u64,
    n: u64,
    from: &'static str,
    text: &'static str,
}

#[derive(Event)]
enum RoomEvent {
    Note(Note),
}

/// The room of a server without an engine.
static ROOM: Topic<RoomEvent> = Topic::new("room").keep(KEPT);

/// The room of a server with an engine: open only there.
static SHARED_ROOM: Topic<RoomEvent> = Topic::durable("room", Durability::Fsync).keep(KEPT);

fn served_room() -> &'static Topic<RoomEvent> {
    if SHARED_ROOM.is_open() { &SHARED_ROOM } else { &ROOM }
}

/// More than any run has. They come from a few addresses of one machine.
const LISTENERS_MAX: usize = 50_000;

static PUBLISHERS: Publishers = Publishers::new();

#[derive(Clone, Copy)]
struct TopicRoom;

impl Room for TopicRoom {
    async fn publish(self, n: u64, text: &'static str) {
        let note = Note { at: room::now_us(), n, from: room::SENDER, text };
        // Without an engine only a payload without a form in JSON is refused. Where an engine is
        // away, the listeners' count of messages shows it.
        let _ = served_room().publish(&RoomEvent::Note(note)).await;
    }
}

/// Serves until standard input closes.
#[tokio::main]
pub(crate) async fn run(engine: Option<&str>) -> io::Result<()> {
    if let Some(url) = engine {
        SHARED_ROOM.open(&engine::connect(url).await?).map_err(io::Error::other)?;
        SHARED_ROOM.load().await.map_err(io::Error::other)?;
    }
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    room::announce(listener.local_addr()?)?;
    // One load sends all uploads.
    let uploads = UploadSettings::new().bytes_max(8 << 30).bytes_per_caller_max(8 << 30);
    // The actions of all servers of this binary register themselves, those of sessions among them.
    let app = App::new().files(pages()).uploads(uploads).sessions(Sessions::in_memory());
    let limits = ServeLimits {
        connections_max: LISTENERS_MAX,
        connections_per_address_max: LISTENERS_MAX,
        streams_per_address_max: LISTENERS_MAX,
        ..ServeLimits::default()
    };
    let app = app.serve_limits(limits);
    app.serve(listener, room::stdin_closed()).await.map_err(io::Error::other)
}

/// As a release has them inside.
fn pages() -> Files {
    let below = |folder: &'static str| {
        move |(name, text): (&'static str, &'static str)| {
            let path: &'static str = format!("{folder}/{name}").leak();
            (path, text.as_bytes())
        }
    };
    let pages = TEMPLATES.into_iter().map(below("pages"));
    let files: Vec<_> = pages.chain(PUBLIC.into_iter().map(below("public"))).collect();
    Files::embedded(&files)
}

#[page("list")]
async fn page_of_list(_cx: PageContext) -> Result<List> {
    Ok(templates::list())
}

#[action(name = "bench.Echo")]
async fn echo(_cx: Context, id: u64, text: String) -> Result<Echoed> {
    Ok(Echoed { id, text })
}

/// Returns a list from the cache.
#[action(name = "bench.Cached")]
struct Cached {
    number: u32,
}

impl Action for Cached {
    type Output = List;
    const CACHE: OutputCache<Self> = OutputCache::for_secs(templates::CACHED_SECONDS).public();

    async fn call(self, _cx: Context) -> Result<List> {
        Ok(templates::list_of(self.number))
    }
}

#[action(name = "bench.Listen")]
struct Listen;

impl StreamAction for Listen {
    type Event = RoomEvent;
    type Output = ();

    async fn stream(self, _cx: Context, out: EventStream<RoomEvent>) -> Result<()> {
        out.follow(served_room()).await
    }
}

#[action(name = "bench.Publish")]
async fn publish(
    _cx: Context,
    publishers: u32,
    per_second: u32,
    messages: u32,
    text_bytes: u32,
) -> Result<()> {
    PUBLISHERS.start(TopicRoom, Order { publishers, per_second, messages, text_bytes });
    Ok(())
}

/// Publishes one message. Returns true once it has reached the durability of the room.
#[action(name = "bench.Say")]
async fn say(_cx: Context) -> Result<bool> {
    PUBLISHERS.one(TopicRoom).await;
    Ok(true)
}

#[action(name = "bench.Stop")]
async fn stop(_cx: Context) -> Result<u64> {
    Ok(PUBLISHERS.stop().await)
}
