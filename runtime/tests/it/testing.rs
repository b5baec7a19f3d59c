//! An app in the process of its test.

use std::{sync::Arc, time::Duration};

use kipo::{
    App, Context, Error, Event, EventStream, Files, FromContext, Result, Sessions, StreamAction,
    Topic, action,
    testing::{self, Message, json},
};
use tokio::time::{Instant, sleep};

use crate::{
    actions::{Echo, Explode, Gate, Nothing, Room, Slow},
    page,
};

#[derive(Debug, PartialEq, Event)]
enum Tide {
    Turned(u32),
}

static TIDES: Topic<Tide> = Topic::new("testing.tides");

static SHORT: Topic<Tide> = Topic::new("testing.short").keep(1);

/// Publishes, and is then slow.
#[action]
async fn turn(n: u32) -> Result<u64> {
    let position = TIDES.publish(&Tide::Turned(n)).await?;
    sleep(Duration::from_secs(20)).await;
    Ok(position.seq())
}

#[action]
struct FollowTides;

impl StreamAction for FollowTides {
    type Event = Tide;
    type Output = ();

    async fn stream(self, _cx: Context, out: EventStream<Tide>) -> Result<()> {
        out.follow(&TIDES).await
    }
}

#[action]
struct FollowShort;

impl StreamAction for FollowShort {
    type Event = Tide;
    type Output = ();

    async fn stream(self, _cx: Context, out: EventStream<Tide>) -> Result<()> {
        out.follow(&SHORT).await
    }
}

/// Sends one event and fails.
#[action]
async fn fail_late(#[context] user: Option<User>, out: EventStream<Tide>) -> Result<()> {
    out.send(Tide::Turned(1)).await?;
    match user {
        Some(_) => Ok(()),
        None => Err(Error::conflict("the tide is out")),
    }
}

#[derive(Clone, Debug)]
struct User(&'static str);

impl FromContext for User {
    async fn from_context(cx: &Context) -> Result<Self> {
        match cx.cookie("user") {
            Some(_) => Ok(Self("of the cookie")),
            None => Err(Error::unauthorized("sign in first")),
        }
    }
}

#[action(guard = User)]
async fn guarded_by_user() -> Result<()> {
    Ok(())
}

#[action]
async fn name_of_user(#[context] user: User) -> Result<String> {
    Ok(user.0.to_owned())
}

/// Returns an app with what the actions of these tests need.
pub(crate) fn app() -> App {
    let room = Room::new(Topic::new("room").keep(3));
    App::new().state(room).state(Arc::new(Gate::default())).sessions(Sessions::in_memory())
}

#[tokio::test]
async fn a_call_passes_the_layers_of_a_request() {
    let app = testing::App::start(app()).await;
    let echo = app.call::<Echo>(json!({ "text": "a" })).await;
    assert_eq!((echo.output().text.as_str(), echo.output().times), ("a", 0));
    assert!(echo.headers().contains_key("x-request-id"));
    assert_eq!(app.call::<Nothing>(json!({})).await.status(), 204);
    app.call::<Nothing>(json!({})).await.output();

    let invalid = app.call::<Echo>(json!({ "text": "too long" })).await.error();
    assert_eq!((invalid.status, invalid.code.as_str()), (422, "validation_failed"));
    assert!(!invalid.fields.get("text").is_empty());
    let internal = app.call::<Explode>(json!({})).await;
    assert_eq!(internal.error().code, "internal");
    assert!(!internal.text().contains("hunter2"));

    let stranger = app.client().with_header("sec-fetch-site", "cross-site");
    assert_eq!(stranger.call::<Nothing>(json!({})).await.error().code, "cross_site");
    let host = app.client().with_header("host", "evil.example");
    assert_eq!(host.get("/").await.status(), 404, "no host is named");
}

#[tokio::test]
async fn a_failed_expectation_shows_the_whole_answer() {
    let app = testing::App::start(app()).await;
    let answer = app.call::<Echo>(json!({ "text": "too long" })).await;
    let failure = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| answer.output()));
    let failure = *failure.err().unwrap().downcast::<String>().unwrap();
    for part in [
        "the call has no output\n> POST /_kipo/actions/Echo\n> {\"text\":\"too long\"}\n< 422 ",
        "\n< content-type: application/problem+json\n",
        "\"code\":\"validation_failed\"",
    ] {
        assert!(failure.contains(part), "{failure}");
    }
}

