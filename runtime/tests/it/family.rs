//! A topic for each key, through actions: hostile keys, who may follow which, cursors of several
//! topics.

use std::sync::Arc;

use kipo::{
    Action, Context, Durability, Error, Event, EventStream, Result, StreamAction, Topics, action,
    topic::{Cursor, Positions, Store},
};
use serde_json::json;

use crate::support::{Client, Folder, TestApp, get, post};

/// The boards of one test.
type Boards = Arc<Topics<String, BoardEvent>>;

#[derive(Event)]
enum BoardEvent {
    Card { text: String },
}

/// Publishes a card.
#[action]
struct Pin {
    board: String,
    text: String,
}

impl Action for Pin {
    type Output = String;

    async fn call(self, cx: Context) -> Result<String> {
        let board = cx.state::<Boards>()?.of(&self.board);
        Ok(board.publish(&BoardEvent::Card { text: self.text }).await?.to_string())
    }
}

/// Follows boards. Only members follow a board whose key begins with `members`.
#[action]
struct Watch {
    boards: Vec<String>,
}

impl StreamAction for Watch {
    type Event = BoardEvent;
    type Output = ();

    async fn stream(self, cx: Context, out: EventStream<BoardEvent>) -> Result<()> {
        let is_private = self.boards.iter().any(|board| board.starts_with("members"));
        if is_private && cx.cookie("member").is_none() {
            return Err(Error::forbidden("only members follow this board"));
        }
        let family = cx.state::<Boards>()?;
        let boards: Vec<_> = self.boards.iter().map(|board| family.of(board)).collect();
        match boards.as_slice() {
            [one] => out.follow(one).await,
            several => out.follow_all(several).await,
        }
    }
}

/// Starts an app with boards in memory.
async fn start() -> (TestApp, Boards) {
    with(Boards::new(Topics::new("board"))).await
}

async fn with(boards: Boards) -> (TestApp, Boards) {
    let state = Arc::clone(&boards);
    (TestApp::with(|app| app.state(state)).await, boards)
}

async fn pin(boards: &Boards, board: &str, text: &str) -> Cursor {
    boards.of(board).publish(&BoardEvent::Card { text: text.to_owned() }).await.unwrap()
}

async fn watch(app: &TestApp, boards: &[&str], headers: &str) -> Client {
    let headers = format!("accept: text/event-stream\r\n{headers}");
    let body = json!({ "boards": boards }).to_string();
    let mut client = app.connect().await;
    client.write(post("family.Watch", &headers, &body)).await;
    assert_eq!(client.head().await.status, 200);
    client
}

/// Keys that a name in a path, a subject of NATS or a pattern of Redis would read as more than text.
fn hostile_keys() -> Vec<String> {
    let longest = ["a".repeat(128), "🦀".repeat(32), "/".repeat(128), ".".repeat(128)];
    let hostile = [
        "\0",
        "a\0b",
        ".",
        "..",
        "../a",
        "/etc/passwd",
        "a/b",
        "a//b",
        "/",
        "a.b",
        "a..b",
        ".a",
        "*",
        "a.*",
        ">",
        "a.>",
        "?",
        "[a]",
        "{a}",
        "$JS.API",
        " ",
        " a",
        "a ",
        "a\tb",
        "\r\n",
        "a\r\nid: 1\n\n",
        "%2e%2e",
        "%00",
        "\\",
        "..\\a",
        "🦀",
        "👩‍👩‍👧",
        "é",
        "e\u{301}",
        "\u{202e}a",
        "\u{feff}a",
        "\u{fffd}",
        "a'b\"c`",
        "<script>",
        "-",
        "_",
        "~",
        ":",
        "board/a",
        "null",
    ];
    hostile.iter().copied().map(str::to_owned).chain(longest).collect()
}

/// Publishes to each hostile key through an action, and follows each: its listener reads its own
/// message only.
async fn each_key_is_a_topic_of_its_own(boards: Boards) {
    let (app, boards) = with(boards).await;
    let mut keys = hostile_keys();
    for (n, key) in keys.iter().enumerate() {
        let body = json!({ "board": key, "text": format!("card {n}") }).to_string();
        let answer = app.call("family.Pin", &body).await;
        assert_eq!(answer.status, 200, "{key:?}: {}", answer.body);
        assert!(answer.body.contains("-1-"), "{key:?} is another key's topic: {}", answer.body);
    }
    for (n, key) in keys.iter().enumerate() {
        let text = watch(&app, &[key], "").await.until(&format!("\"card {n}\"}}")).await;
        assert_eq!(text.matches("event: card").count(), 1, "{key:?}: {text}");
    }
    keys.sort_unstable();
    assert_eq!(boards.list("", None, 1000).await.unwrap(), keys);
}

#[tokio::test]
async fn each_text_of_1_to_128_bytes_is_the_key_of_a_topic_in_memory() {
    each_key_is_a_topic_of_its_own(Boards::new(Topics::new("board"))).await;
}

#[tokio::test]
async fn each_text_of_1_to_128_bytes_is_the_key_of_a_topic_on_disk() {
    let folder = Folder::new();
    let store = Store::open(folder.path()).unwrap();
    let boards = Boards::new(Topics::durable("board", Durability::Os));
    boards.open(&store).unwrap();
    each_key_is_a_topic_of_its_own(boards).await;
    store.close();
}

