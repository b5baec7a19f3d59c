//! Shutdown: streams end with a delay to reconnect, and admitted calls finish.

use crate::support::{TestApp, get, post};

#[tokio::test]
async fn a_stream_ends_with_a_delay_to_reconnect() {
    let mut app = TestApp::start().await;
    let mut client = app.connect().await;
    client.write(get("/_kipo/actions/Follow", "")).await;
    client.until("kipo:ready").await;
    app.stop();
    let text = client.until("\r\n0\r\n\r\n").await;
    let retry = text.split_once("retry: ").unwrap().1.split_once('\n').unwrap().0;
    assert!((50..=100).contains(&retry.parse::<u32>().unwrap()), "{text}");
    assert!(!text.contains("complete"), "{text}");
    app.stopped().await;
}

#[tokio::test]
async fn an_admitted_call_gets_its_response_before_the_server_stops() {
    let mut app = TestApp::start().await;
    let mut client = app.connect().await;
    client.write(post("Finish", "", "{}")).await;
    app.gate.entered.notified().await;
    app.stop();
    app.gate.open.notify_one();
    assert_eq!(client.answer().await.status, 204);
    app.stopped().await;
}

#[tokio::test]
async fn the_server_waits_for_a_call_whose_client_has_disconnected() {
    let mut app = TestApp::start().await;
    let mut client = app.connect().await;
    client.write(post("Finish", "", "{}")).await;
    app.gate.entered.notified().await;
    drop(client);
    app.stop();
    app.gate.open.notify_one();
    let gate = std::sync::Arc::clone(&app.gate);
    app.stopped().await;
    assert!(gate.done.load(std::sync::atomic::Ordering::SeqCst));
}

#[tokio::test]
async fn an_idle_connection_does_not_delay_the_shutdown() {
    let mut app = TestApp::start().await;
    let mut client = app.connect().await;
    client.write(post("Nothing", "", "{}")).await;
    client.answer().await;
    app.stop();
    assert_eq!(client.read_to_end().await, "");
    app.stopped().await;
}
