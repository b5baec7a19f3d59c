//! A page and its stream: each message is on the page or in the stream, once.

use std::sync::Once;

use kipo::{
    Context, Durability, Event, EventStream, Files, PageContext, Result, State, StreamAction,
    Topic, Topics, action, data, page,
    topic::{Keyed, Positions, Store},
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

/// Boards in memory. Each test has keys of its own.
static BOARDS: Topics<String, HallEvent> = Topics::new("boards");

/// Boards in a store: their keys begin with `stored`.
static STORED: Topics<String, HallEvent> = Topics::durable("stored", Durability::Os);

fn board(key: &str) -> Keyed<HallEvent> {
    static OPEN: Once = Once::new();
    OPEN.call_once(|| STORED.open(&Store::in_memory()).unwrap());
    if key.starts_with("stored") { STORED.of(key) } else { BOARDS.of(key) }
}

async fn remove(key: &str) {
    let family = if key.starts_with("stored") { &STORED } else { &BOARDS };
    family.remove(key).await.unwrap();
}

async fn pin(key: &str, text: &str) {
    board(key).publish(&HallEvent::Said { text: text.to_owned() }).await.unwrap();
}

/// The position of a page in one board or in several.
#[data]
struct Boards {
    position: String,
}

/// Returns the data of a page about boards; a comma is between their keys.
#[page("boards/[keys]")]
async fn boards(cx: PageContext, keys: String) -> Result<Boards> {
    let boards: Vec<_> = keys.split(',').map(board).collect();
    let position = match boards.as_slice() {
        [one] => cx.position(one).await?.to_string(),
        several => cx.positions(several).await?.to_string(),
    };
    Ok(Boards { position })
}

/// Follows boards.
#[action]
struct FollowBoards {
    keys: Vec<String>,
}

impl StreamAction for FollowBoards {
    type Event = HallEvent;
    type Output = ();

    async fn stream(self, _cx: Context, out: EventStream<HallEvent>) -> Result<()> {
        let boards: Vec<_> = self.keys.iter().map(|key| board(key)).collect();
        match boards.as_slice() {
            [one] => out.follow(one).await,
            several => out.follow_all(several).await,
        }
    }
}

/// A page about boards.
struct BoardsPage {
    /// As a script passes it to `.from(…)`.
    position: String,
    /// As it is in the head.
    of_head: String,
}

impl BoardsPage {
    async fn open(app: &TestApp, keys: &[&str]) -> Self {
        let answer = app.send(get(&format!("/boards/{}", keys.join(",")), "")).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        Self {
            position: quoted_after("data-position=", &answer.body),
            of_head: quoted_after("name=\"kipo-position\" content=", &answer.body),
        }
    }

    /// Returns the head fields of a stream that starts by itself, and of one that a script starts.
    fn headers(&self) -> [String; 2] {
        let Self { position, of_head } = self;
        [format!("kipo-position: {of_head}\r\n"), format!("last-event-id: {position}\r\n")]
    }
}

/// What a stream of boards has sent up to some text.
struct Sent {
    resume: String,
    texts: Vec<String>,
    /// The data of each `kipo:gap`.
    gaps: Vec<String>,
}

async fn follow_boards(app: &TestApp, keys: &[&str], header: &str, until: &str) -> Sent {
    let query: Vec<_> = keys.iter().map(|key| format!("keys={key}")).collect();
    let path = format!("/_kipo/actions/position.FollowBoards?{}", query.join("&"));
    let mut client = app.connect().await;
    client.write(get(&path, header)).await;
    assert_eq!(client.head().await.status, 200);
    let text = client.until(&format!("{until}\n")).await;
    let data = |name: &str| -> Vec<String> {
        let frames = text.split("\n\n").filter_map(|frame| frame.split_once(name));
        let lines = frames.filter_map(|(_, rest)| rest.lines().nth(1)?.strip_prefix("data: "));
        lines.map(str::to_owned).collect()
    };
    // A topic that has to be read from its store first comes after a first `kipo:ready`.
    let ready = text.rfind("event: kipo:ready").unwrap();
    Sent {
        resume: quoted_after("\"resume\":", &text[ready..]),
        texts: data("event: said").iter().map(|data| text_of(data)).collect(),
        gaps: data("event: kipo:gap"),
    }
}

async fn say(room: &Room, text: &str) {
    room.publish(&RoomEvent::Said { text: text.to_owned() }).await.unwrap();
}

/// Returns whether a gap says that the position is in another log. The position of a page has 8 bits
/// of the generation: where these are the same, the fingerprint shows it.
fn is_of_another_log(gap: &str) -> bool {
    let begins =
        |reason| gap.starts_with(&format!(r#"{{"reason":"{reason}","missed":null,"first":1"#));
    begins("new_generation") || begins("diverged")
}

/// Returns the end of the data of a message.
fn said(text: &str) -> String {
    format!("\"{text}\"}}")
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

    /// Returns the number in the position of the room.
    async fn seq(&self, app: &TestApp) -> u64 {
        let positions: Positions = self.position.parse().unwrap();
        let generation = app.room.position().await.unwrap().generation();
        positions.of("room", generation).unwrap().seq()
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
    let text = client.until(&said(last)).await;
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
    assert_eq!(tab.seq(&app).await, 0);
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
    let one = app.room.position().await.unwrap();
    let mut of_others = Positions::default();
    for topic in ["hall", "boards/a", "rooms"] {
        of_others.add(topic, one);
    }
    let nine = "A".repeat(9 * 16);
    for position in [&*of_others.to_string(), &one.to_string(), "42", "", "\u{fc}", &nine] {
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

#[tokio::test]
async fn the_first_message_of_a_topic_that_does_not_exist_yet_comes_with_the_stream() {
    let app = start().await;
    for key in ["new", "stored-new"] {
        let page = BoardsPage::open(&app, &[key]).await;
        pin(key, "one").await;
        pin(key, "two").await;
        for header in page.headers() {
            let sent = follow_boards(&app, &[key], &header, &said("two")).await;
            assert_eq!(
                (sent.resume.as_str(), sent.texts.join(" ").as_str()),
                ("resumed", "one two")
            );
        }
    }
}

#[tokio::test]
async fn a_topic_that_is_made_anew_after_its_page_was_rendered_is_one_gap() {
    let app = start().await;
    for (key, is_new) in
        [("anew", false), ("stored-anew", false), ("anew-empty", true), ("stored-anew-empty", true)]
    {
        if !is_new {
            pin(key, "shown").await;
        }
        let page = BoardsPage::open(&app, &[key]).await;
        pin(key, "lost").await;
        remove(key).await;
        pin(key, "one").await;
        pin(key, "two").await;
        for header in page.headers() {
            let sent = follow_boards(&app, &[key], &header, &said("two")).await;
            assert_eq!(sent.resume, "gap", "{key}: {header}");
            assert_eq!(sent.gaps.len(), 1, "{:?}", sent.gaps);
            assert!(is_of_another_log(&sent.gaps[0]), "{:?}", sent.gaps);
            assert_eq!(sent.texts, ["one", "two"], "{key}: {header}");
        }
    }
}

#[tokio::test]
async fn a_topic_that_is_removed_after_its_page_was_rendered_is_one_gap() {
    let app = start().await;
    for key in ["removed", "stored-removed"] {
        pin(key, "shown").await;
        let page = BoardsPage::open(&app, &[key]).await;
        remove(key).await;
        for header in page.headers() {
            let sent = follow_boards(&app, &[key], &header, r#""first":1}"#).await;
            assert_eq!((sent.resume.as_str(), sent.gaps.len()), ("gap", 1), "{key}: {header}");
        }
    }
}

#[tokio::test]
async fn one_stream_of_several_topics_starts_at_the_positions_of_its_page() {
    let app = start().await;
    let keys = ["left", "right", "stored-middle"];
    for key in keys {
        pin(key, &format!("{key} before")).await;
    }
    let page = BoardsPage::open(&app, &keys).await;
    assert_eq!(page.position, page.of_head);
    for key in keys {
        pin(key, &format!("{key} between")).await;
    }
    for header in page.headers() {
        let sent = follow_boards(&app, &keys, &header, &said("stored-middle between")).await;
        assert_eq!((sent.resume.as_str(), sent.gaps.len()), ("resumed", 0));
        assert_eq!(sent.texts, ["left between", "right between", "stored-middle between"]);
    }

    // The streams of single topics start at their own position among them.
    let [header, _] = page.headers();
    for key in keys {
        let between = format!("{key} between");
        let sent = follow_boards(&app, &[key], &header, &said(&between)).await;
        assert_eq!((sent.resume.as_str(), sent.texts), ("resumed", vec![between]));
    }
}

#[tokio::test]
async fn a_stream_of_several_topics_starts_at_the_position_of_the_one_that_its_page_shows() {
    let app = start().await;
    for key in ["shown", "other"] {
        pin(key, &format!("{key} before")).await;
    }
    let [header, _] = BoardsPage::open(&app, &["shown"]).await.headers();
    pin("shown", "between").await;
    let sent = follow_boards(&app, &["other", "shown"], &header, &said("between")).await;
    assert_eq!((sent.resume.as_str(), sent.gaps.len()), ("resumed", 0));
    assert_eq!(sent.texts, ["other before", "between"]);
}

#[tokio::test]
async fn of_several_topics_the_one_that_is_made_anew_is_one_gap() {
    let app = start().await;
    let keys = ["stays", "stored-goes"];
    for key in keys {
        pin(key, "before").await;
    }
    let page = BoardsPage::open(&app, &keys).await;
    remove("stored-goes").await;
    pin("stored-goes", "anew").await;
    pin("stays", "between").await;
    for header in page.headers() {
        let sent = follow_boards(&app, &keys, &header, &said("anew")).await;
        assert_eq!(sent.resume, "gap");
        assert_eq!(sent.gaps.len(), 1, "{:?}", sent.gaps);
        assert!(is_of_another_log(&sent.gaps[0]), "{:?}", sent.gaps);
        assert!(sent.gaps[0].ends_with(r#""topic":"stored/stored-goes"}"#), "{:?}", sent.gaps);
        assert_eq!(sent.texts, ["between", "anew"]);
    }
}

#[tokio::test]
async fn a_position_of_another_topic_that_a_script_passes_is_a_gap() {
    let app = start().await;
    let keys = ["first", "second"];
    for key in keys {
        pin(key, key).await;
    }
    let of_second = BoardsPage::open(&app, &["second"]).await.position;
    let header = format!("last-event-id: {of_second}\r\n");
    let sent = follow_boards(&app, &["first"], &header, &said("first")).await;
    assert_eq!((sent.resume.as_str(), sent.gaps.len()), ("gap", 1));
    assert!(sent.gaps[0].contains("new_generation"), "{:?}", sent.gaps);

    // The position of one topic is none in several, and the other way round.
    let sent = follow_boards(&app, &keys, &header, &said("second")).await;
    assert_eq!((sent.resume.as_str(), sent.gaps.len()), ("gap", 2));
    let of_both = BoardsPage::open(&app, &keys).await.position;
    let header = format!("last-event-id: {of_both}\r\n");
    let sent = follow_boards(&app, &["first"], &header, &said("first")).await;
    assert_eq!((sent.resume.as_str(), sent.gaps.len()), ("gap", 1));
}
