//! Topics with so many listeners that they write to the connections by themselves.

use std::{ops::Range, sync::Arc, time::Duration};

use kipo::{Context, EventStream, Limits, Result, StreamAction, Topic, action};

use crate::{
    actions::{Room, RoomEvent},
    support::{Client, TestApp, get, unchunked},
};

/// Follows the room, and sends events of its own meanwhile.
#[action]
pub(crate) struct FollowAndSend;

/// How many events it sends.
const SENT: usize = 100;

impl StreamAction for FollowAndSend {
    type Event = RoomEvent;
    type Output = ();
    const LIMITS: Limits = Limits::new().ping(Duration::from_millis(10));

    async fn stream(self, cx: Context, out: EventStream<RoomEvent>) -> Result<()> {
        let send = async {
            for n in 0..SENT {
                out.send(RoomEvent::Said { text: format!("own {n}.") }).await?;
                tokio::task::yield_now().await;
            }
            std::future::pending().await
        };
        let room = cx.state::<Room>()?;
        tokio::select! {
            sent = send => sent,
            followed = out.follow(&**room) => followed,
        }
    }
}

async fn app(name: &'static str) -> (TestApp, Room) {
    let room = Room::new(Topic::new(name).keep(10_000));
    (TestApp::with(|app| app.state(Arc::clone(&room))).await, room)
}

async fn listen(mut client: Client, action: &str) -> Client {
    client.write(get(&format!("/_kipo/actions/{action}"), "")).await;
    client.head().await;
    client
}

/// Publishes numbers; each seventh message is larger than what a socket with a small buffer holds.
async fn publish(room: &Room, numbers: Range<usize>) {
    for n in numbers {
        let padding = if n % 7 == 0 { 20_000 } else { n % 100 };
        let text = format!("{}{n}.", "x".repeat(padding));
        room.publish(&RoomEvent::Said { text }).await.unwrap();
    }
}

/// Returns the numbers of the messages in the text of a stream that follow a word, in order.
fn numbers(stream: &str, word: &str) -> Vec<usize> {
    let texts = stream.lines().filter_map(|line| line.strip_prefix(r#"data: {"text":""#));
    let texts = texts.filter_map(|text| text.strip_suffix(r#"."}"#));
    let numbers = texts.filter_map(|text| match word {
        "" => text.trim_start_matches('x').parse().ok(),
        word => text.strip_prefix(word)?.parse().ok(),
    });
    numbers.collect()
}

/// Reads a stream until the message with a number.
async fn read_until(client: &mut Client, last: usize) -> String {
    let head = client.until(&format!("{last}.\"}}")).await;
    let whole = head + &client.until("\n\n\r\n").await;
    unchunked(&whole)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_reads_each_message_once_and_in_order_also_one_that_stalls_for_a_while() {
    const MESSAGES: usize = 400;
    let (app, room) = app("crowd").await;
    let mut clients = Vec::new();
    for n in 0..30 {
        let client = match n % 10 {
            0 => Client::with_small_buffer(&app).await,
            _ => app.connect().await,
        };
        clients.push(listen(client, "Follow").await);
    }
    publish(&room, 0..1).await;
    // Some leave while messages are written to them.
    let leaving = clients.split_off(20);
    let reading = clients.into_iter().enumerate().map(|(n, mut client)| {
        let room = Arc::clone(&room);
        tokio::spawn(async move {
            if n % 10 == 0 {
                // Its socket is full long before it begins to read.
                while room.position().await.unwrap().seq() < MESSAGES as u64 / 2 {
                    tokio::task::yield_now().await;
                }
            }
            numbers(&read_until(&mut client, MESSAGES - 1).await, "")
        })
    });
    let reading: Vec<_> = reading.collect();
    publish(&room, 1..MESSAGES / 2).await;
    drop(leaving);
    let late = listen(app.connect().await, "Follow").await;
    publish(&room, MESSAGES / 2..MESSAGES).await;
    let all: Vec<usize> = (0..MESSAGES).collect();
    for read in reading {
        assert_eq!(read.await.unwrap(), all);
    }
    let mut late = late;
    assert_eq!(numbers(&read_until(&mut late, MESSAGES - 1).await, ""), all);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_that_an_action_sends_meanwhile_are_whole_and_in_order() {
    const MESSAGES: usize = 300;
    let (app, room) = app("beside").await;
    let mut clients = Vec::new();
    for _ in 0..12 {
        clients.push(listen(app.connect().await, "many_listeners.FollowAndSend").await);
    }
    publish(&room, 0..MESSAGES).await;
    for client in &mut clients {
        // A heartbeat follows the last message, whoever wrote it.
        let read = client.until(&format!("{}.\"}}", MESSAGES - 1)).await;
        let read = unchunked(&(read + &client.until(": ping\n\n\r\n").await));
        assert_eq!(numbers(&read, ""), (0..MESSAGES).collect::<Vec<_>>());
        assert_eq!(numbers(&read, "own "), (0..SENT).collect::<Vec<_>>());
    }
}
