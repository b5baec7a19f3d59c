//! The actions that these tests call.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use kipo::{
    Action, Context, Error, Event, EventStream, Limits, Result, State, StreamAction, Topic, action,
    data,
};
use tokio::sync::Notify;

/// Returns its input.
#[action]
pub(crate) struct Echo {
    #[validate(length(min = 1, max = 5))]
    text: String,
    #[serde(default)]
    times: u8,
    big: Option<u64>,
}

/// The input of [`Echo`].
#[data]
pub(crate) struct Echoed {
    pub(crate) text: String,
    pub(crate) times: u8,
    pub(crate) big: Option<u64>,
}

impl Action for Echo {
    type Output = Echoed;

    async fn call(self, _cx: Context) -> Result<Echoed> {
        Ok(Echoed { text: self.text, times: self.times, big: self.big })
    }
}

/// Returns no data.
#[action]
pub(crate) async fn nothing() -> Result<()> {
    Ok(())
}

/// Fails with a secret cause.
#[action]
pub(crate) async fn leak() -> Result<()> {
    Err(std::io::Error::other("password=hunter2"))?
}

/// Panics.
#[action]
#[expect(clippy::panic, reason = "a test asserts how the panic is handled")]
pub(crate) async fn explode() -> Result<()> {
    panic!("password=hunter2")
}

/// Fails with a code word of the app.
#[action]
pub(crate) async fn refuse() -> Result<()> {
    Err(Error::conflict("the room is full").with_word("room_full").with_retry_after(7))
}

/// Takes longer than its time limit.
#[action]
pub(crate) struct Slow;

impl Action for Slow {
    type Output = ();
    const LIMITS: Limits = Limits::new().timeout(Duration::from_millis(20));

    async fn call(self, _cx: Context) -> Result<()> {
        std::future::pending().await
    }
}

/// Holds [`finish`] until it is opened, and notes when it has ended.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    pub(crate) entered: Notify,
    pub(crate) open: Notify,
    pub(crate) done: AtomicBool,
}

/// Waits for the gate, and notes there that it has ended.
#[action]
pub(crate) async fn finish(gate: State<Arc<Gate>>) -> Result<()> {
    gate.entered.notify_one();
    gate.open.notified().await;
    gate.done.store(true, Ordering::SeqCst);
    Ok(())
}

/// The events of the room.
#[derive(Event)]
pub(crate) enum RoomEvent {
    Said { text: String },
}

/// The room of one test.
pub(crate) type Room = Arc<Topic<RoomEvent>>;

/// Follows the room.
#[action]
pub(crate) struct Follow;

impl StreamAction for Follow {
    type Event = RoomEvent;
    type Output = ();

    async fn stream(self, cx: Context, out: EventStream<RoomEvent>) -> Result<()> {
        out.follow(&**cx.state::<Room>()?).await
    }
}

/// The events of a countdown.
#[derive(Event)]
pub(crate) enum Tick {
    Count(u32),
    #[event(name = "half.way")]
    HalfWay,
}

/// Counts down. It sets the ids of its events.
#[action]
pub(crate) struct Countdown {
    #[validate(range(max = 100))]
    from: u32,
}

impl StreamAction for Countdown {
    type Event = Tick;
    type Output = String;

    async fn stream(self, _cx: Context, out: EventStream<Tick>) -> Result<String> {
        let from = out.last_event_id().and_then(|id| id.parse().ok()).unwrap_or(self.from + 1);
        for n in (1..from).rev() {
            out.send_with_id(&n.to_string(), Tick::Count(n)).await?;
        }
        out.send(Tick::HalfWay).await?;
        Ok("done".to_owned())
    }
}

/// Sends one event and then fails.
#[action]
pub(crate) struct Broken {
    how: How,
}

/// The ways to fail.
#[data]
#[derive(PartialEq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum How {
    Error,
    Panic,
    ForgedId,
    LongId,
}

impl StreamAction for Broken {
    type Event = Tick;
    type Output = ();

    #[expect(clippy::panic, reason = "a test asserts how the panic is handled")]
    async fn stream(self, _cx: Context, out: EventStream<Tick>) -> Result<()> {
        out.send(Tick::Count(1)).await?;
        match self.how {
            How::Error => Err(std::io::Error::other("password=hunter2"))?,
            How::Panic => panic!("password=hunter2"),
            How::ForgedId => out.send_with_id("1\n\nevent: forged", Tick::Count(2)).await,
            How::LongId => out.send_with_id(&"1".repeat(129), Tick::Count(2)).await,
        }
    }
}

/// Sends no event and never ends.
#[action]
pub(crate) struct SendsNothing;

impl StreamAction for SendsNothing {
    type Event = Tick;
    type Output = ();
    const LIMITS: Limits = Limits::new().ping(Duration::from_millis(10));

    async fn stream(self, _cx: Context, _out: EventStream<Tick>) -> Result<()> {
        std::future::pending().await
    }
}

/// Sends no event. Each connection lasts for a short time.
#[action]
pub(crate) struct Short;

impl StreamAction for Short {
    type Event = Tick;
    type Output = ();
    const LIMITS: Limits =
        Limits::new().ping(Duration::from_millis(10)).stream_time(Duration::from_millis(400));

    async fn stream(self, _cx: Context, _out: EventStream<Tick>) -> Result<()> {
        std::future::pending().await
    }
}

/// A large piece of text.
#[derive(Event)]
pub(crate) enum Piece {
    Text(String),
}

/// Sends more than the buffers of a socket hold.
#[action]
pub(crate) struct Flood {
    frames: u32,
    bytes: usize,
}

/// Notes at the gate that a stream has ended or was dropped.
struct Ended(Arc<Gate>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.done.store(true, Ordering::SeqCst);
    }
}

impl StreamAction for Flood {
    type Event = Piece;
    type Output = ();

    async fn stream(self, cx: Context, out: EventStream<Piece>) -> Result<()> {
        let _ended = Ended(Arc::clone(&*cx.state::<Arc<Gate>>()?));
        for n in 0..self.frames {
            if n == 100 {
                cx.state::<Arc<Gate>>()?.entered.notify_one();
            }
            out.send(Piece::Text("x".repeat(self.bytes))).await?;
        }
        Ok(())
    }
}

/// Streams, and also serves a client that accepts no stream.
#[action]
pub(crate) struct Both;

impl StreamAction for Both {
    type Event = Tick;
    type Output = String;

    async fn stream(self, _cx: Context, _out: EventStream<Tick>) -> Result<String> {
        Ok("streamed".to_owned())
    }

    async fn call(self, _cx: Context) -> Result<String> {
        Ok("called".to_owned())
    }
}