#[tokio::test]
async fn a_key_of_0_or_129_bytes_is_a_400() {
    let (app, boards) = start().await;
    for key in [String::new(), "a".repeat(129), "🦀".repeat(33), ".".repeat(100_000)] {
        let body = json!({ "board": key, "text": "lost" }).to_string();
        app.call("family.Pin", &body).await.problem(400, "bad_request");
        for keys in [&[&*key][..], &[&*key, "a"]] {
            let text = watch(&app, keys, "").await.stream_to_end().await;
            let error = text.split_once("event: error\ndata: ").unwrap().1;
            assert!(error.contains(r#""status":400,"#), "{text}");
        }
    }
    // The board `a` was followed, and has had no message.
    let listed = boards.list("", None, 10).await.unwrap();
    assert!(listed.is_empty(), "{listed:?}");
}

#[tokio::test]
async fn the_action_decides_who_follows_which_topic() {
    let (app, boards) = start().await;
    pin(&boards, "open", "for all").await;
    pin(&boards, "members", "for members").await;
    for keys in [&["members"][..], &["open", "members"]] {
        let text = watch(&app, keys, "").await.stream_to_end().await;
        let error = text.split_once("event: error\ndata: ").unwrap().1;
        assert!(error.contains(r#""code":"forbidden""#), "{text}");
        assert!(error.contains(r#""status":403,"#), "{text}");
        assert!(!text.contains("event: card"), "{text}");
        watch(&app, keys, "cookie: member=1\r\n").await.until("\"for members\"}").await;
    }
    watch(&app, &["open"], "").await.until("\"for all\"}").await;
}

/// Returns the text of positions, one at the newest message of each topic.
async fn positions(boards: &Boards, keys: &[&str]) -> String {
    let mut positions = Positions::default();
    for key in keys {
        let board = boards.of(*key);
        positions.add(board.name(), board.position().await.unwrap());
    }
    positions.to_string()
}

#[tokio::test]
async fn a_position_in_a_topic_that_the_user_may_not_see_grants_nothing() {
    let (app, boards) = start().await;
    pin(&boards, "members", "secret").await;
    let seen = positions(&boards, &["members", "open"]).await;
    let single = boards.of("members").position().await.unwrap().to_string();
    pin(&boards, "members", "secret too").await;
    pin(&boards, "open", "for all").await;
    for (name, position) in
        [("last-event-id", &seen), ("kipo-position", &seen), ("last-event-id", &single)]
    {
        for keys in [&["open"][..], &["open", "other"]] {
            let header = format!("{name}: {position}\r\n");
            let text = watch(&app, keys, &header).await.until("\"for all\"}").await;
            assert!(!text.contains("secret") && !text.contains("members"), "{text}");
        }
        let header = format!("{name}: {position}\r\n");
        let text = watch(&app, &["members"], &header).await.stream_to_end().await;
        assert!(text.contains(r#""status":403,"#) && !text.contains("secret"), "{text}");
    }
}

#[tokio::test]
async fn a_cursor_of_nine_topics_or_with_two_entries_for_one_is_a_gap_for_each() {
    let (app, boards) = start().await;
    let keys = ["a", "b", "c", "d", "e", "f", "g", "h", "i"];
    for key in keys {
        pin(&boards, key, key).await;
    }
    // Three positions below 128 have 32 characters, so their texts can be joined.
    let mut three = Vec::new();
    for keys in keys.chunks(3) {
        three.push(positions(&boards, keys).await);
    }
    assert!(three.iter().all(|text| text.len() == 32));
    let of_nine = three.concat();
    let twice = three[0].repeat(2);
    for text in [&*of_nine, &twice, "42", "\u{fc}", &"A".repeat(128)] {
        let header = format!("last-event-id: {text}\r\n");
        let read = watch(&app, &keys[..3], &header).await.until("\"c\"}").await;
        assert!(read.contains("\"resume\":\"gap\""), "{text}: {read}");
        assert_eq!(read.matches("\"reason\":\"new_generation\"").count(), 3, "{text}: {read}");
        // The head of no page has such a position.
        let header = format!("kipo-position: {text}\r\n");
        let read = watch(&app, &keys[..3], &header).await.until("\"c\"}").await;
        assert!(read.contains("\"resume\":\"fresh\""), "{text}: {read}");
        assert_eq!(read.matches("event: card").count(), 3, "{text}: {read}");
    }

    let header = format!("last-event-id: {}\r\n", positions(&boards, &keys[..8]).await);
    pin(&boards, "h", "last").await;
    let read = watch(&app, &keys[..8], &header).await.until("\"last\"}").await;
    assert!(read.contains("\"resume\":\"resumed\""), "{read}");
    assert_eq!(read.matches("event: card").count(), 1, "{read}");
}

#[tokio::test]
async fn nine_topics_in_one_stream_are_a_400() {
    let (app, _) = start().await;
    let keys: Vec<_> = (0..9).map(|n| n.to_string()).collect();
    let keys: Vec<_> = keys.iter().map(String::as_str).collect();
    let text = watch(&app, &keys, "").await.stream_to_end().await;
    assert!(text.contains(r#""status":400,"#) && text.contains("at most 8 topics"), "{text}");

    // The same by a GET, as an `EventSource` sends it.
    let query: Vec<_> = keys.iter().map(|key| format!("boards={key}")).collect();
    let path = format!("/_kipo/actions/family.Watch?{}", query.join("&"));
    let mut client = app.connect().await;
    client.write(get(&path, "accept: text/event-stream\r\n")).await;
    assert_eq!(client.head().await.status, 200);
    assert!(client.stream_to_end().await.contains("at most 8 topics"));
}
