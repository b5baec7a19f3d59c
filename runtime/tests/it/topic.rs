//! Listeners of a topic: replay, resume, gaps.

use kipo::topic::Cursor;

use crate::{
    actions::RoomEvent,
    support::{Client, TestApp, get},
};

async fn publish(app: &TestApp, text: &str) -> Cursor {
    app.room.publish(&RoomEvent::Said { text: text.to_owned() }).await.unwrap()
}

async fn follow(app: &TestApp, last_event_id: &str) -> Client {
    let header = match last_event_id {
        "" => String::new(),
        id => format!("last-event-id: {id}\r\n"),
    };
    let mut client = app.connect().await;
    client.write(get("/_kipo/actions/Follow", &header)).await;
    assert_eq!(client.head().await.status, 200);
    client
}

fn frame(text: &str, id: &Cursor) -> String {
    format!("event: said\ndata: {{\"text\":\"{text}\"}}\nid: {id}\n\n")
}

#[tokio::test]
async fn a_listener_reads_the_history_and_then_new_messages() {
    let app = TestApp::start().await;
    let one = publish(&app, "one").await;
    let mut client = follow(&app, "").await;
    let text = client.until(&frame("one", &one)).await;
    let ready = text.split("\n\n").next().unwrap();
    assert!(ready.contains("event: kipo:ready\ndata: {\"resume\":\"fresh\""), "{text}");
    // The position before the first message: a client that disconnects here has not missed it.
    assert!(ready.ends_with("-0-00000000"), "{text}");
    let two = publish(&app, "two").await;
    client.until(&frame("two", &two)).await;
}

#[tokio::test]
async fn a_listener_that_reconnects_reads_what_it_missed() {
    let app = TestApp::start().await;
    let one = publish(&app, "one").await;
    let (two, three) = (publish(&app, "two").await, publish(&app, "three").await);
    let mut client = follow(&app, &one.to_string()).await;
    let text = client.until(&frame("three", &three)).await;
    assert!(
        text.contains(&format!("\"resume\":\"resumed\",\"ping_ms\":15000}}\nid: {one}\n")),
        "{text}"
    );
    assert!(text.contains(&frame("two", &two)) && !text.contains("\"one\""), "{text}");
}

#[tokio::test]
async fn a_listener_that_reconnects_too_late_reads_how_many_messages_it_missed() {
    let app = TestApp::start().await;
    let first = publish(&app, "1").await;
    for text in ["2", "3", "4", "5"] {
        publish(&app, text).await;
    }
    let mut client = follow(&app, &first.to_string()).await;
    let text = client.until("\"3\"}").await;
    assert!(text.contains("\"resume\":\"gap\""), "{text}");
    let gap = "event: kipo:gap\ndata: {\"reason\":\"trimmed\",\"missed\":1,\"first\":3}\nid: ";
    assert!(text.contains(gap), "{text}");
    // A client that disconnects before the gap must reconnect with its old id.
    let (ready, rest) = text.split_once("\n\n").unwrap();
    assert!(!ready.contains("\nid: "), "{text}");

    // A client that has read the gap does not read it again.
    let cursor = rest.lines().find_map(|line| line.strip_prefix("id: ")).unwrap();
    let mut again = follow(&app, cursor).await;
    let text = again.until("\"3\"}").await;
    assert!(text.contains("\"resume\":\"resumed\"") && !text.contains("kipo:gap"), "{text}");
}

#[tokio::test]
async fn an_unknown_id_is_a_gap_and_never_an_error() {
    let app = TestApp::start().await;
    let one = publish(&app, "one").await;
    let future = one.to_string().replace("-1-", "-2-");
    for (id, reason) in [
        ("42", "new_generation"),
        ("0123456789abcdef-1-00000000", "new_generation"),
        ("%00", "new_generation"),
        ("\u{fc}", "new_generation"),
        (future.as_str(), "diverged"),
    ] {
        let mut client = follow(&app, id).await;
        let text = client.until(&frame("one", &one)).await;
        let gap = format!("{{\"reason\":\"{reason}\",\"missed\":null,\"first\":1}}");
        assert!(text.contains(&gap), "{id}: {text}");
    }
}

#[tokio::test]
async fn text_of_a_user_is_data_on_the_wire() {
    let app = TestApp::start().await;
    let mut client = follow(&app, "").await;
    let id = publish(&app, "a\r\n\r\nevent: forged\ndata: <script>\0\u{2028}").await;
    let text = client.until(&format!("id: {id}\n\n")).await;
    // `kipo:ready` and the message.
    assert_eq!(text.matches("\nevent: ").count(), 2, "{text}");
    assert!(text.contains(r#"{"text":"a\r\n\r\nevent: forged\ndata: <script>\u0000"#), "{text}");
}

#[tokio::test]
async fn a_listener_that_disconnects_is_not_counted() {
    let app = TestApp::start().await;
    let client = follow(&app, "").await;
    assert_eq!(app.room.listeners(), 1);
    drop(client);
    while app.room.listeners() > 0 {
        tokio::task::yield_now().await;
    }
}
