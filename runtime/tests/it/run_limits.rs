//! Limits of an action on how often and how many times at once it runs, and on what it returns.

use std::{sync::Arc, time::Duration};

use kipo::{
    Action, App, Context, Event, EventStream, Key, Limits, Rate, Result, State, StreamAction,
    action,
};

use crate::{
    actions::{Gate, Tick},
    support::{Answer, Client, TestApp, get, post},
};

const THREE: Limits = Limits::new().rate(Rate::per_hour(3));

/// Three calls in an hour from one address.
#[action]
struct Rated {
    text: String,
}

impl Action for Rated {
    type Output = usize;
    const LIMITS: Limits = THREE;

    async fn call(self, _cx: Context) -> Result<usize> {
        Ok(self.text.len())
    }
}

/// Three streams in an hour from one address.
#[action]
struct RatedStream;

impl StreamAction for RatedStream {
    type Event = Tick;
    type Output = ();
    const LIMITS: Limits = THREE;

    async fn stream(self, _cx: Context, out: EventStream<Tick>) -> Result<()> {
        out.send(Tick::HalfWay).await
    }
}

/// Three calls in an hour by a field of the request.
#[action]
struct RatedByKey;

impl Action for RatedByKey {
    type Output = ();
    const LIMITS: Limits =
        Limits::new().rate(Rate::per_hour(3).by(Key::of(|cx| cx.header("x-key").map(Into::into))));

    async fn call(self, _cx: Context) -> Result<()> {
        Ok(())
    }
}

/// Three tries in an hour for one account.
#[action]
async fn try_account(cx: Context, account: String) -> Result<()> {
    cx.limit_rate("account", &account, Rate::per_hour(3)).await
}

/// One run at a time, which waits for the gate.
#[action]
struct Alone;

impl Action for Alone {
    type Output = ();
    const LIMITS: Limits = Limits::new().concurrent_max(1);

    async fn call(self, cx: Context) -> Result<()> {
        let gate: State<Arc<Gate>> = cx.state()?;
        gate.entered.notify_one();
        gate.open.notified().await;
        Ok(())
    }
}

/// One run at a time, which panics.
#[action]
struct AlonePanics;

impl Action for AlonePanics {
    type Output = ();
    const LIMITS: Limits = Limits::new().concurrent_max(1);

    #[expect(clippy::panic, reason = "a test asserts that the permit is released")]
    async fn call(self, _cx: Context) -> Result<()> {
        panic!("at once")
    }
}

/// One stream at a time, which does not end.
#[action]
struct AloneStream;

impl StreamAction for AloneStream {
    type Event = Tick;
    type Output = ();
    const LIMITS: Limits = Limits::new().concurrent_max(1);

    async fn stream(self, _cx: Context, _out: EventStream<Tick>) -> Result<()> {
        std::future::pending().await
    }
}

/// Returns so many bytes of text. Its output has two quotes as well.
#[action]
struct Large {
    bytes: usize,
}

impl Action for Large {
    type Output = String;
    const LIMITS: Limits = Limits::new().response_bytes_max(100);

    async fn call(self, _cx: Context) -> Result<String> {
        Ok("x".repeat(self.bytes))
    }
}

/// A piece of text.
#[derive(Event)]
enum Text {
    Piece(String),
}

/// Sends so many bytes in one event, and returns as many.
#[action]
struct LargeStream {
    event: usize,
    output: usize,
}

impl StreamAction for LargeStream {
    type Event = Text;
    type Output = String;
    const LIMITS: Limits = Limits::new().response_bytes_max(100);

    async fn stream(self, _cx: Context, out: EventStream<Text>) -> Result<String> {
        out.send(Text::Piece("x".repeat(self.event))).await?;
        Ok("x".repeat(self.output))
    }
}

const TEXT: &str = r#"{"text":"hello"}"#;
const STREAM: &str = "accept: text/event-stream\r\n";

