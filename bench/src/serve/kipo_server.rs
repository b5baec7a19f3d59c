//! The same four endpoints as a Kipo application.

use std::io;

use kipo::{
    App, Context, Event, EventStream, Files, PageContext, Result, StreamAction, Topic, action,
    data, page,
};
use tokio::net::TcpListener;

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

static ROOM: Topic<RoomEvent> = Topic::new("room").keep(KEPT);

static PUBLISHERS: Publishers = Publishers::new();

#[derive(Clone, Copy)]
struct TopicRoom;

impl Room for TopicRoom {
    async fn publish(self, n: u64) {
        let note = Note { at: room::now_us(), n, from: room::SENDER, text: room::TEXT };
        // Only a payload without a form in JSON is refused.
        let _ = ROOM.publish(&RoomEvent::Note(note)).await;
    }
}

/// Serves until standard input closes.
#[tokio::main]
pub(crate) async fn run() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    room::announce(listener.local_addr()?)?;
    App::new().files(pages()).serve(listener, room::stdin_closed()).await.map_err(io::Error::other)
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

#[action(name = "bench.Listen")]
struct Listen;

impl StreamAction for Listen {
    type Event = RoomEvent;
    type Output = ();

    async fn stream(self, _cx: Context, out: EventStream<RoomEvent>) -> Result<()> {
        out.follow(&ROOM).await
    }
}

#[action(name = "bench.Publish")]
async fn publish(_cx: Context, publishers: u32, per_second: u32, messages: u32) -> Result<()> {
    PUBLISHERS.start(TopicRoom, Order { publishers, per_second, messages });
    Ok(())
}

#[action(name = "bench.Stop")]
async fn stop(_cx: Context) -> Result<u64> {
    Ok(PUBLISHERS.stop().await)
}
