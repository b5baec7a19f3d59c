//! Streams: the frames of a response, from the first to the last.

use std::{sync::atomic::Ordering, time::Duration};

use kipo::ServeLimits;

use crate::support::{TestApp, get, post};

const ACCEPT: &str = "accept: text/event-stream\r\n";

#[tokio::test]
async fn a_stream_opens_with_ready_and_ends_with_its_output() {
    let app = TestApp::start().await;
    let mut client = app.connect().await;
    client.write(post("Countdown", ACCEPT, r#"{"from":2}"#)).await;
    let head = client.head().await;
    assert_eq!(head.status, 200);
    assert_eq!(head.header("content-type"), Some("text/event-stream"));
    assert_eq!(head.header("cache-control"), Some("no-store, no-transform"));
    assert_eq!(head.header("x-accel-buffering"), Some("no"));
    assert_eq!(
        client.stream_to_end().await,
        "event: kipo:ready\ndata: {\"resume\":\"fresh\",\"ping_ms\":15000}\n\n\
         event: count\ndata: 2\nid: 2\n\n\
         event: count\ndata: 1\nid: 1\n\n\
         event: half.way\ndata: null\n\n\
         event: complete\ndata: \"done\"\n\n"
    );
    // The connection ends with its stream, as its head announced.
    assert_eq!(head.header("connection"), Some("close"));
    assert_eq!(client.read_to_end().await, "");
}

#[tokio::test]
async fn a_stream_may_follow_calls_on_one_connection() {
    let app = TestApp::start().await;
    let mut client = app.connect().await;
    for _ in 0..2 {
        client.write(post("Nothing", "", "{}")).await;
        assert_eq!(client.answer().await.status, 204);
    }
    client.write(get("/_kipo/actions/Countdown?from=1", "")).await;
    client.head().await;
    assert!(client.stream_to_end().await.ends_with("event: complete\ndata: \"done\"\n\n"));
}

#[tokio::test]
async fn an_older_client_gets_a_stream_without_chunks() {
    let app = TestApp::start().await;
    let mut client = app.connect().await;
    client.write(get("/_kipo/actions/Countdown?from=1", "").replace("HTTP/1.1", "HTTP/1.0")).await;
    let head = client.head().await;
    assert_eq!((head.status, head.header("transfer-encoding")), (200, None));
    let text = client.read_to_end().await;
    assert!(text.starts_with("event: kipo:ready\n"), "{text}");
    assert!(text.ends_with("event: complete\ndata: \"done\"\n\n"), "{text}");
}

#[tokio::test]
async fn a_client_that_pauses_reads_every_byte() {
    let app = TestApp::start().await;
    let mut client = app.connect().await;
    // Far more than the buffers of both sockets hold.
    client.write(get("/_kipo/actions/Flood?frames=3000&bytes=10000", "")).await;
    client.head().await;
    let frame = format!("event: text\ndata: \"{}\"\n\n", "x".repeat(10_000));
    // The client does not read until the socket of the server is full.
    app.gate.entered.notified().await;
    let text = client.stream_to_end().await;
    assert_eq!(text.matches(&frame).count(), 3000);
    assert!(text.ends_with("event: complete\ndata: null\n\n"));
}

#[tokio::test]
async fn a_client_that_stops_reading_is_closed_after_the_write_timeout() {
    let limits = ServeLimits { write_timeout: Duration::from_millis(50), ..ServeLimits::default() };
    let app = TestApp::with(|app| app.serve_limits(limits)).await;
    let mut client = app.connect().await;
    client.write(get("/_kipo/actions/Flood?frames=30000&bytes=10000", "")).await;
    client.head().await;
    // The action is dropped, and notes that.
    while !app.gate.done.load(Ordering::SeqCst) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_client_that_sends_too_much_during_its_stream_is_closed() {
    let app = TestApp::start().await;
    let mut client = app.connect().await;
    client.write(get("/_kipo/actions/Follow", "")).await;
    client.until("kipo:ready").await;
    client.try_write(vec![b'x'; 32 * 1024]).await;
    client.read_to_end().await;
    while app.room.listeners() > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_get_reads_its_fields_from_the_query() {
    let app = TestApp::start().await;
    let mut client = app.connect().await;
    client.write(get("/_kipo/actions/Countdown?from=1&other=x", "")).await;
    assert_eq!(client.head().await.status, 200);
    assert!(client.stream_to_end().await.contains("event: count\ndata: 1\n"));
    let answer = app.send(get("/_kipo/actions/Countdown?from=many", "")).await;
    assert!(answer.problem(422, "validation_failed")["errors"]["from"].is_array());
    let answer = app.send(get("/_kipo/actions/Countdown?from=101", "")).await;
    answer.problem(422, "validation_failed");
}

#[tokio::test]
async fn a_client_that_reconnects_sends_the_last_id() {
    let app = TestApp::start().await;
    let mut client = app.connect().await;
    client.write(get("/_kipo/actions/Countdown?from=9", "last-event-id: 2\r\n")).await;
    client.head().await;
    let text = client.stream_to_end().await;
    assert!(text.contains("id: 1\n") && !text.contains("id: 2\n"), "{text}");
}

#[tokio::test]
async fn a_client_that_accepts_no_stream_gets_a_406_or_the_call_of_the_action() {
    let app = TestApp::start().await;
    let json = "accept: application/json\r\n";
    app.send(post("Countdown", json, r#"{"from":2}"#)).await.problem(406, "not_acceptable");
    app.send(get("/_kipo/actions/Countdown?from=2", json)).await.problem(405, "method_not_allowed");
    let answer = app.send(post("Both", json, "{}")).await;
    assert_eq!(answer.body, r#""called""#);
    let answer = app.send(post("Echo", "accept: text/html\r\n", r#"{"text":"a"}"#)).await;
    answer.problem(406, "not_acceptable");
}

#[tokio::test]
async fn an_action_that_fails_ends_its_stream_with_a_problem() {
    let app = TestApp::start().await;
    for how in ["error", "panic", "forged_id", "long_id"] {
        let mut client = app.connect().await;
        client.write(get(&format!("/_kipo/actions/Broken?how={how}"), "")).await;
        client.head().await;
        let text = client.stream_to_end().await;
        let (before, end) = text.split_once("event: error\ndata: ").unwrap();
        assert!(before.ends_with("event: count\ndata: 1\n\n"), "{how}: {before}");
        let problem: serde_json::Value = serde_json::from_str(end.trim_end()).unwrap();
        assert_eq!((&problem["code"], &problem["status"]), (&"internal".into(), &500.into()));
        assert!(!text.contains("hunter2") && !text.contains("forged"), "{how}: {text}");
    }
}

#[tokio::test]
async fn an_input_that_is_not_valid_is_refused_before_the_stream_opens() {
    let app = TestApp::start().await;
    app.send(post("Countdown", ACCEPT, "{}")).await.problem(422, "validation_failed");
    app.send(post("Countdown", ACCEPT, "nonsense")).await.problem(400, "bad_request");
}

#[tokio::test]
async fn a_silent_stream_sends_comments_without_an_id() {
    let app = TestApp::start().await;
    let mut client = app.connect().await;
    client.write(get("/_kipo/actions/SendsNothing", "")).await;
    client.head().await;
    let text = client.until(": ping\n\n").await + &client.until(": ping\n\n").await;
    assert!(text.contains("\"ping_ms\":10}"), "{text}");
    assert!(!text.contains("id:"), "{text}");
}

#[tokio::test]
async fn a_connection_ends_after_its_stream_time_with_a_delay_to_reconnect() {
    let app = TestApp::start().await;
    let mut client = app.connect().await;
    client.write(get("/_kipo/actions/Short", "")).await;
    client.head().await;
    let text = client.stream_to_end().await;
    assert!(text.contains(": ping\n\n") && text.contains("\nretry: "), "{text}");
    assert!(!text.contains("complete"), "{text}");
}