/// Asserts that a response is a 429 with all of its fields.
#[track_caller]
fn is_rate_limited(answer: &Answer) {
    answer.problem(429, "too_many_requests");
    let after: u32 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=1200).contains(&after), "{answer:?}");
    assert_eq!(answer.header("ratelimit-policy"), Some(r#""address";q=3;w=3600"#));
    let left = answer.header("ratelimit").unwrap();
    assert!(left.starts_with(r#""address";r=0;t="#), "{left}");
}

/// Of Piko: "429 is plain text."
#[tokio::test]
async fn a_caller_beyond_the_rate_reads_a_problem_document() {
    let app = TestApp::start().await;
    for left in (0..3).rev() {
        let answer = app.call("run_limits.Rated", TEXT).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "5"));
        let field = answer.header("ratelimit").unwrap();
        assert!(field.starts_with(&format!(r#""address";r={left};t="#)), "{field}");
    }
    for _ in 0..3 {
        is_rate_limited(&app.call("run_limits.Rated", TEXT).await);
    }
    // Another address, and another action.
    let mut other = Client::from_address(&app, [127, 0, 0, 2]).await;
    other.write(post("run_limits.Rated", "", TEXT)).await;
    assert_eq!(other.answer().await.status, 200);
    assert_eq!(app.call("Nothing", "{}").await.header("ratelimit"), None);
}

/// Of Piko: "The streaming branch … skips rate limit", and "Bodies are parsed before anything is
/// checked."
#[tokio::test]
async fn a_stream_counts_and_a_body_is_not_read_beyond_the_rate() {
    let app = TestApp::start().await;
    for _ in 0..3 {
        let mut client = app.connect().await;
        client.write(post("run_limits.RatedStream", STREAM, "{}")).await;
        assert_eq!(client.head().await.status, 200);
        assert!(client.stream_to_end().await.contains("event: half.way"));
    }
    is_rate_limited(&app.send(post("run_limits.RatedStream", STREAM, "{}")).await);
    let mut client = app.connect().await;
    client.write(get("/_kipo/actions/run_limits.RatedStream", STREAM)).await;
    let head = client.head().await;
    assert_eq!(head.status, 200, "an EventSource is asked to come back");
    assert!(client.until("\n\n").await.starts_with("retry: "));

    for _ in 0..3 {
        assert_eq!(app.call("run_limits.Rated", "not JSON").await.status, 400);
    }
    let mut client = app.connect().await;
    let head = post("run_limits.Rated", "", TEXT).replace(TEXT, "");
    client.write(head).await;
    is_rate_limited(&client.answer().await);
}

/// Of Piko: "Burst, user and session keys do nothing."
#[tokio::test]
async fn a_key_of_the_app_counts_each_of_its_values() {
    let app = TestApp::start().await;
    let call = async |headers: &str| app.send(post("run_limits.RatedByKey", headers, "{}")).await;
    for headers in ["x-key: a\r\n", "x-key: b\r\n", ""] {
        for status in [204, 204, 204, 429] {
            assert_eq!(call(headers).await.status, status, "{headers}");
        }
    }
    for account in ["ann", "bob"] {
        for status in [204, 204, 204, 429] {
            let body = format!(r#"{{"account":"{account}"}}"#);
            let answer = app.call("run_limits.TryAccount", &body).await;
            assert_eq!(answer.status, status, "{account}");
            assert_eq!(answer.header("retry-after").is_some(), status == 429);
        }
    }
}

#[tokio::test]
async fn an_address_is_the_one_that_a_trusted_proxy_reports() {
    let app = TestApp::with(|app| app.trusted_proxy([127, 0, 0, 2])).await;
    let call = async |from: [u8; 4], client: &str| {
        let mut connection = Client::from_address(&app, from).await;
        let headers = format!("x-forwarded-for: {client}\r\n");
        connection.write(post("run_limits.Rated", &headers, TEXT)).await;
        connection.answer().await.status
    };
    for n in 0..3 {
        assert_eq!(call([127, 0, 0, 3], &format!("192.0.2.{n}")).await, 200);
        assert_eq!(call([127, 0, 0, 2], "198.51.100.1").await, 200);
        // One network of 64 bits.
        assert_eq!(call([127, 0, 0, 2], &format!("2001:db8::{n}:1")).await, 200);
    }
    assert_eq!(call([127, 0, 0, 3], "192.0.2.9").await, 429, "a stranger's field is ignored");
    assert_eq!(call([127, 0, 0, 2], "198.51.100.1").await, 429);
    assert_eq!(call([127, 0, 0, 2], "2001:db8::9:1").await, 429);
    assert_eq!(call([127, 0, 0, 2], "2001:db8:0:1::1").await, 200);
}

#[tokio::test]
async fn the_rate_of_an_app_is_that_of_each_action_without_one() {
    let app = TestApp::with(|app: App| app.limits(Limits::new().rate(Rate::per_hour(1)))).await;
    for name in ["Nothing", "Explode"] {
        assert_ne!(app.call(name, "{}").await.status, 429, "{name}");
        app.call(name, "{}").await.problem(429, "too_many_requests");
    }
    for _ in 0..3 {
        assert_eq!(app.call("run_limits.Rated", TEXT).await.status, 200);
    }
}

/// Of Piko: "Maximum concurrency … declared, never honoured."
#[tokio::test]
async fn one_run_more_than_the_limit_is_asked_to_retry_later() {
    let app = TestApp::start().await;
    let mut first = app.connect().await;
    first.write(post("run_limits.Alone", "", "{}")).await;
    app.gate.entered.notified().await;
    let answer = app.call("run_limits.Alone", "{}").await;
    answer.problem(503, "overloaded");
    let after: u32 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=5).contains(&after));
    // A run whose client has left still counts. Its end releases the permit.
    drop(first);
    tokio::time::sleep(Duration::from_millis(50)).await;
    app.call("run_limits.Alone", "{}").await.problem(503, "overloaded");
    app.gate.open.notify_one();
    let mut next = app.connect().await;
    loop {
        next.write(post("run_limits.Alone", "", "{}")).await;
        tokio::select! {
            answer = next.answer() => answer.problem(503, "overloaded"),
            () = app.gate.entered.notified() => break,
        };
    }
    app.gate.open.notify_one();
    assert_eq!(next.answer().await.status, 204);
}

#[tokio::test]
async fn a_panic_and_a_body_that_does_not_come_hold_no_permit() {
    let app = TestApp::start().await;
    for _ in 0..3 {
        app.call("run_limits.AlonePanics", "{}").await.problem(500, "internal");
    }
    let mut slow = app.connect().await;
    slow.write(post("run_limits.AlonePanics", "", "{}").trim_end_matches("{}")).await;
    app.call("run_limits.AlonePanics", "{}").await.problem(500, "internal");
    slow.write("{}").await;
    slow.answer().await.problem(500, "internal");
}

#[tokio::test]
async fn a_stream_holds_its_permit_as_long_as_it_is_open() {
    let app = TestApp::start().await;
    let mut first = app.connect().await;
    first.write(post("run_limits.AloneStream", STREAM, "{}")).await;
    first.until("kipo:ready").await;
    app.send(post("run_limits.AloneStream", STREAM, "{}")).await.problem(503, "overloaded");
    drop(first);
    loop {
        let mut next = app.connect().await;
        next.write(post("run_limits.AloneStream", STREAM, "{}")).await;
        if next.head().await.status == 200 {
            break;
        }
    }
}

/// Of Piko: "Response size … declared, never honoured."
#[tokio::test]
async fn an_output_or_an_event_beyond_the_limit_is_an_error_of_the_server() {
    let app = TestApp::start().await;
    let call =
        async |bytes: usize| app.call("run_limits.Large", &format!(r#"{{"bytes":{bytes}}}"#)).await;
    assert_eq!(call(98).await.status, 200);
    let problem = call(99).await.problem(500, "response_too_large");
    assert_eq!(problem["detail"], "the server could not do this");
    let stream = async |event: usize, output: usize| {
        let mut client = app.connect().await;
        let input = format!(r#"{{"event":{event},"output":{output}}}"#);
        client.write(post("run_limits.LargeStream", STREAM, &input)).await;
        client.head().await;
        client.stream_to_end().await
    };
    assert!(stream(98, 98).await.contains("event: complete"));
    for (event, output) in [(99, 1), (1, 99)] {
        let read = stream(event, output).await;
        assert!(read.contains("event: error") && read.contains("response_too_large"), "{read}");
    }
}

#[tokio::test]
async fn the_descriptions_name_what_the_limits_refuse() {
    let app = TestApp::with(App::publish_schema).await;
    let document = app.send(get("/_kipo/openapi.json", "")).await.json();
    let responses = |name: &str| {
        let operation = &document["paths"][format!("/_kipo/actions/{name}")]["post"];
        let responses = operation["responses"].as_object().unwrap();
        ["429", "503"].map(|status| responses.contains_key(status))
    };
    assert_eq!(responses("run_limits.Rated"), [true, false]);
    assert_eq!(responses("run_limits.AloneStream"), [false, true]);
    assert_eq!(responses("Nothing"), [false, false]);
}
