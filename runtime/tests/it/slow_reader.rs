//! Clients that stop reading: they slow nobody, they are closed, and they resume without a loss.

use std::{sync::Arc, time::Duration};

use kipo::{ServeLimits, Topic};

use crate::{
    actions::{Room, RoomEvent},
    support::{Client, TestApp, get, unchunked},
};

/// A hundred messages of 32 KiB: far more than the buffers of both sockets hold.
const MESSAGES: usize = 100;
const MESSAGE_BYTES: usize = 32 * 1024;

async fn app(room: &Room, write_timeout: Duration) -> TestApp {
    let limits = ServeLimits { write_timeout, ..ServeLimits::default() };
    TestApp::with(|app| app.serve_limits(limits).state(Arc::clone(room))).await
}

fn text(n: usize) -> String {
    format!("{n:x>MESSAGE_BYTES$}")
}

/// Returns the end of a message's frame, after the padding of its text.
fn end_of(n: usize) -> String {
    format!("x{n}\"}}")
}

/// Returns the number of each message that was read whole, and the id of the last one.
fn read(stream: &str) -> (Vec<usize>, String) {
    let whole = stream.rsplit_once("\n\n").map_or("", |(whole, _)| whole);
    let messages = whole.split("\n\n").filter(|frame| frame.contains("event: said"));
    let mut last = String::new();
    let numbers = messages.map(|frame| {
        let (data, id) = frame.rsplit_once("\nid: ").unwrap();
        id.clone_into(&mut last);
        let text = data.split_once(r#"{"text":""#).unwrap().1.trim_end_matches(r#""}"#);
        text.trim_start_matches('x').parse().unwrap()
    });
    let numbers = numbers.collect();
    (numbers, last)
}

#[tokio::test]
async fn a_stalled_listener_slows_nobody_and_resumes_without_a_loss() {
    let room = Room::new(Topic::new("stalled").keep(MESSAGES));
    let app = app(&room, Duration::from_secs(2)).await;
    let mut stalled = Client::with_small_buffer(&app).await;
    stalled.write(get("/_kipo/actions/Follow", "")).await;
    let mut live = app.connect().await;
    live.write(get("/_kipo/actions/Follow", "")).await;
    live.until("kipo:ready").await;
    while room.listeners() < 2 {
        tokio::task::yield_now().await;
    }
    for n in 0..MESSAGES {
        room.publish(&RoomEvent::Said { text: text(n) }).await.unwrap();
        live.until(&end_of(n)).await;
    }
    // The write timeout closes the stalled listener; the other one stays.
    while room.listeners() > 1 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let before = unchunked_until_cut(&stalled.read_to_end().await);
    let (mut numbers, last) = read(&before);
    assert!(numbers.len() < MESSAGES, "the buffers of the system held all messages");
    let mut again = app.connect().await;
    let cursor = if last.is_empty() { ready_id(&before) } else { last };
    again.write(get("/_kipo/actions/Follow", &format!("last-event-id: {cursor}\r\n"))).await;
    again.head().await;
    let missed = again.until(&end_of(MESSAGES - 1)).await + &again.until("\n\n").await;
    let missed = unchunked_until_cut(&missed);
    assert!(missed.contains(r#""resume":"resumed""#));
    numbers.extend(read(&missed).0);
    assert_eq!(numbers, (0..MESSAGES).collect::<Vec<_>>());
}

/// Returns the id of the `kipo:ready` frame.
fn ready_id(stream: &str) -> String {
    let ready = stream.split_once("event: kipo:ready").unwrap().1;
    ready.split_once("\nid: ").unwrap().1.lines().next().unwrap().to_owned()
}

/// Removes the head and the chunk lengths from a response that may be cut anywhere.
fn unchunked_until_cut(read: &str) -> String {
    let body = read.split_once("\r\n\r\n").filter(|(head, _)| head.starts_with("HTTP/"));
    let mut rest = body.map_or(read, |(_, body)| body).trim_start_matches("\r\n");
    let mut text = String::new();
    while let Some((length, after)) = rest.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).unwrap().min(after.len());
        text.push_str(&after[..length]);
        rest = after.get(length + 2..).unwrap_or_default();
    }
    text
}

#[tokio::test]
async fn a_stalled_listener_does_not_delay_the_drain() {
    let room = Room::new(Topic::new("drained").keep(MESSAGES));
    let mut app = app(&room, Duration::from_secs(600)).await;
    let mut stalled = Client::with_small_buffer(&app).await;
    stalled.write(get("/_kipo/actions/Follow", "")).await;
    for n in 0..MESSAGES {
        room.publish(&RoomEvent::Said { text: text(n) }).await.unwrap();
    }
    let mut live = app.connect().await;
    live.write(get("/_kipo/actions/Follow", "")).await;
    live.until(&end_of(MESSAGES - 1)).await;
    app.stop();
    let end = live.until("0\r\n\r\n").await;
    assert!(end.contains("retry: "), "{end}");
    // The drain may take 10 s. The write timeout of the stalled listener is 600 s.
    tokio::time::timeout(Duration::from_secs(8), app.stopped()).await.unwrap();
    assert_eq!(room.listeners(), 0);
}

#[tokio::test]
async fn hundreds_of_listeners_reconnect_at_different_times_and_read_what_they_missed() {
    const LISTENERS: usize = 300;
    let room = Room::new(Topic::new("storm").keep(MESSAGES));
    let mut first = app(&room, Duration::from_secs(30)).await;
    let mut clients = Vec::new();
    for _ in 0..LISTENERS {
        let mut client = first.connect().await;
        client.write(get("/_kipo/actions/Follow", "")).await;
        clients.push(client);
    }
    room.publish(&RoomEvent::Said { text: "0".to_owned() }).await.unwrap();
    let mut delays = Vec::new();
    let mut cursor = String::new();
    for client in &mut clients {
        let text = client.until("\"text\":\"0\"").await + &client.until("\n\n").await;
        cursor = text.rsplit_once("\nid: ").unwrap().1.trim_end().to_owned();
    }
    first.stop();
    for client in &mut clients {
        let text = unchunked(&client.until("\r\n0\r\n\r\n").await);
        let delay = text.trim().strip_prefix("retry: ").unwrap();
        delays.push(delay.parse::<u64>().unwrap());
    }
    first.stopped().await;
    // 2,000 clients reconnect per second: 300 of them within 150 ms, after the first 50 ms.
    assert!(delays.iter().all(|delay| (50..=200).contains(delay)), "{delays:?}");
    assert!(delays.iter().any(|delay| *delay < 100) && delays.iter().any(|delay| *delay > 150));
    for n in 1..10 {
        room.publish(&RoomEvent::Said { text: n.to_string() }).await.unwrap();
    }
    let second = app(&room, Duration::from_secs(30)).await;
    let mut clients = Vec::new();
    for _ in 0..LISTENERS {
        let mut client = second.connect().await;
        let header = format!("last-event-id: {cursor}\r\n");
        client.write(get("/_kipo/actions/Follow", &header)).await;
        clients.push(client);
    }
    for client in &mut clients {
        client.head().await;
        let text = client.until("\"text\":\"9\"").await + &client.until("\n\n").await;
        let (numbers, _) = read(&unchunked_until_cut(&text));
        assert_eq!(numbers, (1..10).collect::<Vec<_>>());
    }
}
