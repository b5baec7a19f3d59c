//! A page and its stream: each message is on the page or in the stream, once.

use kipo::{
    Context, Event, EventStream, Files, PageContext, Result, State, StreamAction, Topic, action,
    data, page,
};

use crate::{
    actions::{Room, RoomEvent},
    page,
    support::{TestApp, get},
};

/// The messages of the room.
#[data]
struct Feed {
    lines: Vec<String>,
}

/// Returns the data of the feed. With a cookie `race`, somebody publishes while the page is rendered.
#[page("feed")]
async fn feed(cx: PageContext, room: State<Room>) -> Result<Feed> {
    let position = cx.position(&room).await?;
    if cx.cookie("race").is_some() {
        say(&room, "raced").await;
    }
    let messages = room.history().await?.into_iter();
    let shown = messages.filter(|message| message.seq() <= position.seq());
    Ok(Feed { lines: shown.map(|message| text_of(message.data())).collect() })
}

/// The positions of two topics.
#[data]
struct Two {
    room: String,
    hall: String,
}

/// Returns the data of a page with two streams.
#[page("two")]
async fn two(cx: PageContext, room: State<Room>) -> Result<Two> {
    let room = cx.position(&room).await?.to_string();
    Ok(Two { room, hall: cx.position(&HALL).await?.to_string() })
}

#[derive(Event)]
enum HallEvent {
    Said { text: String },
}

/// A second topic. One test publishes to it.
static HALL: Topic<HallEvent> = Topic::new("hall");

/// Follows the hall.
#[action]
struct FollowHall;

impl StreamAction for FollowHall {
    type Event = HallEvent;
    type Output = ();

    async fn stream(self, _cx: Context, out: EventStream<HallEvent>) -> Result<()> {
        out.follow(&HALL).await
    }
}

async fn say(room: &Room, text: &str) {
    room.publish(&RoomEvent::Said { text: text.to_owned() }).await.unwrap();
}

async fn say_in_hall(text: &str) {
    HALL.publish(&HallEvent::Said { text: text.to_owned() }).await.unwrap();
}

fn text_of(data: &str) -> String {
    let data: serde_json::Value = serde_json::from_str(data).unwrap();
    data["text"].as_str().unwrap().to_owned()
}

async fn start() -> TestApp {
    TestApp::with(|app| app.files(Files::embedded(page::FILES))).await
}

/// Returns the text in quotes that follows `before`.
fn quoted_after(before: &str, text: &str) -> String {
    let (_, rest) = text.split_once(&format!("{before}\"")).unwrap();
    rest.split_once('"').unwrap().0.to_owned()
}

/// What a browser shows of the room: the page and its stream.
struct Tab {
    shown: Vec<String>,
    position: String,
}

impl Tab {
    async fn open(app: &TestApp, headers: &str) -> Self {
        let html = app.send(get("/feed", headers)).await.body;
        let lines = html.split("<li>").skip(1);
        let shown = lines.map(|line| line.split_once('<').unwrap().0.to_owned()).collect();
        Self { shown, position: quoted_after("name=\"kipo-position\" content=", &html) }
    }

    /// Returns what the page and its stream show, up to a message.
    async fn read(self, app: &TestApp, last: &str) -> Vec<String> {
        let header = format!("kipo-position: {}\r\n", self.position);
        let (resume, streamed) = stream(app, "Follow", &header, last).await;
        assert_eq!(resume, "resumed");
        [self.shown, streamed].concat()
    }
}

/// Returns the verdict, and the texts of a stream up to `last`.
async fn stream(app: &TestApp, name: &str, header: &str, last: &str) -> (String, Vec<String>) {
    let mut client = app.connect().await;
    client.write(get(&format!("/_kipo/actions/{name}"), header)).await;
    assert_eq!(client.head().await.status, 200);
    let text = client.until(&format!("\"{last}\"}}")).await;
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    let texts = data.filter(|data| data.contains("\"text\"")).map(text_of).collect();
    (quoted_after("\"resume\":", &text), texts)
}

