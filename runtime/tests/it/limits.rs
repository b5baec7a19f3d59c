//! Limits on what clients hold open, and the responses that ask them to retry later.

use std::time::Duration;

use kipo::{Context, Error, Guard, Result, ServeLimits, async_trait};

use crate::support::{Answer, Client, TestApp, get, post};

const ACCEPT: &str = "accept: text/event-stream\r\n";

async fn open_stream(client: &mut Client, headers: &str) {
    client.write(get("/_kipo/actions/Follow", headers)).await;
    client.until("kipo:ready").await;
}

/// Asserts that a response asks an `EventSource` to reconnect after at least `seconds`.
#[track_caller]
fn asks_to_reconnect(head: &Answer, body: &str, seconds: u64) {
    assert_eq!((head.status, head.header("content-type")), (200, Some("text/event-stream")));
    let delay = body.trim().strip_prefix("retry: ").unwrap();
    let delay: u64 = delay.parse().unwrap();
    assert!((seconds * 1000..=(seconds.max(5) + 1) * 1000).contains(&delay), "{body}");
}

async fn refused_stream(client: &mut Client) -> (Answer, String) {
    client.write(get("/_kipo/actions/Follow", ACCEPT)).await;
    let head = client.head().await;
    (head, client.read_to_end().await)
}

fn retry_after(answer: &Answer) -> u64 {
    answer.header("retry-after").unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_connection_beyond_the_limit_is_asked_to_retry_later() {
    let limits = ServeLimits { connections_max: 1, ..ServeLimits::default() };
    let app = TestApp::with(|app| app.serve_limits(limits)).await;
    let mut first = app.connect().await;
    open_stream(&mut first, "").await;
    for headers in ["", ACCEPT] {
        let answer = app.send(post("Nothing", headers, "{}")).await;
        answer.problem(503, "overloaded");
        assert!((1..=5).contains(&retry_after(&answer)), "{answer:?}");
    }
    let (head, body) = refused_stream(&mut app.connect().await).await;
    asks_to_reconnect(&head, &body, 1);
    // Once the first connection has ended, another one is served.
    drop(first);
    while app.room.listeners() > 0 {
        tokio::task::yield_now().await;
    }
    while app.call("Nothing", "{}").await.status != 204 {}
}

#[tokio::test]
async fn an_address_has_a_bounded_number_of_connections() {
    let limits = ServeLimits { connections_per_address_max: 1, ..ServeLimits::default() };
    let app = TestApp::with(|app| app.serve_limits(limits).trusted_proxy([127, 0, 0, 3])).await;
    let mut first = Client::from_address(&app, [127, 0, 0, 2]).await;
    open_stream(&mut first, "").await;
    let mut second = Client::from_address(&app, [127, 0, 0, 2]).await;
    second.write(post("Nothing", "", "{}")).await;
    let answer = second.answer().await;
    let problem = answer.problem(429, "too_many_requests");
    assert!(problem["detail"].as_str().unwrap().contains("from this address"), "{problem}");
    assert!((1..=5).contains(&retry_after(&answer)), "{answer:?}");
    let (head, body) = refused_stream(&mut Client::from_address(&app, [127, 0, 0, 2]).await).await;
    asks_to_reconnect(&head, &body, 1);
    // A trusted proxy, this machine and another address are not limited.
    let mut others = Vec::new();
    for ip in [[127, 0, 0, 3], [127, 0, 0, 3], [127, 0, 0, 1], [127, 0, 0, 1], [127, 0, 0, 4]] {
        let mut other = Client::from_address(&app, ip).await;
        open_stream(&mut other, "").await;
        others.push(other);
    }
}

#[tokio::test]
async fn an_address_behind_a_proxy_has_a_bounded_number_of_streams() {
    let limits = ServeLimits { streams_per_address_max: 1, ..ServeLimits::default() };
    let app = TestApp::with(|app| app.serve_limits(limits).trusted_proxy([127, 0, 0, 1])).await;
    let one = "x-forwarded-for: 203.0.113.9, 192.0.2.1\r\n";
    let mut first = app.connect().await;
    open_stream(&mut first, one).await;
    let answer = app.send(post("Follow", &format!("{one}{ACCEPT}"), "{}")).await;
    answer.problem(429, "too_many_requests");
    let mut second = app.connect().await;
    second.write(get("/_kipo/actions/Follow", &format!("{one}{ACCEPT}"))).await;
    let head = second.head().await;
    let length = head.header("content-length").unwrap().parse::<usize>().unwrap();
    let body = second.until("\n\n").await;
    assert_eq!(body.len(), length);
    asks_to_reconnect(&head, &body, 1);
    // The response has a length, so its connection stays open. A call is not counted as a stream.
    second.write(post("Nothing", one, "{}")).await;
    assert_eq!(second.answer().await.status, 204);
    let mut other = app.connect().await;
    open_stream(&mut other, "x-forwarded-for: 192.0.2.1, 192.0.2.2\r\n").await;
    // The permit is free after its stream has ended.
    drop(first);
    while app.room.listeners() > 1 {
        tokio::task::yield_now().await;
    }
    open_stream(&mut app.connect().await, one).await;
}

/// Refuses every request with a temporary error.
struct Busy;

#[async_trait]
impl Guard for Busy {
    async fn admit(&self, _cx: &Context) -> Result<()> {
        Err(Error::new(kipo::Code::TooManyRequests, "slow down").with_retry_after(7))
    }
}

#[tokio::test]
async fn an_event_source_reconnects_after_a_guard_refused_it_temporarily() {
    let app = TestApp::with(|app| app.guard(Busy)).await;
    let mut client = app.connect().await;
    client.write(get("/_kipo/actions/Follow", ACCEPT)).await;
    let head = client.head().await;
    asks_to_reconnect(&head, &client.until("\n\n").await, 7);
    // A client that does not name event streams in `Accept` reads the error.
    for headers in ["", "accept: */*\r\n"] {
        let answer = app.send(get("/_kipo/actions/Follow", headers)).await;
        answer.problem(429, "too_many_requests");
        assert_eq!(retry_after(&answer), 7);
    }
}

#[tokio::test]
async fn a_refused_connection_that_sends_nothing_is_closed() {
    let limits = ServeLimits { connections_max: 0, ..ServeLimits::default() };
    let app = TestApp::with(|app| app.serve_limits(limits)).await;
    let closed = async { app.connect().await.read_to_end().await };
    assert_eq!(tokio::time::timeout(Duration::from_secs(20), closed).await.unwrap(), "");
}
