//! Effects that an action asks the browser for, besides its output.

use kipo::{Context, Error, Event, EventStream, Result, StreamAction, action};
use serde_json::json;

use crate::support::{TestApp, post};

/// Asks for every kind of effect.
#[action(name = "Ask")]
async fn ask(cx: Context, is_refused: bool) -> Result<u8> {
    cx.reload_part("messages")?;
    cx.dispatch_event("said", "é")?;
    cx.effect("toast", json!({ "text": "Saved" }))?;
    cx.redirect("/")?;
    if is_refused { Err(Error::conflict("no")) } else { Ok(1) }
}

/// Asks for an effect that is too long.
#[action(name = "AskForTooMuch")]
async fn ask_for_too_much(cx: Context) -> Result<()> {
    cx.reload_part(&"x".repeat(5000))
}

/// Asks for an effect in a stream.
#[action(name = "AskInStream")]
struct AskInStream;

#[derive(Event)]
enum Nothing {}

impl StreamAction for AskInStream {
    type Event = Nothing;
    type Output = ();

    async fn stream(self, cx: Context, _out: EventStream<Nothing>) -> Result<()> {
        cx.reload_part("messages")
    }

    async fn call(self, cx: Context) -> Result<()> {
        cx.reload_part("messages")
    }
}

const ASKED: &str = "[{\"effect\":\"reloadPart\",\"name\":\"messages\"},\
    {\"effect\":\"dispatchEvent\",\"name\":\"said\",\"detail\":\"\\u00e9\"},\
    {\"effect\":\"toast\",\"text\":\"Saved\"},{\"effect\":\"redirect\",\"path\":\"/\"}]";

#[tokio::test]
async fn effects_are_a_header_field_of_the_response() {
    let app = TestApp::start().await;
    let answer = app.call("Ask", r#"{"is_refused":false}"#).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "1"));
    assert_eq!(answer.header("kipo-effects"), Some(ASKED));
    assert_eq!(app.call("Nothing", "{}").await.header("kipo-effects"), None);
}

#[tokio::test]
async fn an_action_that_fails_still_sends_its_effects() {
    let app = TestApp::start().await;
    let answer = app.call("Ask", r#"{"is_refused":true}"#).await;
    answer.problem(409, "conflict");
    assert_eq!(answer.header("kipo-effects"), Some(ASKED));
}

#[tokio::test]
async fn a_list_that_is_too_long_is_an_internal_error() {
    let app = TestApp::start().await;
    let answer = app.call("AskForTooMuch", "{}").await;
    answer.problem(500, "internal");
    assert_eq!(answer.header("kipo-effects"), None);
}

#[tokio::test]
async fn a_stream_has_no_effects_but_a_call_of_the_same_action_has() {
    let app = TestApp::start().await;
    let mut client = app.connect().await;
    client.write(post("AskInStream", "accept: text/event-stream\r\n", "{}")).await;
    assert_eq!(client.head().await.header("kipo-effects"), None);
    let text = client.stream_to_end().await;
    assert!(text.contains("event: error\ndata: {") && text.contains("\"internal\""), "{text}");

    let answer = app.send(post("AskInStream", "accept: application/json\r\n", "{}")).await;
    assert!(answer.header("kipo-effects").is_some_and(|list| list.contains("messages")));
}