#[tokio::test]
async fn a_value_of_the_test_is_in_place_of_that_of_the_request() {
    let app = testing::App::start(app().require::<User>()).await;
    assert_eq!(app.call::<NameOfUser>(json!({})).await.error().code, "unauthorized");
    assert_eq!(app.call::<GuardedByUser>(json!({})).await.error().code, "unauthorized");
    let ann = app.client().with_value(User("Ann"));
    assert_eq!(ann.call::<NameOfUser>(json!({})).await.output(), "Ann");
    ann.call::<GuardedByUser>(json!({})).await.output();
    ann.call::<Nothing>(json!({})).await.output();
    ann.stream::<FailLate>(json!({})).await.output().await;
    let cookie = app.client().with_cookie("user", "bob");
    assert_eq!(cookie.call::<NameOfUser>(json!({})).await.output(), "of the cookie");
}

#[tokio::test(start_paused = true)]
async fn a_paused_clock_does_not_wait_for_timers() {
    let began = std::time::Instant::now();
    let app = testing::App::start(app()).await;
    let mut tides = app.stream::<FollowTides>(json!({})).await;
    let before = Instant::now();
    // Each call takes 20 s.
    let mut last = 0;
    for n in 0..10 {
        last = app.call::<Turn>(json!({ "n": n })).await.output();
        assert_eq!(tides.next().await, Some(Tide::Turned(n)));
    }
    assert_eq!(last, 10);
    let passed = before.elapsed();
    assert!((200..=201).contains(&passed.as_secs()), "{passed:?}");
    tides.assert_silent(Duration::from_secs(3600)).await;
    assert_eq!(app.call::<Slow>(json!({})).await.error().code, "timeout");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_gap_and_an_error_are_messages() {
    let app = testing::App::start(app()).await;
    let first = SHORT.publish(&Tide::Turned(1)).await.unwrap();
    for n in 2..=4 {
        SHORT.publish(&Tide::Turned(n)).await.unwrap();
    }
    let late = app.client().with_header("last-event-id", &first.to_string());
    let mut tides = late.stream::<FollowShort>(json!({})).await;
    assert_eq!(tides.resume(), Some("gap"));
    let Some(Message::Gap(gap)) = tides.message().await else { panic!("no gap: {tides}") };
    assert_eq!((gap.reason.as_str(), gap.missed, gap.first), ("trimmed", Some(2), 4));
    assert_eq!(tides.next().await, Some(Tide::Turned(4)));
    let last = tides.last_id().unwrap().to_owned();
    drop(tides);
    SHORT.publish(&Tide::Turned(5)).await.unwrap();
    let resumed = app.client().with_header("last-event-id", &last);
    let mut tides = resumed.stream::<FollowShort>(json!({})).await;
    assert_eq!(tides.resume(), Some("resumed"));
    assert_eq!(tides.next().await, Some(Tide::Turned(5)));

    let mut fails = app.stream::<FailLate>(json!({})).await;
    assert_eq!(fails.next().await, Some(Tide::Turned(1)));
    assert_eq!(fails.error().await.message, "the tide is out");
    assert_eq!(fails.message().await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_call_side_by_side() {
    let app = testing::App::start(app()).await;
    let call = |n: u8| {
        let client = app.client();
        tokio::spawn(async move {
            let input = json!({ "text": "a", "times": n });
            client.call::<Echo>(input).await.output().times
        })
    };
    let calls: Vec<_> = (0..20).map(call).collect();
    for (n, call) in (0..20).zip(calls) {
        assert_eq!(call.await.unwrap(), n);
    }
}

#[tokio::test]
async fn streams_end_when_the_app_shuts_down() {
    let app = testing::App::start(app()).await;
    let mut tides = app.stream::<FollowShort>(json!({})).await;
    let data_dir = app.data_dir().to_owned();
    assert!(data_dir.is_dir());
    app.shutdown().await;
    assert!(!data_dir.exists());
    while let Some(message) = tides.message().await {
        assert!(matches!(message, Message::Event(_) | Message::Retry { .. }), "{message:?}");
    }
}

#[tokio::test]
async fn a_page_is_fetched_with_its_status_its_fields_and_its_text() {
    let files = Files::embedded(page::FILES);
    let app = testing::App::start(app().files(files).require::<User>()).await;
    assert_eq!(app.get("/blog/7").await.status(), 401);
    let ann = app.client().with_value(User("Ann")).with_cookie("title", "Tides");
    let page = ann.get("/blog/7?from=mail").await;
    assert_eq!(
        (page.status().as_u16(), page.header("cache-control")),
        (200, Some("private, no-cache"))
    );
    assert!(page.text().contains("7: Tides") && !page.text().contains("reload.js"), "{page}");
    let missing = app.get("/nothing").await;
    assert_eq!(missing.status(), 404);
    assert!(missing.text().ends_with("nothing at /nothing"), "{missing}");
}