#[tokio::test]
async fn each_message_is_on_the_page_or_in_its_stream_once() {
    let app = start().await;
    say(&app.room, "before").await;
    let tab = Tab::open(&app, "").await;
    say(&app.room, "between").await;
    assert_eq!(tab.read(&app, "between").await, ["before", "between"]);
}

#[tokio::test]
async fn a_message_that_arrives_while_the_page_is_rendered_comes_with_its_stream() {
    let app = start().await;
    say(&app.room, "before").await;
    let tab = Tab::open(&app, "cookie: race=1\r\n").await;
    say(&app.room, "between").await;
    assert_eq!(tab.read(&app, "between").await, ["before", "raced", "between"]);
}

#[tokio::test]
async fn the_first_message_of_an_empty_topic_comes_with_the_stream() {
    let app = start().await;
    let tab = Tab::open(&app, "").await;
    assert!(tab.position.contains("-0-"), "{}", tab.position);
    say(&app.room, "first").await;
    assert_eq!(tab.read(&app, "first").await, ["first"]);
}

#[tokio::test]
async fn a_page_that_is_older_than_what_the_topic_retains_gets_a_gap() {
    let app = start().await;
    let tab = Tab::open(&app, "").await;
    for text in ["1", "2", "3", "4"] {
        say(&app.room, text).await;
    }
    let header = format!("kipo-position: {}\r\n", tab.position);
    let (resume, streamed) = stream(&app, "Follow", &header, "4").await;
    assert_eq!((resume.as_str(), streamed), ("gap", vec!["2".into(), "3".into(), "4".into()]));
}

#[tokio::test]
async fn a_client_that_reconnects_goes_on_after_its_last_message() {
    let app = start().await;
    let tab = Tab::open(&app, "").await;
    say(&app.room, "read").await;
    let read = app.room.position().await.unwrap();
    say(&app.room, "missed").await;
    let header = format!("kipo-position: {}\r\nlast-event-id: {read}\r\n", tab.position);
    let (resume, streamed) = stream(&app, "Follow", &header, "missed").await;
    assert_eq!((resume.as_str(), streamed), ("resumed", vec!["missed".into()]));
}

#[tokio::test]
async fn a_stream_ignores_a_position_that_is_not_of_its_topic() {
    let app = start().await;
    say(&app.room, "retained").await;
    for position in ["0123456789abcdef-1-00000000", "42", "", "\u{fc}"] {
        let header = format!("kipo-position: {position}\r\n");
        let (resume, streamed) = stream(&app, "Follow", &header, "retained").await;
        assert_eq!((resume.as_str(), streamed), ("fresh", vec!["retained".into()]), "{position}");
    }
}

#[tokio::test]
async fn a_page_with_two_topics_starts_each_stream_at_its_own_position() {
    let app = start().await;
    say(&app.room, "before").await;
    say_in_hall("before").await;
    let of_room = Tab::open(&app, "").await;
    let html = app.send(get("/two", "")).await.body;
    assert!(!html.contains("kipo-position"), "{html}");
    say(&app.room, "between").await;
    say_in_hall("between").await;
    for (action, attribute) in [("Follow", "data-room="), ("position.FollowHall", "data-hall=")] {
        let header = format!("last-event-id: {}\r\n", quoted_after(attribute, &html));
        let (resume, streamed) = stream(&app, action, &header, "between").await;
        assert_eq!((resume.as_str(), streamed), ("resumed", vec!["between".into()]), "{action}");
    }

    // The position of the room counts for the stream of the room alone.
    let header = format!("kipo-position: {}\r\n", of_room.position);
    let (resume, streamed) = stream(&app, "position.FollowHall", &header, "between").await;
    assert_eq!((resume.as_str(), streamed), ("fresh", vec!["before".into(), "between".into()]));
    assert_eq!(of_room.read(&app, "between").await, ["before", "between"]);
}
